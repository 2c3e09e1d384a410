"""Sales that partners report: which order each of them became."""

from alembic import op

revision = "channels_0017"
down_revision = "channels_0016"
branch_labels = None
depends_on = None

REPORTED_SALE = """
CREATE TABLE reported_sale (
  partner_id text NOT NULL REFERENCES partner,
  sale_id text NOT NULL CHECK (sale_id <> ''),
  unit_id text NOT NULL,
  order_id uuid NOT NULL UNIQUE REFERENCES sales_order,
  sale_date date NOT NULL,
  report_time timestamptz NOT NULL,
  PRIMARY KEY (partner_id, sale_id)
);
SELECT mantle_append_only('reported_sale');
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(REPORTED_SALE)
