"""What expenses of a year brought, for the next year's budget form; and half-monthly fund plans."""

from alembic import op

revision = "planning_0018"
down_revision = "planning_0017"
branch_labels = None
depends_on = None

EVALUATION = """
CREATE TABLE expense_evaluation_copy (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  expense_id uuid NOT NULL UNIQUE,
  unit_id text NOT NULL,
  fiscal_year integer NOT NULL,
  expense_type text NOT NULL,
  purpose text NOT NULL,
  spent_minor bigint NOT NULL CHECK (spent_minor > 0),
  sales_before_minor bigint NOT NULL,
  sales_after_minor bigint NOT NULL,
  currency_code char(3) NOT NULL,
  opinion text NOT NULL,
  evaluated_by text NOT NULL
);
CREATE INDEX expense_evaluation_copy_year
  ON expense_evaluation_copy (fiscal_year, unit_id, sequence);
"""

FUND_PLAN = """
CREATE TABLE fund_plan (
  unit_id text NOT NULL,
  month text NOT NULL,
  half integer NOT NULL CHECK (half IN (1, 2)),
  state text NOT NULL CHECK (state IN ('DRAFT', 'SUBMITTED')),
  currency_code char(3) NOT NULL,
  opening_minor bigint NOT NULL,
  receipts_minor bigint NOT NULL CHECK (receipts_minor >= 0),
  payments_minor bigint NOT NULL CHECK (payments_minor >= 0),
  minimum_minor bigint NOT NULL CHECK (minimum_minor >= 0),
  receivable_minor bigint NOT NULL CHECK (receivable_minor >= 0),
  stock_minor bigint NOT NULL CHECK (stock_minor >= 0),
  payable_minor bigint NOT NULL CHECK (payable_minor >= 0),
  due_date date NOT NULL,
  written_by text NOT NULL,
  write_time timestamptz NOT NULL,
  submitted_by text NOT NULL,
  submit_date date,
  PRIMARY KEY (unit_id, month, half),
  CHECK ((state = 'SUBMITTED') = (submit_date IS NOT NULL))
);
CREATE INDEX fund_plan_half ON fund_plan (month, half, unit_id);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(EVALUATION)
    op.execute(FUND_PLAN)
