"""Planning's tables: units with their dated places, budget lines, campaigns, monthly plans."""

from alembic import op

revision = "planning_0001"
down_revision = None
branch_labels = ("planning",)
depends_on = None

ORGANIZATION = """
CREATE TABLE org_unit (
  unit_id text PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL,
  path text COLLATE "C" NOT NULL CHECK (path LIKE '%/'),
  version bigint NOT NULL CHECK (version > 0)
);

-- A place holds until the unit's next one; nothing about the past is ever changed.
CREATE TABLE org_unit_place (
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  valid_from date NOT NULL,
  parent_unit_id text REFERENCES org_unit (unit_id) CHECK (parent_unit_id <> unit_id),
  placed_by text NOT NULL,
  record_time timestamptz NOT NULL,
  PRIMARY KEY (unit_id, valid_from)
);
SELECT mantle_append_only('org_unit_place');
"""

BUDGET = """
CREATE TABLE budget_line (
  budget_line_id uuid PRIMARY KEY,
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  name text NOT NULL,
  expense_type text NOT NULL,
  start_date date NOT NULL,
  end_date date NOT NULL CHECK (end_date > start_date),
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  spent_minor bigint NOT NULL CHECK (spent_minor BETWEEN 0 AND amount_minor),
  state text NOT NULL CHECK (state IN ('DRAFT', 'EFFECTIVE')),
  version bigint NOT NULL CHECK (version > 0),
  created_by text NOT NULL,
  approved_by text NOT NULL CHECK ((approved_by <> '') = (state = 'EFFECTIVE'))
);
CREATE INDEX budget_line_unit ON budget_line (unit_id, budget_line_id);

CREATE TABLE budget_reservation (
  reservation_id uuid PRIMARY KEY,
  budget_line_id uuid NOT NULL REFERENCES budget_line (budget_line_id),
  owner_service text NOT NULL,
  owner_kind text NOT NULL,
  owner_id text NOT NULL,
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  consumed_minor bigint NOT NULL CHECK (consumed_minor BETWEEN 0 AND amount_minor),
  state text NOT NULL
    CHECK (state IN ('PENDING', 'CONFIRMED', 'CONSUMED', 'RELEASED', 'EXPIRED')),
  expire_time timestamptz,
  CHECK (state NOT IN ('PENDING', 'EXPIRED') OR (expire_time IS NOT NULL AND consumed_minor = 0))
);
-- What is held now is summed at every reservation, so only what may be held is in the index.
CREATE INDEX budget_reservation_held ON budget_reservation (budget_line_id)
  INCLUDE (state, expire_time, amount_minor, consumed_minor)
  WHERE state IN ('PENDING', 'CONFIRMED');
CREATE INDEX budget_reservation_expire ON budget_reservation (expire_time)
  WHERE state = 'PENDING';
CREATE INDEX budget_reservation_owner
  ON budget_reservation (owner_service, owner_kind, owner_id);
"""

CAMPAIGN = """
CREATE TABLE campaign (
  campaign_id uuid PRIMARY KEY,
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  segment text NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  state text NOT NULL,
  paused boolean NOT NULL CHECK (NOT paused OR state = 'EXECUTING'),
  stopped boolean NOT NULL,
  plan jsonb NOT NULL,
  process_id uuid NOT NULL UNIQUE,
  traceparent text NOT NULL,
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  reason text NOT NULL,
  result jsonb,
  lesson text NOT NULL,
  evaluate_time timestamptz,
  CHECK ((result IS NOT NULL) = (state IN ('EVALUATED', 'CLOSED'))),
  CHECK ((result IS NOT NULL) = (evaluate_time IS NOT NULL))
);
CREATE INDEX campaign_unit ON campaign (unit_id, campaign_id);
CREATE INDEX campaign_segment ON campaign (segment, evaluate_time, campaign_id)
  WHERE evaluate_time IS NOT NULL;

CREATE TABLE campaign_allocation (
  campaign_id uuid NOT NULL REFERENCES campaign (campaign_id),
  budget_line_id uuid NOT NULL REFERENCES budget_line (budget_line_id),
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  reservation_id uuid NOT NULL UNIQUE REFERENCES budget_reservation (reservation_id),
  PRIMARY KEY (campaign_id, budget_line_id, unit_id)
);

-- What settlement posted; a reversal is a row of its own.
CREATE TABLE campaign_actual (
  transfer_id uuid PRIMARY KEY,
  campaign_id uuid NOT NULL REFERENCES campaign (campaign_id),
  order_id text NOT NULL,
  product_id text NOT NULL,
  unit_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('REVENUE', 'COMMISSION')),
  reversal boolean NOT NULL,
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  covered_minor bigint NOT NULL CHECK (covered_minor BETWEEN 0 AND amount_minor),
  occur_time timestamptz NOT NULL
);
CREATE INDEX campaign_actual_campaign ON campaign_actual (campaign_id)
  INCLUDE (kind, reversal, amount_minor, covered_minor);
SELECT mantle_append_only('campaign_actual');

-- What customers did with offers; one row an offer and act, so that a repeat counts once.
CREATE TABLE campaign_touch (
  offer_id uuid NOT NULL,
  act text NOT NULL CHECK (act IN ('SHOWN', 'ACCEPTED', 'DECLINED', 'POSTPONED')),
  campaign_id uuid NOT NULL,
  touchpoint_kind text NOT NULL,
  occur_time timestamptz NOT NULL,
  PRIMARY KEY (offer_id, act)
);
CREATE INDEX campaign_touch_campaign ON campaign_touch (campaign_id) INCLUDE (act, touchpoint_kind);

-- Products as channels told them.
CREATE TABLE product_copy (
  product_id text PRIMARY KEY,
  name text NOT NULL,
  on_sale boolean NOT NULL,
  version bigint NOT NULL
);
"""

ROLLING_PLAN = """
CREATE TABLE monthly_plan (
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  month text NOT NULL,
  plan_version integer NOT NULL CHECK (plan_version > 0),
  lines jsonb NOT NULL,
  published_by text NOT NULL,
  record_time timestamptz NOT NULL,
  PRIMARY KEY (unit_id, month, plan_version)
);
SELECT mantle_append_only('monthly_plan');
"""


def upgrade() -> None:
    """Make the tables; places, actuals and monthly plans are never changed once written."""
    op.execute(ORGANIZATION)
    op.execute(BUDGET)
    op.execute(CAMPAIGN)
    op.execute(ROLLING_PLAN)
