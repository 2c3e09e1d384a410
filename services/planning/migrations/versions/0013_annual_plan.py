"""Year plans: items, meetings, contents, targets, revisions, archives; and what partners do."""

from alembic import op

revision = "planning_0013"
down_revision = "planning_0012"
branch_labels = None
depends_on = None

PLAN = """
CREATE TABLE annual_plan (
  annual_plan_id uuid PRIMARY KEY,
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  fiscal_year integer NOT NULL UNIQUE,
  currency_code char(3) NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  state text NOT NULL CHECK (state IN ('LAUNCHED', 'APPROVED', 'EFFECTIVE', 'ARCHIVED')),
  phase integer NOT NULL CHECK (phase BETWEEN 1 AND 5),
  revision integer NOT NULL CHECK (revision > 0),
  claims integer NOT NULL CHECK (claims BETWEEN 0 AND 4),
  process_id uuid NOT NULL UNIQUE,
  traceparent text NOT NULL,
  area_unit_ids text[] NOT NULL,
  office_unit_ids text[] NOT NULL,
  product_ids text[] NOT NULL,
  windows jsonb NOT NULL,
  target_versions jsonb NOT NULL,
  cube_version_id uuid NOT NULL,
  closings timestamptz[] NOT NULL CHECK (cardinality(closings) = phase - 1),
  priorities text NOT NULL,
  waiver_reason text NOT NULL,
  launched_by text NOT NULL,
  launch_time timestamptz NOT NULL
);

CREATE TABLE annual_plan_item (
  annual_plan_id uuid NOT NULL REFERENCES annual_plan (annual_plan_id),
  number integer NOT NULL CHECK (number BETWEEN 1 AND 37),
  text text NOT NULL,
  currency_code char(3),
  amount_minor bigint CHECK (amount_minor >= 0),
  provided_by text NOT NULL,
  provide_time timestamptz NOT NULL,
  PRIMARY KEY (annual_plan_id, number),
  CHECK ((currency_code IS NULL) = (amount_minor IS NULL))
);

CREATE TABLE annual_plan_meeting (
  annual_plan_id uuid NOT NULL REFERENCES annual_plan (annual_plan_id),
  kind text NOT NULL,
  planned_date date,
  held_date date,
  participants jsonb NOT NULL,
  minutes text NOT NULL CHECK (minutes = '' OR held_date IS NOT NULL),
  decisions text[] NOT NULL,
  minuted_by text NOT NULL CHECK ((minuted_by <> '') = (minutes <> '')),
  PRIMARY KEY (annual_plan_id, kind)
);

-- What the steps brought, as it was signed; a later one has a higher number, none is overwritten.
CREATE TABLE annual_plan_content (
  annual_plan_id uuid NOT NULL REFERENCES annual_plan (annual_plan_id),
  kind text NOT NULL,
  key text NOT NULL,
  number integer NOT NULL CHECK (number > 0),
  revision integer NOT NULL CHECK (revision > 0),
  content jsonb NOT NULL,
  recorded_by text NOT NULL,
  record_time timestamptz NOT NULL,
  PRIMARY KEY (annual_plan_id, kind, key, number)
);
SELECT mantle_append_only('annual_plan_content');

CREATE TABLE annual_plan_target (
  target_id uuid PRIMARY KEY,
  annual_plan_id uuid NOT NULL REFERENCES annual_plan (annual_plan_id),
  measure text NOT NULL CHECK (measure IN ('SALES', 'PROFIT', 'CONTRIBUTION')),
  view text NOT NULL CHECK (view IN ('COMPANY', 'PRODUCT', 'AREA')),
  unit_id text NOT NULL,
  product_id text NOT NULL,
  channel text NOT NULL,
  state text NOT NULL
    CHECK (state IN ('PRELIMINARY', 'UNDER_DISCUSSION', 'ISSUED', 'EFFECTIVE', 'SUPERSEDED')),
  moves jsonb NOT NULL
);
CREATE UNIQUE INDEX annual_plan_target_living
  ON annual_plan_target (annual_plan_id, view, measure, unit_id, product_id, channel)
  WHERE state <> 'SUPERSEDED';

CREATE TABLE annual_plan_revision (
  annual_plan_id uuid NOT NULL REFERENCES annual_plan (annual_plan_id),
  revision integer NOT NULL CHECK (revision > 0),
  cube_version_id uuid NOT NULL,
  analysis_id text NOT NULL,
  analysis text NOT NULL,
  currency_code char(3),
  sales_minor bigint,
  profit_minor bigint,
  decision text CHECK (decision IN ('AGREE', 'DISAGREE')),
  opinions jsonb NOT NULL,
  decided_by text NOT NULL CHECK ((decided_by <> '') = (decision IS NOT NULL)),
  decide_time timestamptz CHECK ((decide_time IS NULL) = (decision IS NULL)),
  CHECK ((analysis_id <> '') = (currency_code IS NOT NULL)),
  CHECK ((currency_code IS NULL) = (sales_minor IS NULL)),
  CHECK ((currency_code IS NULL) = (profit_minor IS NULL)),
  PRIMARY KEY (annual_plan_id, revision)
);

CREATE TABLE annual_plan_archive (
  annual_plan_id uuid PRIMARY KEY REFERENCES annual_plan (annual_plan_id),
  revision integer NOT NULL,
  sha256 text NOT NULL CHECK (sha256 = encode(sha256(convert_to(content, 'UTF8')), 'hex')),
  content text NOT NULL,
  archived_by text NOT NULL,
  archive_time timestamptz NOT NULL
);
SELECT mantle_append_only('annual_plan_archive');
"""

PARTNER = """
-- Since when partners are active and in which years they had orders approved, as channels told it.
CREATE TABLE partner_activity_copy (
  partner_id text PRIMARY KEY,
  unit_id text NOT NULL,
  activate_time timestamptz,
  order_years integer[] NOT NULL
);
CREATE INDEX partner_activity_copy_unit ON partner_activity_copy (unit_id, activate_time);
"""


def upgrade() -> None:
    """Make the tables; what was recorded and what was archived is never changed."""
    op.execute(PLAN)
    op.execute(PARTNER)
