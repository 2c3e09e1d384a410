"""The files of customers that are partners, by copy from channels."""

from alembic import op

revision = "crm_0002"
down_revision = "crm_0001"
branch_labels = None
depends_on = None

FILES = """
CREATE TABLE partner_file (
  customer_id text PRIMARY KEY,
  unit_id text NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  state text NOT NULL CHECK (state IN ('SIGNED', 'ACTIVE', 'TERMINATED')),
  create_time timestamptz NOT NULL
);
CREATE INDEX partner_file_unit ON partner_file (unit_id, customer_id);

CREATE TABLE partner_file_agreement (
  agreement_id text PRIMARY KEY,
  customer_id text NOT NULL REFERENCES partner_file,
  year integer NOT NULL,
  report_id text NOT NULL,
  selection_id text NOT NULL,
  end_date date,
  end_reason text NOT NULL
);
CREATE INDEX partner_file_agreement_customer ON partner_file_agreement (customer_id, year);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(FILES)
