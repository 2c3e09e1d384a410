"""Commission is confirmed by its order's own cooling-off, which is known at the delivery."""

from alembic import op

revision = "settlement_0002"
down_revision = "settlement_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let an entry wait without a day."""
    op.execute("ALTER TABLE commission_entry ALTER COLUMN confirm_date DROP NOT NULL")
