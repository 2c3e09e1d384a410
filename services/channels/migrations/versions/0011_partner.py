"""The terms of agreements, their territories, credit changes, and what settlement told of a
partner."""

from alembic import op

revision = "channels_0011"
down_revision = "channels_0010"
branch_labels = None
depends_on = None

PARTNERS = """
ALTER TABLE partner DROP CONSTRAINT partner_state_check;
ALTER TABLE partner ADD CONSTRAINT partner_state_check CHECK (state IN (
  'PROSPECT', 'CANDIDATE', 'EVALUATED', 'APPROVED', 'ACTIVE', 'UNDER_REVIEW', 'TERMINATED',
  'REPLACED'));
ALTER TABLE partner DROP CONSTRAINT partner_check1;
ALTER TABLE partner ADD CONSTRAINT partner_has_credit CHECK (
  state IN ('PROSPECT', 'CANDIDATE', 'EVALUATED', 'REPLACED') OR currency_code IS NOT NULL);
ALTER TABLE partner ADD COLUMN price_policy text NOT NULL DEFAULT '';
ALTER TABLE partner ADD COLUMN terms_year integer NOT NULL DEFAULT 0;
UPDATE partner SET terms_year = known.year
FROM (SELECT partner_id,
        coalesce(max(year) FILTER (WHERE year <= extract(year FROM now())), min(year)) AS year
      FROM agreement GROUP BY partner_id) AS known
WHERE known.partner_id = partner.partner_id;
"""

AGREEMENTS = """
ALTER TABLE agreement ADD COLUMN target_minor bigint CHECK (target_minor > 0);
ALTER TABLE agreement ADD COLUMN rebate_policy text NOT NULL DEFAULT '';
ALTER TABLE agreement ADD COLUMN price_policy text NOT NULL DEFAULT '';
ALTER TABLE agreement ADD COLUMN report_id text NOT NULL DEFAULT '';
CREATE INDEX agreement_year ON agreement (year, partner_id);

CREATE TABLE agreement_ending (
  agreement_id uuid PRIMARY KEY REFERENCES agreement,
  state text NOT NULL CHECK (state IN ('RENEWED', 'ADJUSTED', 'TERMINATED')),
  end_date date NOT NULL,
  reason text NOT NULL,
  end_time timestamptz NOT NULL
);
SELECT mantle_append_only('agreement_ending');

CREATE SEQUENCE territory_slot_seq;

CREATE TABLE agreement_territory (
  agreement_id uuid NOT NULL REFERENCES agreement,
  area text NOT NULL,
  kind text NOT NULL,
  exclusive boolean NOT NULL,
  valid daterange NOT NULL CHECK (NOT isempty(valid)),
  -- All slots for an exclusive area, one of its own for any other.
  slot int8range NOT NULL CHECK (exclusive = (lower_inf(slot) AND upper_inf(slot))),
  PRIMARY KEY (agreement_id, area),
  CONSTRAINT territory_exclusive EXCLUDE USING gist (
    area WITH =, kind WITH =, valid WITH &&, slot WITH &&)
);
"""

SETTLED = """
CREATE TABLE invoice_copy (
  invoice_id text PRIMARY KEY,
  order_id uuid NOT NULL,
  partner_id text NOT NULL,
  customer_id text NOT NULL,
  unit_id text NOT NULL,
  issue_date date NOT NULL,
  due_date date NOT NULL,
  paid_date date,
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0)
);
CREATE INDEX invoice_copy_partner ON invoice_copy (partner_id, issue_date);
CREATE INDEX invoice_copy_customer ON invoice_copy (customer_id, issue_date)
  WHERE customer_id <> '';
"""

GRADING = """
CREATE TABLE credit_change (
  change_id uuid PRIMARY KEY,
  partner_id text NOT NULL REFERENCES partner,
  unit_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('PROPOSED', 'REVIEWED', 'IN_FORCE', 'REFUSED')),
  points numeric NOT NULL CHECK (points BETWEEN 0 AND 100),
  scores jsonb NOT NULL,
  policy_ids text[] NOT NULL,
  from_grade text NOT NULL,
  to_grade text NOT NULL,
  points_min numeric NOT NULL,
  currency_code char(3) NOT NULL,
  limit_minor bigint NOT NULL CHECK (limit_minor >= 0),
  credit_days integer NOT NULL CHECK (credit_days >= 0),
  approver_role text NOT NULL,
  reason text NOT NULL,
  proposed_by text NOT NULL,
  reviewed_by text NOT NULL,
  decided_by text NOT NULL,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0)
);
CREATE UNIQUE INDEX credit_change_open ON credit_change (partner_id)
  WHERE state IN ('PROPOSED', 'REVIEWED');
CREATE INDEX credit_change_unit ON credit_change (unit_id, change_id);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(PARTNERS)
    op.execute(AGREEMENTS)
    op.execute(SETTLED)
    op.execute(GRADING)
