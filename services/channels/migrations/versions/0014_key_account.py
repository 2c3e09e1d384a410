"""Large customers: what was checked, and who looks after them."""

from alembic import op

revision = "channels_0014"
down_revision = "channels_0013"
branch_labels = None
depends_on = None

KEY_ACCOUNT = """
CREATE TABLE key_account (
  customer_id text PRIMARY KEY,
  unit_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('OPEN', 'APPROVED')),
  checks jsonb NOT NULL,
  manager text NOT NULL,
  assign_year integer NOT NULL,
  currency_code char(3),
  revenue_minor bigint,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  CHECK ((manager <> '') = (assign_year > 0)),
  CHECK ((manager <> '') = (revenue_minor IS NOT NULL)),
  CHECK ((currency_code IS NULL) = (revenue_minor IS NULL))
);
CREATE INDEX key_account_unit ON key_account (unit_id, customer_id);
CREATE INDEX key_account_manager ON key_account (manager) WHERE manager <> '';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(KEY_ACCOUNT)
