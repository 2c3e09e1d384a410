"""What the ledger keeps for reading: sums by day and by closed month, and blocks that seal it."""

from alembic import op

revision = "settlement_0014"
down_revision = "settlement_0013"
branch_labels = None
depends_on = None

TABLES = """
-- The day of a transfer's reason, when that day's month was closed and it counts for a later one.
ALTER TABLE transfer ADD COLUMN occur_date date;

-- A statement goes by day, so that one of a late day does not walk through all days before.
DROP INDEX transfer_debit;
DROP INDEX transfer_credit;
DROP INDEX transfer_post_date;
CREATE INDEX transfer_debit_day ON transfer (debit_account_id, post_date, sequence);
CREATE INDEX transfer_credit_day ON transfer (credit_account_id, post_date, sequence);
CREATE INDEX transfer_day ON transfer (post_date, sequence);
CREATE INDEX transfer_pending_debit ON transfer (debit_account_id) WHERE kind = 'PENDING';
CREATE INDEX transfer_pending_credit ON transfer (credit_account_id) WHERE kind = 'PENDING';

-- Room in each page, because today's rows are updated by every posting.
CREATE TABLE account_day (
  account_id text NOT NULL REFERENCES account,
  post_date date NOT NULL,
  debits_minor bigint NOT NULL CHECK (debits_minor >= 0),
  credits_minor bigint NOT NULL CHECK (credits_minor >= 0),
  PRIMARY KEY (account_id, post_date)
) WITH (fillfactor = 70);
CREATE INDEX account_day_day ON account_day (post_date, account_id);

INSERT INTO account_day (account_id, post_date, debits_minor, credits_minor)
SELECT account_id, post_date, sum(debits), sum(credits)
FROM (
  SELECT debit_account_id, post_date, amount_minor, 0 FROM transfer
  WHERE kind IN ('POSTED', 'POST_PENDING')
  UNION ALL
  SELECT credit_account_id, post_date, 0, amount_minor FROM transfer
  WHERE kind IN ('POSTED', 'POST_PENDING')
) AS sides (account_id, post_date, debits, credits)
GROUP BY account_id, post_date;

-- All that an account had moved by the end of a closed month.
CREATE TABLE account_month (
  account_id text NOT NULL REFERENCES account,
  end_date date NOT NULL,
  debits_minor bigint NOT NULL CHECK (debits_minor >= 0),
  credits_minor bigint NOT NULL CHECK (credits_minor >= 0),
  PRIMARY KEY (account_id, end_date)
);

-- All that the accounts of a unit and code had moved by the end of a closed month.
CREATE TABLE trial_month (
  end_date date NOT NULL,
  unit_id text NOT NULL,
  code text NOT NULL,
  currency_code char(3) NOT NULL,
  debits_minor bigint NOT NULL CHECK (debits_minor >= 0),
  credits_minor bigint NOT NULL CHECK (credits_minor >= 0),
  PRIMARY KEY (end_date, unit_id, code, currency_code)
);

-- One row: the first day that is open, and how far the sealer may go once older transactions ended.
CREATE TABLE ledger_state (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  open_from date,
  candidate_sequence bigint NOT NULL DEFAULT 0,
  candidate_xid bigint NOT NULL DEFAULT 0
);
INSERT INTO ledger_state DEFAULT VALUES;

CREATE TABLE ledger_block (
  block_number bigint PRIMARY KEY CHECK (block_number > 0),
  first_sequence bigint NOT NULL,
  last_sequence bigint NOT NULL UNIQUE,
  transfer_count integer NOT NULL CHECK (transfer_count > 0),
  previous_hash bytea NOT NULL,
  hash bytea NOT NULL,
  seal_time timestamptz NOT NULL,
  CHECK (first_sequence <= last_sequence)
);
SELECT mantle_append_only('ledger_block');
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
