"""Months that are closed, their trial balances, and their exports for the general ledger."""

from alembic import op

revision = "settlement_0015"
down_revision = "settlement_0014"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE period (
  first_day date PRIMARY KEY CHECK (extract(day FROM first_day) = 1),
  state text NOT NULL CHECK (state IN ('OPEN', 'CLOSING', 'CLOSED')),
  attempt integer NOT NULL CHECK (attempt > 0),
  run_id uuid NOT NULL,
  document_count bigint NOT NULL,
  transfer_count bigint NOT NULL,
  closed_by text NOT NULL,
  close_time timestamptz,
  head_block bigint,
  head_hash bytea,
  reopen_reason text NOT NULL,
  CHECK ((state = 'CLOSED') = (close_time IS NOT NULL))
);

CREATE TABLE ledger_export (
  export_id uuid PRIMARY KEY,
  first_day date NOT NULL UNIQUE REFERENCES period,
  state text NOT NULL CHECK (state IN ('PREPARED', 'SENT', 'CONFIRMED')),
  prepare_time timestamptz NOT NULL,
  send_time timestamptz,
  confirm_time timestamptz,
  reference text NOT NULL,
  CHECK ((state = 'PREPARED') = (send_time IS NULL)),
  CHECK ((state = 'CONFIRMED') = (confirm_time IS NOT NULL))
);

CREATE TABLE ledger_export_line (
  export_id uuid NOT NULL REFERENCES ledger_export,
  line_number integer NOT NULL CHECK (line_number > 0),
  unit_id text NOT NULL,
  code text NOT NULL,
  currency_code char(3) NOT NULL,
  debit_minor bigint NOT NULL CHECK (debit_minor >= 0),
  credit_minor bigint NOT NULL CHECK (credit_minor >= 0),
  PRIMARY KEY (export_id, line_number),
  CHECK ((debit_minor = 0) <> (credit_minor = 0))
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
