"""Shipments, what is to be co-ordinated, price overrides, partner stock, what others told of
orders."""

from alembic import op

revision = "channels_0010"
down_revision = "channels_0002"
branch_labels = None
depends_on = None

PRODUCTS = """
ALTER TABLE product
  ADD COLUMN launch_month text NOT NULL DEFAULT '',
  ADD COLUMN stage text NOT NULL DEFAULT ''
    CHECK (stage IN ('', 'INTRODUCTION', 'GROWTH', 'MATURITY', 'DECLINE')),
  ADD COLUMN sale_class text NOT NULL DEFAULT ''
    CHECK (sale_class IN ('', 'PRESCRIPTION', 'OVER_THE_COUNTER')),
  ADD COLUMN essential boolean NOT NULL DEFAULT false;
"""

ORDERS = """
ALTER TABLE sales_order ADD COLUMN project_id text NOT NULL DEFAULT '';
CREATE INDEX sales_order_held ON sales_order (partner_id, create_time, order_id)
  WHERE state = 'CREDIT_HOLD';

CREATE TABLE credit_recheck (
  partner_id text PRIMARY KEY,
  after_time timestamptz,
  after_order_id uuid,
  request_time timestamptz NOT NULL
);

CREATE TABLE price_deviation (
  order_id uuid NOT NULL,
  product_id text NOT NULL,
  override_id uuid NOT NULL,
  unit_price numeric NOT NULL CHECK (unit_price >= 0),
  policy_unit_price numeric NOT NULL CHECK (policy_unit_price >= 0),
  policy_amount_minor bigint NOT NULL CHECK (policy_amount_minor >= 0),
  deviation numeric NOT NULL,
  placed_by text NOT NULL,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (order_id, product_id)
);
SELECT mantle_append_only('price_deviation');
"""

OVERRIDES = """
CREATE TABLE price_override (
  override_id uuid PRIMARY KEY,
  partner_id text NOT NULL REFERENCES partner,
  unit_id text NOT NULL,
  product_id text NOT NULL REFERENCES product,
  project_id text NOT NULL,
  currency_code char(3) NOT NULL,
  unit_price numeric NOT NULL CHECK (unit_price >= 0),
  policy_unit_price numeric NOT NULL CHECK (policy_unit_price > 0),
  start_date date NOT NULL,
  end_date date NOT NULL CHECK (end_date >= start_date),
  reason text NOT NULL,
  state text NOT NULL CHECK (state IN ('REQUESTED', 'APPROVED', 'REJECTED')),
  requested_by text NOT NULL,
  decided_by text NOT NULL,
  decision text NOT NULL,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  CHECK (state = 'REQUESTED' OR decided_by <> ''),
  CHECK (state <> 'APPROVED' OR decided_by <> requested_by)
);
CREATE INDEX price_override_use ON price_override (partner_id, product_id)
  WHERE state = 'APPROVED';
CREATE INDEX price_override_time ON price_override (create_time, override_id);
"""

COORDINATION = """
CREATE TABLE coordination_item (
  order_id uuid NOT NULL,
  product_id text NOT NULL REFERENCES product,
  kind text NOT NULL CHECK (kind IN ('PLAN_EXCESS', 'BACK_ORDER')),
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  open_quantity bigint NOT NULL CHECK (open_quantity BETWEEN 0 AND quantity),
  promise_date date,
  duty text NOT NULL,
  state text NOT NULL CHECK (state IN ('OPEN', 'ANSWERED', 'DONE', 'DROPPED')),
  answer text NOT NULL,
  answered_by text NOT NULL,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  PRIMARY KEY (order_id, product_id, kind),
  CHECK (kind = 'BACK_ORDER' OR open_quantity = 0),
  CHECK (kind <> 'BACK_ORDER' OR promise_date IS NOT NULL),
  CHECK (open_quantity = 0 OR state IN ('OPEN', 'ANSWERED'))
);
CREATE INDEX coordination_item_time
  ON coordination_item (create_time, order_id, product_id, kind);
CREATE INDEX coordination_item_waiting ON coordination_item (product_id, create_time, order_id)
  WHERE open_quantity > 0;
"""

