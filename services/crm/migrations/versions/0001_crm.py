"""Customers, touchpoints, decisions and offers, and the copies that a decision needs."""

from alembic import op

revision = "crm_0001"
down_revision = None
branch_labels = ("crm",)
depends_on = None

CUSTOMER = """
CREATE TABLE customer (
  customer_id text PRIMARY KEY,
  unit_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('END', 'DEALER')),
  status text NOT NULL CHECK (status IN ('LEAD', 'PROSPECT', 'ACTIVE', 'DORMANT', 'LOST')),
  display_name text NOT NULL,
  phone text NOT NULL,
  time_zone text NOT NULL,
  tags text[] NOT NULL,
  consents text[] NOT NULL,
  attributes jsonb NOT NULL,
  scores jsonb NOT NULL,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0)
);
CREATE INDEX customer_unit_id ON customer (unit_id, customer_id);
CREATE INDEX customer_tags ON customer USING gin (tags);

CREATE TABLE subscription (
  customer_id text NOT NULL REFERENCES customer,
  product_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('ORDERED', 'ACTIVE', 'CANCELLED')),
  change_time timestamptz NOT NULL,
  PRIMARY KEY (customer_id, product_id)
);

CREATE TABLE customer_import (
  import_id text PRIMARY KEY,
  unit_id text NOT NULL,
  rows_received bigint NOT NULL CHECK (rows_received >= 0),
  rows_new bigint NOT NULL CHECK (rows_new >= 0),
  rows_updated bigint NOT NULL CHECK (rows_updated >= 0),
  rows_rejected bigint NOT NULL CHECK (rows_rejected >= 0),
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  CHECK (rows_received = rows_new + rows_updated + rows_rejected)
);

CREATE TABLE customer_import_error (
  import_id text NOT NULL REFERENCES customer_import,
  row_number bigint NOT NULL,
  field text NOT NULL,
  problem text NOT NULL,
  PRIMARY KEY (import_id, row_number, field)
);
"""

TOUCHPOINT = """
CREATE TABLE touchpoint (
  touchpoint_id text PRIMARY KEY,
  kind text NOT NULL UNIQUE,
  channel text NOT NULL,
  name text NOT NULL,
  name_zh text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('INBOUND', 'OUTBOUND')),
  contact_kind text NOT NULL
    CHECK (contact_kind IN ('INBOUND', 'OUTBOUND_CALL', 'MESSAGE', 'STAFF')),
  active boolean NOT NULL,
  version bigint NOT NULL CHECK (version > 0)
);

-- Counts every change of a campaign, a product or a touchpoint: a decision reads it with the
-- customer, and so knows whether the rules that it has in memory are those of now.
CREATE TABLE rule_change (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  number bigint NOT NULL
);
INSERT INTO rule_change (number) VALUES (1);
"""

DECISION = """
CREATE TABLE campaign_copy (
  campaign_id uuid PRIMARY KEY,
  unit_id text NOT NULL,
  version bigint NOT NULL,
  state text NOT NULL,
  start_time timestamptz NOT NULL,
  end_time timestamptz NOT NULL,
  audience text NOT NULL,
  variables jsonb NOT NULL,
  offers jsonb NOT NULL,
  traceparent text NOT NULL
);

CREATE TABLE product_copy (
  product_id text PRIMARY KEY,
  version bigint NOT NULL,
  available boolean NOT NULL,
  excludes text[] NOT NULL,
  requires text[] NOT NULL
);

-- What the contact limits look at, in one row a customer: the write of a decision checks and
-- extends `outbound_times` in one step, so that two decisions cannot both take the last contact.
CREATE TABLE customer_reach (
  customer_id text PRIMARY KEY REFERENCES customer,
  outbound_times timestamptz[] NOT NULL,
  declines jsonb NOT NULL
);

CREATE TABLE decision (
  decision_id uuid PRIMARY KEY,
  customer_id text NOT NULL REFERENCES customer,
  unit_id text NOT NULL,
  touchpoint_id text NOT NULL,
  source text NOT NULL,
  event_id text NOT NULL,
  event_type text NOT NULL,
  event_name text NOT NULL,
  occur_time timestamptz NOT NULL,
  moment text NOT NULL,
  attributes jsonb NOT NULL,
  outcome text NOT NULL
    CHECK (outcome IN ('OFFERED', 'NOTHING_FITS', 'DEFERRED', 'SUPPRESSED')),
  rejections jsonb NOT NULL,
  refusal text NOT NULL,
  deferred_until timestamptz,
  partner_id text NOT NULL,
  create_time timestamptz NOT NULL,
  CONSTRAINT decision_event_once UNIQUE (source, event_id)
);
CREATE INDEX decision_customer_id ON decision (customer_id, decision_id);
"""

OUTREACH = """
CREATE TABLE offer (
  offer_id uuid PRIMARY KEY,
  decision_id uuid NOT NULL REFERENCES decision,
  customer_id text NOT NULL REFERENCES customer,
  unit_id text NOT NULL,
  campaign_id uuid NOT NULL,
  campaign_version bigint NOT NULL,
  offer_code text NOT NULL,
  product_id text NOT NULL,
  wording text NOT NULL,
  touchpoint_id text NOT NULL,
  touchpoint_kind text NOT NULL,
  contact_kind text NOT NULL,
  partner_id text NOT NULL,
  propensity_ppm integer NOT NULL CHECK (propensity_ppm BETWEEN 0 AND 1000000),
  propensity_source text NOT NULL,
  value_minor bigint NOT NULL CHECK (value_minor >= 0),
  currency_code char(3) NOT NULL,
  state text NOT NULL CHECK (state IN
    ('CREATED', 'SHOWN', 'LATER', 'ACCEPTED', 'DECLINED', 'EXPIRED', 'WITHDRAWN')),
  create_time timestamptz NOT NULL,
  expire_time timestamptz NOT NULL,
  show_time timestamptz,
  answer_time timestamptz,
  answered_by text NOT NULL,
  order_id text NOT NULL,
  withdraw_reason text NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  CHECK ((state = 'ACCEPTED') = (order_id <> ''))
);
CREATE INDEX offer_decision_id ON offer (decision_id);
CREATE INDEX offer_customer_id ON offer (customer_id, campaign_id);
CREATE INDEX offer_open_campaign_id ON offer (campaign_id)
  WHERE state IN ('CREATED', 'SHOWN', 'LATER');
CREATE INDEX offer_open_expire_time ON offer (expire_time)
  WHERE state IN ('CREATED', 'SHOWN', 'LATER');
-- One opportunity is worked in one place: a customer accepts a campaign once.
CREATE UNIQUE INDEX offer_one_sale ON offer (customer_id, campaign_id) WHERE state = 'ACCEPTED';
"""


def upgrade() -> None:
    """Make the tables; what was decided or refused in an import is never edited, except that a
    contact which another decision took first suppresses a decision."""
    op.execute(CUSTOMER)
    op.execute(TOUCHPOINT)
    op.execute(DECISION)
    op.execute(OUTREACH)
