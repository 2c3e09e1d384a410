"""Targets of the year's plan in force, by copy from planning."""

from alembic import op

revision = "channels_0002"
down_revision = "channels_0001"
branch_labels = None
depends_on = None

TARGETS = """
CREATE TABLE year_plan_copy (
  unit_id text NOT NULL,
  fiscal_year integer NOT NULL,
  plan_version integer NOT NULL,
  currency_code char(3) NOT NULL,
  PRIMARY KEY (unit_id, fiscal_year)
);

CREATE TABLE sales_target_copy (
  plan_unit_id text NOT NULL,
  fiscal_year integer NOT NULL,
  month text NOT NULL,
  unit_id text NOT NULL,
  product_id text NOT NULL,
  measure text NOT NULL,
  value bigint NOT NULL,
  PRIMARY KEY (plan_unit_id, fiscal_year, month, unit_id, product_id, measure),
  FOREIGN KEY (plan_unit_id, fiscal_year) REFERENCES year_plan_copy
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TARGETS)
