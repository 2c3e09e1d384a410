"""Cycles of the rolling plan: offices, adjustments, supply checks, filed layers, receipts."""

from alembic import op

revision = "planning_0016"
down_revision = "planning_0015"
branch_labels = None
depends_on = None

ROLLING_PLAN = """
CREATE TABLE rolling_cycle (
  cycle_id uuid PRIMARY KEY,
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  month text NOT NULL,
  state text NOT NULL,
  process_id uuid NOT NULL UNIQUE,
  start_date date NOT NULL,
  merge_date date NOT NULL,
  coordination_date date NOT NULL,
  approval_date date NOT NULL,
  version_id text NOT NULL,
  office_version_id text NOT NULL,
  sales_consent boolean NOT NULL,
  market_consent boolean NOT NULL,
  minutes text NOT NULL,
  plan_version integer NOT NULL CHECK ((plan_version > 0) = (state IN ('APPROVED', 'ARCHIVED'))),
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  UNIQUE (unit_id, month)
);

CREATE TABLE rolling_office (
  cycle_id uuid NOT NULL REFERENCES rolling_cycle (cycle_id),
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  draft_version integer NOT NULL CHECK (draft_version >= 0),
  tool text,
  note text NOT NULL,
  situation text NOT NULL,
  customers jsonb NOT NULL,
  comment text NOT NULL,
  passed boolean NOT NULL,
  submitted_by text NOT NULL,
  PRIMARY KEY (cycle_id, unit_id)
);

CREATE TABLE forecast_adjustment (
  cycle_id uuid NOT NULL REFERENCES rolling_cycle (cycle_id),
  number integer NOT NULL CHECK (number > 0),
  side text NOT NULL CHECK (side IN ('SALES', 'MARKET')),
  reason text NOT NULL,
  note text NOT NULL,
  delta bigint NOT NULL,
  unit_id text NOT NULL,
  product_id text NOT NULL,
  channel text NOT NULL,
  month text NOT NULL,
  adjusted_by text NOT NULL,
  adjust_time timestamptz NOT NULL,
  PRIMARY KEY (cycle_id, number)
);
SELECT mantle_append_only('forecast_adjustment');

-- What the neighbour said, as it said it.
CREATE TABLE supply_check (
  cycle_id uuid NOT NULL REFERENCES rolling_cycle (cycle_id),
  number integer NOT NULL CHECK (number > 0),
  kind text NOT NULL CHECK (kind IN ('CAPACITY', 'MATERIAL')),
  state text NOT NULL CHECK (state IN ('ANSWERED', 'UNAVAILABLE')),
  reason text NOT NULL CHECK ((reason <> '') = (state = 'UNAVAILABLE')),
  lines jsonb NOT NULL,
  asked_by text NOT NULL,
  ask_time timestamptz NOT NULL,
  PRIMARY KEY (cycle_id, number)
);
SELECT mantle_append_only('supply_check');

CREATE TABLE filed_forecast (
  cycle_id uuid NOT NULL REFERENCES rolling_cycle (cycle_id),
  layer text NOT NULL CHECK (layer IN ('CHANNEL_MANAGER', 'REGIONAL_MANAGER', 'PLANNING')),
  unit_id text NOT NULL,
  version_id text NOT NULL,
  filed_by text NOT NULL,
  file_time timestamptz NOT NULL,
  PRIMARY KEY (cycle_id, layer, unit_id)
);
SELECT mantle_append_only('filed_forecast');

CREATE TABLE plan_acknowledgement (
  cycle_id uuid NOT NULL REFERENCES rolling_cycle (cycle_id),
  recipient_group text NOT NULL,
  unit_id text NOT NULL,
  acknowledged_by text NOT NULL,
  acknowledge_time timestamptz NOT NULL,
  PRIMARY KEY (cycle_id, recipient_group, unit_id)
);
SELECT mantle_append_only('plan_acknowledgement');
"""


def upgrade() -> None:
    """Make the tables; what was adjusted, answered, filed and acknowledged is never changed."""
    op.execute(ROLLING_PLAN)
