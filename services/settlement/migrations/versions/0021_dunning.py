"""An index of open invoices by their dunning level, for the reminder that looks all day."""

from alembic import op

revision = "settlement_0021"
down_revision = "settlement_0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index, so that invoices which have been reminded of are not read again."""
    op.execute(
        "CREATE INDEX invoice_dunning ON invoice (dunning_level, due_date)"
        " WHERE state IN ('ISSUED', 'PARTIALLY_PAID')"
    )
