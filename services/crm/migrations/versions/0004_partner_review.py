"""The yearly evaluations in the files of partners, by copy from channels."""

from alembic import op

revision = "crm_0004"
down_revision = "crm_0003"
branch_labels = None
depends_on = None

REVIEWS = """
CREATE TABLE partner_file_review (
  review_id text PRIMARY KEY,
  customer_id text NOT NULL REFERENCES partner_file,
  year integer NOT NULL,
  target_percent text NOT NULL,
  late_percent text NOT NULL,
  proposal text NOT NULL
);
CREATE INDEX partner_file_review_customer ON partner_file_review (customer_id, year);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(REVIEWS)
