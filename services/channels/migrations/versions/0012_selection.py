"""The selection of new distributors and their evaluation."""

from alembic import op

revision = "channels_0012"
down_revision = "channels_0011"
branch_labels = None
depends_on = None

SELECTION = """
CREATE TABLE selection (
  selection_id uuid PRIMARY KEY,
  unit_id text NOT NULL,
  year integer NOT NULL,
  state text NOT NULL,
  process_id uuid NOT NULL,
  places jsonb NOT NULL,
  prospects jsonb NOT NULL,
  listed text[] NOT NULL,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0)
);
CREATE INDEX selection_unit ON selection (unit_id, selection_id);

CREATE TABLE info_form (
  form_id uuid PRIMARY KEY,
  selection_id uuid NOT NULL REFERENCES selection,
  place text NOT NULL,
  partner_id text NOT NULL REFERENCES partner,
  state text NOT NULL CHECK (state IN ('SUBMITTED', 'CHECKED', 'RETURNED')),
  missing text[] NOT NULL,
  mandatory_count integer NOT NULL CHECK (mandatory_count >= cardinality(missing)),
  note text NOT NULL,
  submit_time timestamptz NOT NULL
);
CREATE INDEX info_form_place ON info_form (selection_id, place, form_id);

CREATE TABLE info_form_copy (
  form_id uuid NOT NULL REFERENCES info_form,
  holder text NOT NULL CHECK (holder IN ('HEADQUARTERS', 'OFFICE')),
  unit_id text NOT NULL,
  fields jsonb NOT NULL,
  PRIMARY KEY (form_id, holder)
);
SELECT mantle_append_only('info_form_copy');

CREATE TABLE evaluation (
  report_id uuid PRIMARY KEY,
  selection_id uuid NOT NULL REFERENCES selection,
  place text NOT NULL,
  partner_id text NOT NULL REFERENCES partner,
  unit_id text NOT NULL,
  state text NOT NULL
    CHECK (state IN ('DRAFT', 'REPORTED', 'ACCEPTED', 'REFUSED', 'APPROVED')),
  rating jsonb NOT NULL,
  items jsonb NOT NULL,
  checks jsonb NOT NULL,
  currency_code char(3),
  cost_minor bigint CHECK (cost_minor >= 0),
  contribution_minor bigint,
  recommendation text NOT NULL,
  create_time timestamptz NOT NULL,
  -- A report rests on data.
  CHECK (state = 'DRAFT' OR (jsonb_array_length(items) > 0 AND cost_minor IS NOT NULL))
);
CREATE INDEX evaluation_selection ON evaluation (selection_id, place);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(SELECTION)
