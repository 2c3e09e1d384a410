"""Goods that come back: returns, exchanges, and what they say of quality."""

from alembic import op

revision = "channels_0016"
down_revision = "channels_0015"
branch_labels = None
depends_on = None

RETURNS = """
CREATE TABLE goods_return (
  return_id uuid PRIMARY KEY,
  order_id uuid NOT NULL REFERENCES sales_order (order_id),
  partner_id text NOT NULL,
  customer_id text NOT NULL,
  unit_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('RETURN', 'EXCHANGE')),
  state text NOT NULL CHECK (state IN ('REQUESTED', 'APPROVED', 'REJECTED', 'RECEIVED', 'INSPECTED',
    'CREDITED', 'REPLACED', 'CLOSED')),
  reason_code text NOT NULL,
  note text NOT NULL,
  end_reason text NOT NULL,
  receipt_slip text NOT NULL,
  carrier text NOT NULL,
  currency_code char(3) NOT NULL,
  credit_note_issued boolean NOT NULL,
  settle_date date,
  requested_by text NOT NULL,
  request_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0)
);
CREATE INDEX goods_return_order ON goods_return (order_id);
CREATE INDEX goods_return_partner ON goods_return (partner_id, request_time, return_id);
CREATE INDEX goods_return_unit ON goods_return (unit_id, request_time, return_id);
CREATE INDEX goods_return_settled ON goods_return (settle_date, partner_id)
  WHERE settle_date IS NOT NULL;
CREATE TABLE goods_return_line (
  return_id uuid NOT NULL REFERENCES goods_return (return_id),
  line_number integer NOT NULL,
  product_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  batch text NOT NULL,
  accepted bigint NOT NULL CHECK (accepted BETWEEN 0 AND quantity),
  restocked bigint NOT NULL CHECK (restocked BETWEEN 0 AND accepted),
  finding text NOT NULL,
  PRIMARY KEY (return_id, line_number),
  UNIQUE (return_id, product_id)
);
CREATE TABLE goods_return_replacement (
  return_id uuid NOT NULL REFERENCES goods_return (return_id),
  line_number integer NOT NULL,
  product_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  unit_price numeric NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  PRIMARY KEY (return_id, line_number),
  UNIQUE (return_id, product_id)
);
CREATE TABLE goods_return_move (
  return_id uuid NOT NULL REFERENCES goods_return (return_id),
  move_number integer NOT NULL,
  from_state text,
  to_state text NOT NULL,
  move_time timestamptz NOT NULL,
  moved_by text NOT NULL,
  PRIMARY KEY (return_id, move_number)
);
"""
RISKS = """
CREATE TABLE quality_risk (
  risk_id uuid PRIMARY KEY,
  partner_id text NOT NULL,
  product_id text NOT NULL,
  unit_id text NOT NULL,
  year integer NOT NULL,
  delivered bigint NOT NULL CHECK (delivered >= 0),
  returned bigint NOT NULL CHECK (returned >= 0),
  exchanged bigint NOT NULL CHECK (exchanged >= 0),
  share_max numeric NOT NULL,
  return_id uuid NOT NULL REFERENCES goods_return (return_id),
  raise_time timestamptz NOT NULL,
  UNIQUE (partner_id, product_id, year)
);
CREATE INDEX quality_risk_unit ON quality_risk (unit_id, raise_time, risk_id);
"""
# Until now a cancelled order's invoice counted as bought; from now on credit notes are taken off.
TURNOVER = """
ALTER TABLE invoice_copy ADD COLUMN credited_minor bigint NOT NULL DEFAULT 0
  CHECK (credited_minor BETWEEN 0 AND amount_minor);
CREATE TABLE credit_note_copy (
  credit_note_id text PRIMARY KEY,
  invoice_id text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0)
);
SELECT mantle_append_only('credit_note_copy');
"""


def upgrade() -> None:
    """Create the tables, and let the copy of invoices know what was taken back."""
    op.execute(RETURNS)
    op.execute(RISKS)
    op.execute(TURNOVER)
