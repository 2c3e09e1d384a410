"""Credit notes for parts, pick-up notes, bills, dunning, collection targets, the overdue block."""

from alembic import op

revision = "settlement_0016"
down_revision = "settlement_0015"
branch_labels = None
depends_on = None

CREDIT = """
ALTER TABLE credit_account ADD COLUMN overdue_since date, ADD COLUMN waived_due_date date;
CREATE INDEX credit_account_overdue ON credit_account (partner_id) WHERE overdue_since IS NOT NULL;
"""

INVOICE = """
ALTER TABLE invoice
  ADD COLUMN credited_minor bigint NOT NULL DEFAULT 0 CHECK (credited_minor >= 0),
  ADD COLUMN pickup_state text NOT NULL DEFAULT 'NONE'
    CHECK (pickup_state IN ('NONE', 'OPEN', 'COMPLETE')),
  ADD COLUMN pickup_date date,
  ADD COLUMN dunning_level integer NOT NULL DEFAULT 0 CHECK (dunning_level >= 0);
UPDATE invoice SET credited_minor = amount_minor WHERE state = 'CREDITED';
ALTER TABLE invoice ADD CHECK (open_minor + credited_minor <= amount_minor),
  ADD CHECK ((pickup_state = 'COMPLETE') = (pickup_date IS NOT NULL));
CREATE INDEX invoice_due ON invoice (due_date) WHERE state IN ('ISSUED', 'PARTIALLY_PAID');

ALTER TABLE invoice_line
  ADD COLUMN credited_quantity bigint NOT NULL DEFAULT 0,
  ADD COLUMN credited_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN picked_quantity bigint NOT NULL DEFAULT 0;
UPDATE invoice_line AS l SET credited_quantity = l.quantity, credited_minor = l.amount_minor
FROM invoice AS i WHERE i.invoice_id = l.invoice_id AND i.state = 'CREDITED';
ALTER TABLE invoice_line ADD CHECK (credited_quantity BETWEEN 0 AND quantity),
  ADD CHECK (credited_minor BETWEEN 0 AND amount_minor),
  ADD CHECK (picked_quantity BETWEEN 0 AND quantity);

CREATE TABLE credit_note (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  credit_note_id uuid NOT NULL UNIQUE,
  invoice_id uuid NOT NULL REFERENCES invoice (invoice_id),
  order_id text NOT NULL,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  given_back_minor bigint NOT NULL CHECK (given_back_minor BETWEEN 0 AND amount_minor),
  currency_code char(3) NOT NULL,
  reason text NOT NULL,
  issue_date date NOT NULL
);
CREATE INDEX credit_note_invoice ON credit_note (invoice_id, sequence);
CREATE INDEX credit_note_partner ON credit_note (partner_id, sequence);
SELECT mantle_append_only('credit_note');

CREATE TABLE credit_note_line (
  credit_note_id uuid NOT NULL REFERENCES credit_note (credit_note_id),
  line_number integer NOT NULL,
  product_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity >= 0),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  PRIMARY KEY (credit_note_id, line_number)
);
SELECT mantle_append_only('credit_note_line');

CREATE TABLE pickup_note (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pickup_note_id uuid NOT NULL UNIQUE,
  invoice_id uuid NOT NULL REFERENCES invoice (invoice_id),
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  slip text NOT NULL,
  pick_date date NOT NULL,
  recorded_by text NOT NULL
);
CREATE INDEX pickup_note_invoice ON pickup_note (invoice_id, sequence);
SELECT mantle_append_only('pickup_note');

CREATE TABLE pickup_note_line (
  pickup_note_id uuid NOT NULL REFERENCES pickup_note (pickup_note_id),
  line_number integer NOT NULL,
  product_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (pickup_note_id, line_number)
);
SELECT mantle_append_only('pickup_note_line');
"""

RECEIPT = """
ALTER TABLE receipt
  ADD COLUMN unit_id text NOT NULL DEFAULT '',
  ADD COLUMN by_hand boolean NOT NULL DEFAULT false,
  ADD COLUMN kind text NOT NULL DEFAULT 'MONEY' CHECK (kind IN ('MONEY', 'BILL', 'REBATE'));
UPDATE receipt AS r SET unit_id = a.unit_id FROM credit_account AS a
WHERE a.partner_id = r.partner_id;
DROP INDEX receipt_unallocated;
CREATE INDEX receipt_unallocated ON receipt (partner_id, sequence)
  WHERE unallocated_minor > 0 AND NOT by_hand;
CREATE INDEX receipt_unit ON receipt (unit_id, receive_date);

ALTER TABLE receipt_allocation
  ADD COLUMN returned_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN match_date date;
UPDATE receipt_allocation SET returned_minor = amount_minor WHERE undone;
ALTER TABLE receipt_allocation ADD CHECK (returned_minor BETWEEN 0 AND amount_minor);
CREATE INDEX receipt_allocation_receipt ON receipt_allocation (receipt_id);
"""

BILL = """
CREATE TABLE bill (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bill_id uuid NOT NULL UNIQUE,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  bill_number text NOT NULL,
  drawer text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency_code char(3) NOT NULL,
  receive_date date NOT NULL,
  due_date date NOT NULL,
  state text NOT NULL CHECK (state IN ('PENDING', 'HONOURED', 'DISHONOURED')),
  settle_date date,
  receipt_id uuid REFERENCES receipt (receipt_id),
  note text NOT NULL,
  UNIQUE (partner_id, bill_number),
  CHECK ((state = 'PENDING') = (settle_date IS NULL)),
  CHECK ((state = 'HONOURED') = (receipt_id IS NOT NULL))
);
CREATE INDEX bill_pending ON bill (due_date) WHERE state = 'PENDING';
"""

COLLECTION = """
CREATE TABLE dunning_notice (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notice_id uuid NOT NULL UNIQUE,
  invoice_id uuid NOT NULL REFERENCES invoice (invoice_id),
  order_id text NOT NULL,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  level integer NOT NULL CHECK (level > 0),
  overdue_days integer NOT NULL CHECK (overdue_days > 0),
  open_minor bigint NOT NULL CHECK (open_minor > 0),
  currency_code char(3) NOT NULL,
  notice_date date NOT NULL,
  UNIQUE (invoice_id, level)
);
CREATE INDEX dunning_notice_partner ON dunning_notice (partner_id, sequence);
SELECT mantle_append_only('dunning_notice');

CREATE TABLE collection_target (
  unit_id text NOT NULL,
  month text NOT NULL,
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  set_by text NOT NULL,
  set_time timestamptz NOT NULL,
  PRIMARY KEY (unit_id, month, currency_code)
);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(CREDIT)
    op.execute(INVOICE)
    op.execute(RECEIPT)
    op.execute(BILL)
    op.execute(COLLECTION)
