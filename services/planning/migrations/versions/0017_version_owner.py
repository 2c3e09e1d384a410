"""Whose steps alone change a version of the cube; those that are there are written by hand."""

from alembic import op

revision = "planning_0017"
down_revision = "planning_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the owner; the program before this one makes versions without."""
    op.execute("ALTER TABLE cube_version ADD COLUMN owner text NOT NULL DEFAULT ''")
