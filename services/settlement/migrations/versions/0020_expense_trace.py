"""The trace of what an expense wants of its budget."""

from alembic import op

revision = "settlement_0020"
down_revision = "settlement_0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the trace of who changed an expense last."""
    op.execute("ALTER TABLE expense ADD COLUMN traceparent text NOT NULL DEFAULT ''")
