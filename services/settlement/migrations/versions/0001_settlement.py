"""The tables of settlement: the ledger, credit, invoices with receipts, commission."""

from alembic import op

revision = "settlement_0001"
down_revision = None
branch_labels = ("settlement",)
depends_on = None

LEDGER = """
CREATE TABLE account (
  account_id text PRIMARY KEY,
  code text NOT NULL,
  holder_id text NOT NULL,
  unit_id text NOT NULL,
  currency_code char(3) NOT NULL,
  debits_minor bigint NOT NULL CHECK (debits_minor >= 0),
  credits_minor bigint NOT NULL CHECK (credits_minor >= 0),
  UNIQUE (code, holder_id, currency_code)
);

CREATE TABLE transfer (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transfer_id uuid NOT NULL UNIQUE,
  kind text NOT NULL CHECK (kind IN ('POSTED', 'PENDING', 'POST_PENDING', 'VOID_PENDING')),
  debit_account_id text NOT NULL REFERENCES account,
  credit_account_id text NOT NULL REFERENCES account,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency_code char(3) NOT NULL,
  pending_transfer_id uuid UNIQUE REFERENCES transfer (transfer_id),
  expire_time timestamptz,
  post_date date NOT NULL,
  purpose text NOT NULL,
  subject_kind text NOT NULL,
  subject_id text NOT NULL,
  memo text NOT NULL,
  record_time timestamptz NOT NULL,
  CHECK (debit_account_id <> credit_account_id),
  CHECK ((kind IN ('POST_PENDING', 'VOID_PENDING')) = (pending_transfer_id IS NOT NULL)),
  CHECK (kind = 'PENDING' OR expire_time IS NULL)
);
CREATE INDEX transfer_debit ON transfer (debit_account_id, sequence);
CREATE INDEX transfer_credit ON transfer (credit_account_id, sequence);
CREATE INDEX transfer_post_date ON transfer (post_date);
SELECT mantle_append_only('transfer');
"""

CREDIT = """
CREATE TABLE credit_account (
  partner_id text PRIMARY KEY,
  unit_id text NOT NULL,
  limit_minor bigint NOT NULL CHECK (limit_minor >= 0),
  currency_code char(3) NOT NULL,
  credit_days integer CHECK (credit_days >= 0),
  blocked boolean NOT NULL DEFAULT false,
  block_reason text NOT NULL DEFAULT ''
);

CREATE TABLE credit_reservation (
  owner_kind text NOT NULL,
  owner_id text NOT NULL,
  reservation_id uuid NOT NULL UNIQUE,
  partner_id text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  currency_code char(3) NOT NULL,
  state text NOT NULL
    CHECK (state IN ('PENDING', 'CONFIRMED', 'RELEASED', 'INVOICED', 'CANCELLED')),
  expire_time timestamptz NOT NULL,
  PRIMARY KEY (owner_kind, owner_id)
);
CREATE INDEX credit_reservation_counting ON credit_reservation (partner_id)
  WHERE state IN ('PENDING', 'CONFIRMED');
"""

RECEIVABLE = """
CREATE TABLE invoice (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  invoice_id uuid NOT NULL UNIQUE,
  order_id text NOT NULL UNIQUE,
  contract_number text NOT NULL,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  campaign_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('ISSUED', 'PARTIALLY_PAID', 'PAID', 'CREDITED')),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  open_minor bigint NOT NULL CHECK (open_minor BETWEEN 0 AND amount_minor),
  currency_code char(3) NOT NULL,
  issue_date date NOT NULL,
  due_date date NOT NULL,
  create_time timestamptz NOT NULL,
  credit_note_id uuid UNIQUE,
  credit_date date
);
CREATE INDEX invoice_partner ON invoice (partner_id, sequence);
CREATE INDEX invoice_open ON invoice (partner_id, issue_date, sequence)
  WHERE state IN ('ISSUED', 'PARTIALLY_PAID');

CREATE TABLE invoice_line (
  invoice_id uuid NOT NULL REFERENCES invoice (invoice_id),
  line_number integer NOT NULL,
  product_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  PRIMARY KEY (invoice_id, line_number)
);

CREATE TABLE receipt (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  receipt_id uuid NOT NULL UNIQUE,
  partner_id text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  unallocated_minor bigint NOT NULL CHECK (unallocated_minor BETWEEN 0 AND amount_minor),
  currency_code char(3) NOT NULL,
  reference text NOT NULL,
  receive_date date NOT NULL,
  UNIQUE (partner_id, reference)
);
CREATE INDEX receipt_unallocated ON receipt (partner_id, sequence) WHERE unallocated_minor > 0;

CREATE TABLE receipt_allocation (
  allocation_id uuid PRIMARY KEY,
  receipt_id uuid NOT NULL REFERENCES receipt (receipt_id),
  invoice_id uuid NOT NULL REFERENCES invoice (invoice_id),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  undone boolean NOT NULL DEFAULT false
);
CREATE INDEX receipt_allocation_invoice ON receipt_allocation (invoice_id);
"""

COMMISSION = """
CREATE TABLE commission_entry (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entry_id uuid NOT NULL UNIQUE,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  event_kind text NOT NULL,
  per text NOT NULL,
  order_id text NOT NULL,
  offer_id text NOT NULL,
  campaign_id text NOT NULL,
  product_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  rate_minor bigint NOT NULL CHECK (rate_minor > 0),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency_code char(3) NOT NULL,
  policy_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('ACCRUED', 'CONFIRMED', 'PAID', 'REVERSED')),
  accrue_date date NOT NULL,
  accrue_time timestamptz NOT NULL,
  confirm_date date NOT NULL,
  reverse_date date,
  payment_id uuid,
  netted_payment_id uuid,
  CHECK (amount_minor = rate_minor * quantity),
  CHECK ((state = 'REVERSED') = (reverse_date IS NOT NULL)),
  UNIQUE (order_id, event_kind, product_id)
);
CREATE INDEX commission_entry_accrued ON commission_entry (confirm_date) WHERE state = 'ACCRUED';
CREATE INDEX commission_entry_month ON commission_entry (partner_id, accrue_date);
CREATE INDEX commission_entry_reversed ON commission_entry (partner_id, reverse_date)
  WHERE state = 'REVERSED';
CREATE INDEX commission_entry_payable ON commission_entry (partner_id)
  WHERE state = 'CONFIRMED'
     OR (state = 'REVERSED' AND payment_id IS NOT NULL AND netted_payment_id IS NULL);

CREATE TABLE commission_payment (
  payment_id uuid PRIMARY KEY,
  partner_id text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency_code char(3) NOT NULL,
  entry_count bigint NOT NULL,
  pay_date date NOT NULL
);
SELECT mantle_append_only('commission_payment');
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(LEDGER)
    op.execute(CREDIT)
    op.execute(RECEIVABLE)
    op.execute(COMMISSION)
