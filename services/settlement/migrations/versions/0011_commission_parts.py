"""Commission of a share of an amount, taken back in parts, stated by month and split."""

from alembic import op

revision = "settlement_0011"
down_revision = "settlement_0010"
branch_labels = None
depends_on = None

ENTRY = """
ALTER TABLE commission_entry
  ADD COLUMN occasion text NOT NULL DEFAULT '',
  ADD COLUMN share text NOT NULL DEFAULT '',
  ADD COLUMN basis text NOT NULL DEFAULT 'posting' CHECK (basis IN ('posting', 'cash')),
  ADD COLUMN base_minor bigint NOT NULL DEFAULT 0 CHECK (base_minor >= 0),
  ADD COLUMN base_quantity bigint NOT NULL DEFAULT 1 CHECK (base_quantity > 0),
  ADD COLUMN returned_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN returned_quantity bigint NOT NULL DEFAULT 0,
  ADD COLUMN reversed_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN statement_id uuid,
  DROP CONSTRAINT commission_entry_state_check,
  ADD CONSTRAINT commission_entry_state_check
    CHECK (state IN ('ACCRUED', 'CONFIRMED', 'STATED', 'PAID', 'REVERSED')),
  DROP CONSTRAINT commission_entry_order_id_event_kind_product_id_key,
  ADD UNIQUE (order_id, event_kind, product_id, occasion);
UPDATE commission_entry SET base_quantity = quantity;
UPDATE commission_entry SET reversed_minor = amount_minor WHERE state = 'REVERSED';
ALTER TABLE commission_entry
  ADD CHECK (reversed_minor BETWEEN 0 AND amount_minor),
  ADD CHECK ((state = 'REVERSED') = (reversed_minor = amount_minor));
"""

REVERSAL = """
CREATE TABLE commission_reversal (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reversal_id uuid NOT NULL UNIQUE,
  entry_id uuid NOT NULL REFERENCES commission_entry (entry_id),
  partner_id text NOT NULL,
  event_kind text NOT NULL,
  product_id text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency_code char(3) NOT NULL,
  cause text NOT NULL CHECK (cause IN ('CANCELLED', 'RETURNED', 'UNCOLLECTED', 'SPLIT')),
  source_id text NOT NULL,
  reverse_date date NOT NULL,
  late boolean NOT NULL,
  after_payment boolean NOT NULL CHECK (late OR NOT after_payment),
  statement_id uuid CHECK (late OR statement_id IS NULL),
  netted_payment_id uuid CHECK (after_payment OR netted_payment_id IS NULL)
);
INSERT INTO commission_reversal (reversal_id, entry_id, partner_id, event_kind, product_id,
  amount_minor, currency_code, cause, source_id, reverse_date, late, after_payment,
  netted_payment_id)
SELECT gen_random_uuid(), entry_id, partner_id, event_kind, product_id, amount_minor,
  currency_code, 'CANCELLED', '', reverse_date, payment_id IS NOT NULL, payment_id IS NOT NULL,
  netted_payment_id
FROM commission_entry WHERE state = 'REVERSED' ORDER BY sequence;
CREATE INDEX commission_reversal_entry ON commission_reversal (entry_id);
CREATE INDEX commission_reversal_month ON commission_reversal (partner_id, reverse_date);
CREATE INDEX commission_reversal_to_net ON commission_reversal (partner_id)
  WHERE after_payment AND netted_payment_id IS NULL;
CREATE INDEX commission_reversal_to_state ON commission_reversal (partner_id)
  WHERE late AND statement_id IS NULL;
DROP INDEX commission_entry_reversed;
DROP INDEX commission_entry_payable;
ALTER TABLE commission_entry DROP COLUMN netted_payment_id;
CREATE INDEX commission_entry_payable ON commission_entry (partner_id)
  WHERE state IN ('CONFIRMED', 'STATED');
"""

CASH = """
CREATE TABLE commission_cash_order (
  order_id text PRIMARY KEY,
  total_minor bigint NOT NULL CHECK (total_minor >= 0),
  collected_minor bigint NOT NULL,
  confirm_date date
);

CREATE TABLE commission_promise (
  order_id text NOT NULL REFERENCES commission_cash_order (order_id),
  event_kind text NOT NULL,
  product_id text NOT NULL,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  offer_id text NOT NULL,
  campaign_id text NOT NULL,
  policy_id uuid NOT NULL,
  share text NOT NULL,
  base_minor bigint NOT NULL,
  base_quantity bigint NOT NULL,
  currency_code char(3) NOT NULL,
  returned_minor bigint NOT NULL,
  returned_quantity bigint NOT NULL,
  earned_minor bigint NOT NULL CHECK (earned_minor >= 0),
  turns bigint NOT NULL CHECK (turns >= 0),
  PRIMARY KEY (order_id, event_kind, product_id)
);
"""

STATEMENT = """
CREATE TABLE commission_statement (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  statement_id uuid NOT NULL UNIQUE,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  month text NOT NULL,
  currency_code char(3) NOT NULL,
  entry_count bigint NOT NULL,
  entry_minor bigint NOT NULL,
  reversal_count bigint NOT NULL,
  reversal_minor bigint NOT NULL,
  state_date date NOT NULL,
  UNIQUE (partner_id, month, currency_code)
);
CREATE INDEX commission_statement_month ON commission_statement (month, sequence);
SELECT mantle_append_only('commission_statement');
"""

OPPORTUNITY = """
CREATE TABLE opportunity_copy (
  offer_id text PRIMARY KEY,
  partner_id text NOT NULL,
  day date NOT NULL
);
CREATE INDEX opportunity_copy_day ON opportunity_copy (partner_id, day);
"""


def upgrade() -> None:
    """Widen the entries and create what takes back, promises and states."""
    op.execute(ENTRY)
    op.execute(REVERSAL)
    op.execute(CASH)
    op.execute(STATEMENT)
    op.execute(OPPORTUNITY)
