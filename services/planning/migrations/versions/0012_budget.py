"""Budget lines of plans, with the claim of whoever answers for them; caps and transfers."""

from alembic import op

revision = "planning_0012"
down_revision = "planning_0011"
branch_labels = None
depends_on = None

LINE = """
ALTER TABLE budget_line
  DROP CONSTRAINT budget_line_amount_minor_check,
  DROP CONSTRAINT budget_line_state_check,
  DROP CONSTRAINT budget_line_check2,
  ADD COLUMN signed_by text NOT NULL DEFAULT '',
  ADD COLUMN plan_id uuid,
  ADD COLUMN plan_version integer CHECK (plan_version > 0),
  ADD COLUMN owner_role text,
  ADD COLUMN owner_key text,
  ADD COLUMN budget_cap_id uuid,
  -- A transfer may take all that a line has.
  ADD CONSTRAINT budget_line_amount CHECK (amount_minor >= 0),
  ADD CONSTRAINT budget_line_state
    CHECK (state IN ('DRAFT', 'EFFECTIVE', 'SIGNED', 'CLOSED', 'WITHDRAWN')),
  ADD CONSTRAINT budget_line_approved
    CHECK ((approved_by <> '') = (state NOT IN ('DRAFT', 'WITHDRAWN'))),
  ADD CONSTRAINT budget_line_signed
    CHECK (state <> 'SIGNED' OR (signed_by <> '' AND plan_id IS NOT NULL)),
  ADD CONSTRAINT budget_line_plan CHECK (
    (plan_id IS NULL) = (plan_version IS NULL)
    AND (plan_id IS NULL) = (owner_role IS NULL)
    AND (plan_id IS NULL) = (owner_key IS NULL));
CREATE INDEX budget_line_plan ON budget_line (plan_id, budget_line_id) WHERE plan_id IS NOT NULL;
"""

CAP = """
CREATE TABLE budget_cap (
  budget_cap_id uuid PRIMARY KEY,
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  name text NOT NULL,
  start_date date NOT NULL,
  end_date date NOT NULL CHECK (end_date > start_date),
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  created_by text NOT NULL,
  create_time timestamptz NOT NULL
);
ALTER TABLE budget_line ADD FOREIGN KEY (budget_cap_id) REFERENCES budget_cap (budget_cap_id);
CREATE INDEX budget_line_cap ON budget_line (budget_cap_id) WHERE budget_cap_id IS NOT NULL;
"""

TRANSFER = """
CREATE TABLE budget_transfer (
  transfer_id uuid PRIMARY KEY,
  from_line_id uuid NOT NULL REFERENCES budget_line (budget_line_id),
  to_line_id uuid NOT NULL REFERENCES budget_line (budget_line_id)
    CHECK (to_line_id <> from_line_id),
  unit_id text NOT NULL REFERENCES org_unit (unit_id),
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  reason text NOT NULL,
  state text NOT NULL,
  process_id uuid NOT NULL UNIQUE,
  requested_by text NOT NULL,
  request_time timestamptz NOT NULL,
  decided_by text NOT NULL,
  decide_time timestamptz,
  note text NOT NULL,
  CHECK ((decided_by <> '') = (decide_time IS NOT NULL))
);
"""


def upgrade() -> None:
    """Widen the lines, and make the tables of caps and transfers."""
    op.execute(LINE)
    op.execute(CAP)
    op.execute(TRANSFER)
