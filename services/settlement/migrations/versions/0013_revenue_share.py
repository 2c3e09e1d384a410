"""Revenue share: schemes, their capital tables and distributions."""

from alembic import op

revision = "settlement_0013"
down_revision = "settlement_0012"
branch_labels = None
depends_on = None

SCHEME = """
CREATE TABLE share_scheme (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scheme_id uuid NOT NULL UNIQUE,
  unit_id text NOT NULL,
  title text NOT NULL,
  steering_group text[] NOT NULL,
  state text NOT NULL CHECK (state IN ('DRAFT', 'DISCUSSED', 'TRIAL', 'EFFECTIVE')),
  process_id uuid NOT NULL UNIQUE,
  currency_code char(3) NOT NULL,
  policy_id uuid NOT NULL,
  unit_weight text NOT NULL,
  company_weight text NOT NULL,
  flexible_weight text NOT NULL,
  admission_score text NOT NULL,
  loss_minor bigint NOT NULL CHECK (loss_minor >= 0),
  last_month text,
  created_by text NOT NULL,
  create_time timestamptz NOT NULL
);
"""

CAPITAL = """
CREATE TABLE capital_table (
  scheme_id uuid NOT NULL REFERENCES share_scheme (scheme_id),
  version integer NOT NULL CHECK (version > 0),
  effective_date date NOT NULL,
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (scheme_id, version)
);
SELECT mantle_append_only('capital_table');

CREATE TABLE capital_entry (
  scheme_id uuid NOT NULL,
  version integer NOT NULL,
  place integer NOT NULL,
  participant_id text NOT NULL,
  capital_minor bigint NOT NULL CHECK (capital_minor > 0),
  currency_code char(3) NOT NULL,
  PRIMARY KEY (scheme_id, version, place),
  UNIQUE (scheme_id, version, participant_id),
  FOREIGN KEY (scheme_id, version) REFERENCES capital_table
);
SELECT mantle_append_only('capital_entry');
"""

DISTRIBUTION = """
CREATE TABLE share_distribution (
  distribution_id uuid PRIMARY KEY,
  scheme_id uuid NOT NULL REFERENCES share_scheme (scheme_id),
  unit_id text NOT NULL,
  month text NOT NULL,
  currency_code char(3) NOT NULL,
  income_minor bigint NOT NULL CHECK (income_minor >= 0),
  cost_minor bigint NOT NULL CHECK (cost_minor >= 0),
  loss_before_minor bigint NOT NULL CHECK (loss_before_minor >= 0),
  capital_version integer NOT NULL,
  state text NOT NULL CHECK (state IN ('CALCULATED', 'APPROVED', 'PAID')),
  calculated_by text NOT NULL,
  create_time timestamptz NOT NULL,
  approved_by text NOT NULL CHECK (approved_by <> calculated_by),
  approve_date date,
  pay_date date,
  UNIQUE (scheme_id, month),
  CHECK ((state = 'CALCULATED') = (approve_date IS NULL)),
  CHECK ((state = 'PAID') = (pay_date IS NOT NULL))
);

CREATE TABLE share_line (
  distribution_id uuid NOT NULL REFERENCES share_distribution,
  place integer NOT NULL,
  pool text NOT NULL CHECK (pool IN ('UNIT', 'COMPANY', 'FLEXIBLE')),
  participant_id text NOT NULL,
  weight text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  currency_code char(3) NOT NULL,
  PRIMARY KEY (distribution_id, place)
);
CREATE INDEX share_line_participant ON share_line (participant_id);
SELECT mantle_append_only('share_line');
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(SCHEME)
    op.execute(CAPITAL)
    op.execute(DISTRIBUTION)
