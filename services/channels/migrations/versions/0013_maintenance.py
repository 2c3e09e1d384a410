"""The yearly maintenance of partners, and their awards."""

from alembic import op

revision = "channels_0013"
down_revision = "channels_0012"
branch_labels = None
depends_on = None

MAINTENANCE = """
CREATE TABLE maintenance (
  cycle_id uuid PRIMARY KEY,
  unit_id text NOT NULL,
  year integer NOT NULL,
  state text NOT NULL CHECK (state IN ('OPEN', 'CLOSED')),
  run_id uuid NOT NULL,
  create_time timestamptz NOT NULL,
  UNIQUE (unit_id, year)
);

CREATE TABLE partner_review (
  review_id uuid PRIMARY KEY,
  cycle_id uuid NOT NULL REFERENCES maintenance,
  partner_id text NOT NULL REFERENCES partner,
  unit_id text NOT NULL,
  year integer NOT NULL,
  state text NOT NULL CHECK (state IN ('OPEN', 'EVALUATED', 'DECIDED', 'APPROVED', 'DONE')),
  currency_code char(3),
  purchases_minor bigint,
  target_minor bigint,
  invoices integer NOT NULL CHECK (invoices >= 0),
  late_invoices integer NOT NULL CHECK (late_invoices BETWEEN 0 AND invoices),
  points numeric CHECK (points BETWEEN 0 AND 100),
  proposal text NOT NULL,
  from_grade text NOT NULL,
  to_grade text NOT NULL,
  decision text,
  reason text NOT NULL,
  terms jsonb,
  decided_by text NOT NULL,
  approved_by text NOT NULL,
  -- A partner has one review a year, whichever unit looks at it.
  UNIQUE (partner_id, year),
  CHECK (decision IS NOT NULL OR state IN ('OPEN', 'EVALUATED'))
);
CREATE INDEX partner_review_cycle ON partner_review (cycle_id, review_id);

CREATE TABLE partner_award (
  award_id uuid PRIMARY KEY,
  partner_id text NOT NULL REFERENCES partner,
  unit_id text NOT NULL,
  ranked_unit_id text NOT NULL,
  kind text NOT NULL,
  year integer NOT NULL,
  rank integer NOT NULL CHECK (rank > 0),
  currency_code char(3) NOT NULL,
  purchases_minor bigint NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  grant_time timestamptz NOT NULL,
  UNIQUE (ranked_unit_id, year, kind, rank),
  -- Nobody is honoured twice for a year by being ranked in two units.
  UNIQUE (partner_id, year)
);
SELECT mantle_append_only('partner_award');
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(MAINTENANCE)
