"""Posts of units, persons, and who holds which post when; functions of units."""

from alembic import op

revision = "planning_0011"
down_revision = "planning_0010"
branch_labels = None
depends_on = None

UNIT = "ALTER TABLE org_unit ADD COLUMN functions text[] NOT NULL DEFAULT '{}'"

POST = """
CREATE TABLE person (
  subject text PRIMARY KEY,
  name text NOT NULL,
  unit_id text NOT NULL REFERENCES org_unit (unit_id)
);

CREATE TABLE post (
  post_id uuid PRIMARY KEY,
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  name text NOT NULL,
  role text NOT NULL,
  duties text[] NOT NULL,
  kpis text[] NOT NULL,
  manager_post_id uuid REFERENCES post (post_id) CHECK (manager_post_id <> post_id),
  valid daterange NOT NULL CHECK (NOT isempty(valid) AND NOT lower_inf(valid)),
  version bigint NOT NULL CHECK (version > 0),
  created_by text NOT NULL
);
CREATE INDEX post_unit ON post (unit_id, role);
CREATE INDEX post_manager ON post (manager_post_id);

-- Nobody shares a post on a day, whatever the code does.
CREATE TABLE post_assignment (
  assignment_id uuid PRIMARY KEY,
  post_id uuid NOT NULL REFERENCES post (post_id),
  subject text NOT NULL REFERENCES person (subject),
  valid daterange NOT NULL CHECK (NOT isempty(valid) AND NOT lower_inf(valid)),
  CONSTRAINT post_one_holder_a_day EXCLUDE USING gist (post_id WITH =, valid WITH &&)
);
CREATE INDEX post_assignment_subject ON post_assignment (subject);
"""


def upgrade() -> None:
    """Make the tables; a post keeps all its assignments."""
    op.execute(UNIT)
    op.execute(POST)
