"""Products and stock, partners and agreements, orders, and the copy of the monthly plans."""

from alembic import op

revision = "channels_0001"
down_revision = None
branch_labels = ("channels",)
depends_on = None

PRODUCTS = """
CREATE TABLE product (
  product_id text PRIMARY KEY,
  name text NOT NULL,
  line text NOT NULL,
  state text NOT NULL
    CHECK (state IN ('IN_DEVELOPMENT', 'REVIEWED', 'PRICED', 'ON_SALE', 'WITHDRAWN')),
  stock_kept boolean NOT NULL,
  excludes_product_ids text[] NOT NULL,
  requires_product_ids text[] NOT NULL,
  review_opinion text NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  create_time timestamptz NOT NULL
);

CREATE TABLE product_stock (
  product_id text PRIMARY KEY REFERENCES product,
  on_hand bigint NOT NULL CHECK (on_hand >= 0),
  allocated bigint NOT NULL CHECK (allocated BETWEEN 0 AND on_hand)
);
"""

PARTNERS = """
CREATE TABLE partner (
  partner_id text PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL,
  unit_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('PROSPECT', 'APPROVED', 'ACTIVE')),
  credit_grade text NOT NULL CHECK (credit_grade IN ('A', 'B', 'C', 'D')),
  currency_code char(3),
  credit_limit_minor bigint CHECK (credit_limit_minor >= 0),
  credit_days integer NOT NULL CHECK (credit_days >= 0),
  version bigint NOT NULL CHECK (version > 0),
  create_time timestamptz NOT NULL,
  CHECK ((currency_code IS NULL) = (credit_limit_minor IS NULL)),
  CHECK (state = 'PROSPECT' OR currency_code IS NOT NULL)
);
CREATE INDEX partner_unit_id ON partner (unit_id);

CREATE TABLE agreement (
  agreement_id uuid PRIMARY KEY,
  partner_id text NOT NULL REFERENCES partner,
  year integer NOT NULL,
  currency_code char(3) NOT NULL,
  credit_limit_minor bigint NOT NULL CHECK (credit_limit_minor >= 0),
  credit_days integer NOT NULL CHECK (credit_days >= 0),
  territory text NOT NULL,
  sign_time timestamptz NOT NULL,
  UNIQUE (partner_id, year)
);
SELECT mantle_append_only('agreement');

CREATE TABLE year_purchases (
  partner_id text NOT NULL REFERENCES partner,
  year integer NOT NULL,
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  PRIMARY KEY (partner_id, year)
);
"""

ORDERS = """
CREATE SEQUENCE contract_number_seq;

CREATE TABLE sales_order (
  order_id uuid PRIMARY KEY,
  partner_id text NOT NULL REFERENCES partner,
  customer_id text NOT NULL,
  unit_id text NOT NULL,
  source text NOT NULL CHECK (source IN ('CALL_CENTRE', 'OFFICE', 'OFFER', 'PARTNER')),
  offer_id uuid,
  campaign_id uuid,
  offer_code text NOT NULL,
  order_date date NOT NULL,
  currency_code char(3) NOT NULL,
  total_minor bigint NOT NULL CHECK (total_minor >= 0),
  state text NOT NULL,
  contract_number text UNIQUE,
  checks jsonb NOT NULL,
  end_reason text NOT NULL,
  carrier text NOT NULL,
  delivery_proof text NOT NULL,
  cooling_off_end_time timestamptz,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  CHECK ((source = 'OFFER') = (offer_id IS NOT NULL)),
  CHECK (contract_number IS NOT NULL
         OR state IN ('CREDIT_HOLD', 'REJECTED', 'CANCELLED')),
  CHECK (delivery_proof <> '' OR state NOT IN ('DELIVERED', 'INVOICED', 'SETTLED', 'CLOSED'))
);
CREATE UNIQUE INDEX sales_order_offer ON sales_order (offer_id)
  WHERE offer_id IS NOT NULL AND state NOT IN ('CANCELLED', 'REJECTED');
CREATE INDEX sales_order_time ON sales_order (create_time, order_id);
CREATE INDEX sales_order_partner ON sales_order (partner_id, order_date);
CREATE INDEX sales_order_customer ON sales_order (customer_id, create_time)
  WHERE customer_id <> '';
CREATE INDEX sales_order_campaign ON sales_order (campaign_id, create_time)
  WHERE campaign_id IS NOT NULL;
CREATE INDEX sales_order_closable ON sales_order (cooling_off_end_time) WHERE state = 'SETTLED';

CREATE TABLE sales_order_line (
  order_id uuid NOT NULL REFERENCES sales_order,
  line_number integer NOT NULL CHECK (line_number > 0),
  product_id text NOT NULL REFERENCES product,
  quantity bigint NOT NULL CHECK (quantity > 0),
  unit_price numeric NOT NULL CHECK (unit_price >= 0),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  excess_quantity bigint NOT NULL CHECK (excess_quantity BETWEEN 0 AND quantity),
  factors jsonb NOT NULL,
  PRIMARY KEY (order_id, line_number),
  UNIQUE (order_id, product_id)
);
SELECT mantle_append_only('sales_order_line');

CREATE TABLE sales_order_move (
  order_id uuid NOT NULL REFERENCES sales_order,
  move_number integer NOT NULL CHECK (move_number > 0),
  from_state text NOT NULL,
  to_state text NOT NULL,
  move_time timestamptz NOT NULL,
  moved_by text NOT NULL,
  PRIMARY KEY (order_id, move_number)
);
SELECT mantle_append_only('sales_order_move');
"""

QUOTAS = """
CREATE TABLE monthly_plan_copy (
  unit_id text NOT NULL,
  month text NOT NULL,
  plan_version integer NOT NULL,
  PRIMARY KEY (unit_id, month)
);

CREATE TABLE partner_quota_copy (
  unit_id text NOT NULL,
  month text NOT NULL,
  partner_id text NOT NULL,
  product_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity >= 0),
  PRIMARY KEY (unit_id, month, partner_id, product_id),
  FOREIGN KEY (unit_id, month) REFERENCES monthly_plan_copy
);
CREATE INDEX partner_quota_copy_partner ON partner_quota_copy (partner_id, month);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(PRODUCTS)
    op.execute(PARTNERS)
    op.execute(ORDERS)
    op.execute(QUOTAS)
