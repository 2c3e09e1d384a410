"""Long work: runs with their cursor and epoch, and the preview rows of dry runs."""

from alembic import op

revision = "0004_work"
down_revision = "0003_policy"

WORK = """
CREATE TABLE work_run (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind <> ''),
  key text NOT NULL CHECK (key <> ''),
  dry_run boolean NOT NULL,
  state text NOT NULL CHECK (state IN ('PENDING', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')),
  cursor jsonb NOT NULL,
  epoch bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
  total bigint CHECK (total >= 0),
  done_count bigint NOT NULL DEFAULT 0 CHECK (done_count >= 0),
  message text NOT NULL DEFAULT '',
  unit_id text NOT NULL,
  requested_by text NOT NULL,
  traceparent text NOT NULL,
  create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_time timestamptz,
  ended_time timestamptz,
  lease_until timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (kind, key, dry_run),
  CHECK ((ended_time IS NOT NULL) = (state IN ('DONE', 'FAILED', 'CANCELLED')))
);
CREATE INDEX work_run_open ON work_run (create_time, id) WHERE state IN ('PENDING', 'RUNNING');
CREATE INDEX work_run_newest ON work_run (create_time DESC, id DESC);

CREATE TABLE work_preview (
  run_id uuid NOT NULL REFERENCES work_run (id),
  ordinal bigint NOT NULL CHECK (ordinal > 0),
  fact text NOT NULL,
  content jsonb NOT NULL,
  PRIMARY KEY (run_id, ordinal)
);
"""


def upgrade() -> None:
    """Create the tables of long work."""
    op.execute(WORK)