SHIPMENTS = """
CREATE TABLE shipment (
  shipment_id uuid PRIMARY KEY,
  order_id uuid NOT NULL REFERENCES sales_order,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('PICKED', 'SHIPPED', 'DELIVERED', 'CANCELLED')),
  carrier text NOT NULL,
  delivery_proof text NOT NULL,
  due_date date NOT NULL,
  pick_time timestamptz NOT NULL,
  ship_time timestamptz,
  deliver_time timestamptz,
  deliver_date date,
  version bigint NOT NULL CHECK (version > 0),
  CHECK (state <> 'DELIVERED' OR delivery_proof <> ''),
  CHECK ((state = 'DELIVERED') = (deliver_time IS NOT NULL)),
  CHECK ((deliver_time IS NULL) = (deliver_date IS NULL)),
  CHECK ((ship_time IS NOT NULL) = (state IN ('SHIPPED', 'DELIVERED')))
);
CREATE INDEX shipment_order ON shipment (order_id);
CREATE INDEX shipment_time ON shipment (pick_time, shipment_id);
CREATE INDEX shipment_delivered ON shipment (deliver_date, unit_id) WHERE state = 'DELIVERED';
CREATE INDEX shipment_partner ON shipment (partner_id, deliver_date);

CREATE TABLE shipment_line (
  shipment_id uuid NOT NULL REFERENCES shipment,
  line_number integer NOT NULL CHECK (line_number > 0),
  product_id text NOT NULL REFERENCES product,
  quantity bigint NOT NULL CHECK (quantity > 0),
  batch text NOT NULL,
  PRIMARY KEY (shipment_id, line_number),
  UNIQUE (shipment_id, product_id, batch)
);
CREATE INDEX shipment_line_batch ON shipment_line (batch, product_id) WHERE batch <> '';
SELECT mantle_append_only('shipment_line');
"""

PARTNER_STOCK = """
CREATE TABLE partner_stock (
  partner_id text NOT NULL REFERENCES partner,
  product_id text NOT NULL REFERENCES product,
  month text NOT NULL,
  unit_id text NOT NULL,
  opening_quantity bigint NOT NULL CHECK (opening_quantity >= 0),
  in_quantity bigint NOT NULL CHECK (in_quantity >= 0),
  out_quantity bigint NOT NULL CHECK (out_quantity >= 0),
  closing_quantity bigint NOT NULL CHECK (closing_quantity >= 0),
  demand_quantity bigint NOT NULL CHECK (demand_quantity >= 0),
  delivered_quantity bigint NOT NULL CHECK (delivered_quantity >= 0),
  reported_by text NOT NULL,
  report_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  PRIMARY KEY (partner_id, product_id, month),
  CHECK (closing_quantity = opening_quantity + in_quantity - out_quantity)
);
"""

TIMELINE = """
CREATE TABLE order_fact_copy (
  order_id uuid NOT NULL,
  event_id uuid NOT NULL,
  kind text NOT NULL,
  occur_time timestamptz NOT NULL,
  source text NOT NULL,
  reference text NOT NULL,
  currency_code char(3),
  amount_minor bigint,
  PRIMARY KEY (order_id, event_id),
  CHECK ((currency_code IS NULL) = (amount_minor IS NULL))
);
SELECT mantle_append_only('order_fact_copy');

CREATE TABLE rebate_paid_copy (
  partner_id text NOT NULL,
  event_id uuid NOT NULL,
  year integer NOT NULL,
  occur_time timestamptz NOT NULL,
  source text NOT NULL,
  payment_id text NOT NULL,
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  PRIMARY KEY (partner_id, event_id)
);
SELECT mantle_append_only('rebate_paid_copy');
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(PRODUCTS)
    op.execute(ORDERS)
    op.execute(OVERRIDES)
    op.execute(COORDINATION)
    op.execute(SHIPMENTS)
    op.execute(PARTNER_STOCK)
    op.execute(TIMELINE)
