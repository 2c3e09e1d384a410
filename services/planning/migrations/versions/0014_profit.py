"""What the amounts of a version are computed from: prices in layers, and shares of sales."""

from alembic import op

revision = "planning_0014"
down_revision = "planning_0013"
branch_labels = None
depends_on = None

PROFIT = """
CREATE TABLE price_assumption (
  version_id uuid NOT NULL REFERENCES cube_version (version_id),
  product_id text COLLATE "C" NOT NULL CHECK (product_id <> ''),
  channel text COLLATE "C" NOT NULL,
  currency_code char(3) NOT NULL,
  list_price numeric(18, 6) NOT NULL CHECK (list_price >= 0),
  channel_factor numeric(7, 6) NOT NULL CHECK (channel_factor BETWEEN 0 AND 1),
  allowance_share numeric(7, 6) NOT NULL CHECK (allowance_share BETWEEN 0 AND 1),
  unit_cost numeric(18, 6) NOT NULL CHECK (unit_cost >= 0),
  PRIMARY KEY (version_id, product_id, channel)
);

CREATE TABLE sales_share (
  version_id uuid NOT NULL REFERENCES cube_version (version_id),
  expense_type text COLLATE "C" NOT NULL CHECK (expense_type <> ''),
  share numeric(7, 6) NOT NULL CHECK (share BETWEEN 0 AND 1),
  PRIMARY KEY (version_id, expense_type)
);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(PROFIT)
