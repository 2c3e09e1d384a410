"""Expenses from the request to the evaluation, and the offers that were accepted by day."""

from alembic import op

revision = "settlement_0018"
down_revision = "settlement_0017"
branch_labels = None
depends_on = None

EXPENSE = """
CREATE TABLE expense (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  expense_id uuid NOT NULL UNIQUE,
  unit_id text NOT NULL,
  expense_type text NOT NULL,
  book text NOT NULL CHECK (book IN ('SALES', 'SERVICE')),
  purpose text NOT NULL,
  payee text NOT NULL,
  attachments text[] NOT NULL,
  budget_line_id uuid NOT NULL,
  reservation_id uuid NOT NULL UNIQUE,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  spent_minor bigint NOT NULL CHECK (spent_minor BETWEEN 0 AND amount_minor),
  currency_code char(3) NOT NULL,
  state text NOT NULL CHECK (state IN ('DRAFT', 'BUDGET_CHECKED', 'APPROVED', 'REJECTED',
    'WITHDRAWN', 'SPENT', 'EVALUATED', 'CLOSED')),
  process_id uuid NOT NULL UNIQUE,
  approvals_needed integer NOT NULL CHECK (approvals_needed > 0),
  budget_state text NOT NULL
    CHECK (budget_state IN ('PENDING', 'HELD', 'LOST', 'CONSUMED', 'RELEASED')),
  budget_wanted text NOT NULL CHECK (budget_wanted IN ('HELD', 'CONSUMED', 'RELEASED')),
  requested_by text NOT NULL,
  request_time timestamptz NOT NULL,
  spend_date date,
  pay_date date,
  CHECK ((spend_date IS NULL) = (spent_minor = 0)),
  CHECK (pay_date IS NULL OR spend_date IS NOT NULL),
  CHECK (budget_wanted <> 'CONSUMED' OR spend_date IS NOT NULL)
);
CREATE INDEX expense_unit ON expense (unit_id, sequence);
CREATE INDEX expense_budget ON expense (sequence)
  WHERE budget_state <> budget_wanted AND budget_state <> 'LOST';
"""

APPROVAL = """
CREATE TABLE expense_approval (
  expense_id uuid NOT NULL REFERENCES expense (expense_id),
  place integer NOT NULL CHECK (place > 0),
  approved_by text NOT NULL,
  role text NOT NULL,
  note text NOT NULL,
  approve_time timestamptz NOT NULL,
  PRIMARY KEY (expense_id, place),
  UNIQUE (expense_id, approved_by)
);
SELECT mantle_append_only('expense_approval');
"""

EVALUATION = """
CREATE TABLE expense_evaluation (
  expense_id uuid PRIMARY KEY REFERENCES expense (expense_id),
  before_start date NOT NULL,
  before_end date NOT NULL CHECK (before_end > before_start),
  after_start date NOT NULL CHECK (after_start >= before_end),
  after_end date NOT NULL CHECK (after_end > after_start),
  sales_before_minor bigint NOT NULL,
  sales_after_minor bigint NOT NULL,
  currency_code char(3) NOT NULL,
  opinion text NOT NULL,
  evaluated_by text NOT NULL,
  evaluate_time timestamptz NOT NULL
);
SELECT mantle_append_only('expense_evaluation');

CREATE TABLE success_copy (
  offer_id text PRIMARY KEY,
  unit_id text NOT NULL,
  day date NOT NULL
);
CREATE INDEX success_copy_day ON success_copy (day, unit_id);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(EXPENSE)
    op.execute(APPROVAL)
    op.execute(EVALUATION)
