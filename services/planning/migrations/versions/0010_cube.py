"""The cube's tables: versions, acts on them, the chunks that acts are folded into, rows, lists."""

from alembic import op

revision = "planning_0010"
down_revision = "planning_0001"
branch_labels = None
depends_on = None

VERSIONS = """
CREATE TABLE cube_version (
  version_id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name <> ''),
  kind text NOT NULL CHECK (kind IN ('PLAN', 'FORECAST', 'ACTUAL', 'SCENARIO')),
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  currency_code char(3) NOT NULL,
  base_version_id uuid REFERENCES cube_version (version_id),
  base_act_id bigint NOT NULL,
  frozen boolean NOT NULL,
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  -- The last act, the transaction that did it, and the last act that the chunks have.
  head_act_id bigint NOT NULL,
  head_xid bigint NOT NULL,
  folded_act_id bigint NOT NULL,
  CHECK (folded_act_id <= head_act_id)
) WITH (fillfactor = 50);

-- Which sheets a version has: one measure of one year each.
CREATE TABLE cube_sheet (
  version_id uuid NOT NULL REFERENCES cube_version (version_id),
  measure text NOT NULL,
  year integer NOT NULL,
  PRIMARY KEY (version_id, measure, year)
);
"""

CHUNKS = """
-- Never changed; a branch has the chunks of its base until it folds changes of its own.
CREATE TABLE cube_chunk (
  chunk_id uuid PRIMARY KEY,
  data bytea NOT NULL
);
-- It is compressed already.
ALTER TABLE cube_chunk ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE cube_page (
  version_id uuid NOT NULL REFERENCES cube_version (version_id),
  measure text NOT NULL,
  year integer NOT NULL,
  no integer NOT NULL CHECK (no >= 0),
  chunk_id uuid NOT NULL REFERENCES cube_chunk (chunk_id),
  PRIMARY KEY (version_id, measure, year, no)
);
CREATE INDEX cube_page_chunk ON cube_page (chunk_id);
"""

ACTS = """
CREATE TABLE cube_act (
  act_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version_id uuid NOT NULL REFERENCES cube_version (version_id),
  act text NOT NULL CHECK (act IN ('WRITE', 'SPREAD', 'IMPORT', 'POST')),
  cause text NOT NULL,
  changed_by text NOT NULL,
  record_time timestamptz NOT NULL
);
CREATE INDEX cube_act_version ON cube_act (version_id, act_id);
-- What happened counts once.
CREATE UNIQUE INDEX cube_act_post ON cube_act (version_id, cause) WHERE act = 'POST';
SELECT mantle_append_only('cube_act');

CREATE TABLE cube_change (
  version_id uuid NOT NULL,
  measure text NOT NULL,
  year integer NOT NULL,
  no integer NOT NULL CHECK (no >= 0),
  act_id bigint NOT NULL REFERENCES cube_act (act_id),
  data bytea NOT NULL,
  PRIMARY KEY (version_id, measure, year, no, act_id)
);
ALTER TABLE cube_change ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX cube_change_act ON cube_change (version_id, act_id);
SELECT mantle_append_only('cube_change');
"""

LISTS = """
-- Numbered from 0 without a gap, one transaction at a time; the number is the place in every sheet.
CREATE TABLE cube_row (
  row_no integer PRIMARY KEY CHECK (row_no >= 0),
  unit_id text NOT NULL CHECK (unit_id <> ''),
  product_id text NOT NULL,
  channel text NOT NULL,
  terminal_id text NOT NULL,
  xid bigint NOT NULL,
  UNIQUE (unit_id, product_id, channel, terminal_id)
);
SELECT mantle_append_only('cube_row');

CREATE TABLE cube_member (
  axis text NOT NULL CHECK (axis IN ('PRODUCT', 'CHANNEL')),
  code text COLLATE "C" NOT NULL CHECK (code <> ''),
  name text NOT NULL,
  group_code text NOT NULL,
  PRIMARY KEY (axis, code)
);
INSERT INTO cube_member (axis, code, name, group_code)
SELECT 'PRODUCT', product_id, name, '' FROM product_copy;

-- Totals that the parts of a version must sum to.
CREATE TABLE cube_pin (
  version_id uuid NOT NULL REFERENCES cube_version (version_id),
  measure text NOT NULL,
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  product_id text NOT NULL,
  channel text NOT NULL,
  terminal_id text NOT NULL,
  first_month text NOT NULL,
  last_month text NOT NULL CHECK (last_month >= first_month),
  total bigint NOT NULL,
  PRIMARY KEY (
    version_id, measure, unit_id, product_id, channel, terminal_id, first_month, last_month
  )
);
"""


def upgrade() -> None:
    """Make the tables; acts, changes and rows are never changed once written."""
    op.execute(VERSIONS)
    op.execute(CHUNKS)
    op.execute(ACTS)
    op.execute(LISTS)
