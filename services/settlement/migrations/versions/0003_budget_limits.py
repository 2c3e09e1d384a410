"""Expense budgets of the year's plan in force, by copy from planning."""

from alembic import op

revision = "settlement_0003"
down_revision = "settlement_0002"
branch_labels = None
depends_on = None

LIMITS = """
CREATE TABLE year_plan_copy (
  unit_id text NOT NULL,
  fiscal_year integer NOT NULL,
  plan_version integer NOT NULL,
  currency_code char(3) NOT NULL,
  PRIMARY KEY (unit_id, fiscal_year)
);

CREATE TABLE budget_limit_copy (
  plan_unit_id text NOT NULL,
  fiscal_year integer NOT NULL,
  month text NOT NULL,
  unit_id text NOT NULL,
  expense_type text NOT NULL,
  amount_minor bigint NOT NULL,
  PRIMARY KEY (plan_unit_id, fiscal_year, month, unit_id, expense_type),
  FOREIGN KEY (plan_unit_id, fiscal_year) REFERENCES year_plan_copy
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(LIMITS)
