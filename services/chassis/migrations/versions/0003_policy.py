"""Policies: the versions this service owns, and copies of those it does not."""

from alembic import op

revision = "0003_policy"
down_revision = "0002_process"
branch_labels = None
depends_on = None

COLUMNS = """
  policy_id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind <> ''),
  scope text NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  valid daterange NOT NULL CHECK (NOT isempty(valid) AND NOT lower_inf(valid)),
  planned_end date,
  state text NOT NULL CHECK (state IN ('DRAFT', 'APPROVED', 'WITHDRAWN')),
  assumed boolean NOT NULL,
  summary text NOT NULL,
  parameters jsonb NOT NULL,
  conditions json NOT NULL,
  variables jsonb NOT NULL,
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  approved_by text NOT NULL,
  approve_time timestamptz,
  withdrawn_by text NOT NULL,
  withdraw_time timestamptz,
  successor_id uuid,
  revision integer NOT NULL CHECK (revision > 0)
"""

# A copy has no exclusion constraint: what is told out of order may overlap until the rest is told.
TABLES = f"""
CREATE TABLE policy (
  {COLUMNS},
  UNIQUE (kind, scope, version),
  CHECK (state <> 'APPROVED' OR (approved_by <> '' AND approve_time IS NOT NULL)),
  CONSTRAINT policy_one_a_day EXCLUDE USING gist (kind WITH =, scope WITH =, valid WITH &&)
    WHERE (state = 'APPROVED')
);
CREATE UNIQUE INDEX policy_successor_id ON policy (successor_id);

CREATE TABLE policy_copy (
  {COLUMNS}
);
CREATE INDEX policy_copy_kind_scope ON policy_copy (kind, scope);

DO $$
DECLARE app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
  EXECUTE format('REVOKE DELETE, TRUNCATE ON policy, policy_copy FROM %I', app);
END $$;
"""


def upgrade() -> None:
    """Make the tables; what was once written stays, so nobody but the owner may delete."""
    op.execute(TABLES)
