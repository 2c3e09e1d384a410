"""Processes: definitions, running instances, their steps, and the history of what was done."""

from alembic import op

revision = "0002_process"
down_revision = "0001_chassis"

DEFINITION = """
CREATE TABLE process_definition (
  name text NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  hash text NOT NULL,
  content text NOT NULL,
  record_time timestamptz NOT NULL,
  PRIMARY KEY (name, version)
);
SELECT mantle_append_only('process_definition');
"""

INSTANCE = """
CREATE TABLE process_instance (
  process_id uuid PRIMARY KEY,
  definition text NOT NULL,
  version integer NOT NULL,
  subject_kind text NOT NULL,
  subject_id text NOT NULL,
  unit_id text NOT NULL,
  keys jsonb NOT NULL,
  traceparent text NOT NULL,
  create_time timestamptz NOT NULL,
  state text NOT NULL,
  revision integer NOT NULL CHECK (revision > 0),
  done boolean NOT NULL,
  FOREIGN KEY (definition, version) REFERENCES process_definition (name, version),
  UNIQUE (subject_kind, subject_id)
);

CREATE TABLE process_step (
  process_id uuid NOT NULL REFERENCES process_instance (process_id),
  step integer NOT NULL,
  key text NOT NULL,
  state text NOT NULL CHECK (state IN ('WAITING', 'OPEN', 'DONE', 'DORMANT')),
  unit_id text NOT NULL,
  role text,
  answer text,
  done_by text,
  done_time timestamptz,
  open_time timestamptz,
  due_time timestamptz,
  PRIMARY KEY (process_id, step, key),
  CHECK ((state = 'DONE') = (done_by IS NOT NULL AND done_time IS NOT NULL)),
  CHECK (state <> 'OPEN' OR open_time IS NOT NULL)
);
-- Open steps alone, so that an inbox costs the same however many processes have ended.
CREATE INDEX process_step_open_role ON process_step (role, open_time, process_id, step, key)
  WHERE state = 'OPEN';
CREATE INDEX process_step_open_unit ON process_step (role, unit_id) WHERE state = 'OPEN';
CREATE INDEX process_step_open_due ON process_step (due_time, process_id, step, key)
  WHERE state = 'OPEN' AND due_time IS NOT NULL;
"""

HISTORY = """
CREATE TABLE process_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  process_id uuid NOT NULL REFERENCES process_instance (process_id),
  act text NOT NULL CHECK (act IN ('STARTED', 'COMPLETED', 'REOPENED', 'ASSIGNED')),
  step integer,
  key text NOT NULL,
  revision integer NOT NULL,
  answer text,
  role text,
  subject text NOT NULL,
  actor text NOT NULL,
  occur_time timestamptz NOT NULL,
  note text NOT NULL,
  CHECK ((act = 'STARTED') = (step IS NULL))
);
CREATE INDEX process_history_process ON process_history (process_id, id);
SELECT mantle_append_only('process_history');
"""


def upgrade() -> None:
    """Create the tables of the process mechanism; definitions and history are never changed."""
    op.execute(DEFINITION)
    op.execute(INSTANCE)
    op.execute(HISTORY)
