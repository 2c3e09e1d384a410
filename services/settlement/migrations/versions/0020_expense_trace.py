"""The trace of what an expense wants of its budget, and the few whose budget is lost."""

from alembic import op

revision = "settlement_0020"
down_revision = "settlement_0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the trace of who changed an expense last, and an index of what is counted all day."""
    op.execute("ALTER TABLE expense ADD COLUMN traceparent text NOT NULL DEFAULT ''")
    op.execute("CREATE INDEX expense_budget_lost ON expense (state) WHERE budget_state = 'LOST'")
