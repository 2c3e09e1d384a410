"""Adjustments of the year's plan after a month, and which version of the plan is in force."""

from alembic import op

revision = "planning_0015"
down_revision = "planning_0014"
branch_labels = None
depends_on = None

ADJUSTMENT = """
CREATE TABLE adjustment (
  adjustment_id uuid PRIMARY KEY,
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  month text NOT NULL,
  state text NOT NULL,
  process_id uuid NOT NULL UNIQUE,
  base_plan_version integer NOT NULL CHECK (base_plan_version > 0),
  base_version_id text NOT NULL,
  plan_version integer NOT NULL CHECK (plan_version = 0 OR plan_version = base_plan_version + 1),
  version_id text NOT NULL CHECK ((version_id <> '') = (plan_version > 0)),
  attempt integer NOT NULL CHECK (attempt >= 0),
  currency_code char(3) NOT NULL,
  content jsonb NOT NULL,
  effective boolean NOT NULL CHECK (NOT effective OR plan_version > 0),
  archive_hash text NOT NULL CHECK (archive_hash = '' OR effective),
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  UNIQUE (unit_id, month)
);

CREATE TABLE adjustment_claim (
  adjustment_id uuid NOT NULL REFERENCES adjustment (adjustment_id),
  side text NOT NULL CHECK (side IN ('SALES', 'MARKET')),
  claimed_by text NOT NULL,
  claim_time timestamptz NOT NULL,
  PRIMARY KEY (adjustment_id, side)
);
SELECT mantle_append_only('adjustment_claim');

-- The highest version of a unit and year is in force; the ones before stay readable.
CREATE TABLE plan_in_force (
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  fiscal_year integer NOT NULL CHECK (fiscal_year BETWEEN 2000 AND 9998),
  plan_version integer NOT NULL CHECK (plan_version > 0),
  version_id text NOT NULL,
  put_by text NOT NULL,
  put_time timestamptz NOT NULL,
  PRIMARY KEY (unit_id, fiscal_year, plan_version)
);
SELECT mantle_append_only('plan_in_force');
"""


def upgrade() -> None:
    """Make the tables; claims and plans in force are never changed once written."""
    op.execute(ADJUSTMENT)
