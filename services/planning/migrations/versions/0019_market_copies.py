"""What channels tells offices for their forecasts, and when an agreement ended."""

from alembic import op

revision = "planning_0019"
down_revision = "planning_0018"
branch_labels = None
depends_on = None

COPIES = """
-- From which month on a product is sold, as channels told it; empty means at once.
CREATE TABLE product_launch_copy (
  product_id text PRIMARY KEY,
  launch_month text NOT NULL,
  version bigint NOT NULL
);

-- What a partner reported last of a product.
CREATE TABLE partner_stock_copy (
  partner_id text NOT NULL,
  product_id text NOT NULL,
  unit_id text NOT NULL,
  month text NOT NULL,
  closing_quantity bigint NOT NULL,
  demand_quantity bigint NOT NULL,
  PRIMARY KEY (partner_id, product_id)
);
CREATE INDEX partner_stock_copy_unit ON partner_stock_copy (unit_id, partner_id, product_id);

-- Of which product too much came back from a partner in a year.
CREATE TABLE quality_risk_copy (
  risk_id text PRIMARY KEY,
  partner_id text NOT NULL,
  product_id text NOT NULL,
  unit_id text NOT NULL,
  year integer NOT NULL,
  back_percent numeric NOT NULL,
  percent_max numeric NOT NULL
);
CREATE INDEX quality_risk_copy_unit ON quality_risk_copy (unit_id, year);

-- First day on which a partner has no agreement any more, when one was terminated.
ALTER TABLE partner_activity_copy ADD COLUMN end_date date;
"""


def upgrade() -> None:
    """Create the copies."""
    op.execute(COPIES)
