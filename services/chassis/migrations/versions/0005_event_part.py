"""Parts of facts that are told in several events, until the last is here."""

from alembic import op

revision = "0005_event_part"
down_revision = "0004_work"

PARTS = """
CREATE TABLE event_part (
  source text NOT NULL,
  type text NOT NULL,
  ordering_key text NOT NULL,
  version bigint NOT NULL,
  part integer NOT NULL CHECK (part >= 0),
  payload bytea NOT NULL,
  PRIMARY KEY (source, type, ordering_key, version, part)
);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(PARTS)
