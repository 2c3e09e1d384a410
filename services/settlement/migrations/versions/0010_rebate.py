"""The tables of rebate: the base, what was accrued on it, the yearly runs, and what was corrected
afterwards."""

from alembic import op

revision = "settlement_0010"
down_revision = "settlement_0003"
branch_labels = None
depends_on = None

BASE = """
CREATE TABLE rebate_base (
  entry_id uuid NOT NULL,
  year integer NOT NULL,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  order_id text NOT NULL,
  product_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('PURCHASE', 'RETURN', 'EXCLUSION', 'READMISSION')),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency_code char(3) NOT NULL,
  day date NOT NULL,
  reason text NOT NULL DEFAULT '',
  record_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (entry_id, year)
);
CREATE INDEX rebate_base_partner ON rebate_base (partner_id, year);
CREATE INDEX rebate_base_order ON rebate_base (order_id);
SELECT mantle_append_only('rebate_base');

-- The sums of the entries by month, written with them: a run need not read a year's entries.
-- A month may readmit more than it excludes.
CREATE TABLE rebate_month (
  year integer NOT NULL,
  partner_id text NOT NULL,
  currency_code char(3) NOT NULL,
  month date NOT NULL,
  unit_id text NOT NULL,
  purchases_minor bigint NOT NULL CHECK (purchases_minor >= 0),
  returns_minor bigint NOT NULL CHECK (returns_minor >= 0),
  exclusions_minor bigint NOT NULL,
  PRIMARY KEY (year, partner_id, currency_code, month)
);
"""

PARTNERS = """
CREATE TABLE rebate_partner_copy (
  partner_id text PRIMARY KEY,
  credit_grade text NOT NULL DEFAULT ''
);

CREATE TABLE rebate_agreement_copy (
  partner_id text NOT NULL,
  year integer NOT NULL,
  target_minor bigint CHECK (target_minor >= 0),
  currency_code char(3) NOT NULL,
  policy_scope text NOT NULL,
  PRIMARY KEY (partner_id, year)
);

CREATE TABLE rebate_forfeit (
  partner_id text NOT NULL,
  year integer NOT NULL,
  cause text NOT NULL CHECK (cause IN ('DIVERSION', 'OVERDUE', 'BREACH')),
  note text NOT NULL,
  recorded_by text NOT NULL,
  record_time timestamptz NOT NULL,
  PRIMARY KEY (partner_id, year, cause)
);
SELECT mantle_append_only('rebate_forfeit');
"""

ACCRUALS = """
CREATE TABLE rebate_accrual (
  year integer NOT NULL,
  partner_id text NOT NULL,
  period text NOT NULL,
  unit_id text NOT NULL,
  currency_code char(3) NOT NULL,
  policy_id uuid NOT NULL,
  credit_grade text NOT NULL,
  base_minor bigint NOT NULL,
  rebate_minor bigint NOT NULL CHECK (rebate_minor >= 0),
  delta_minor bigint NOT NULL CHECK (delta_minor <> 0),
  transfer_id uuid NOT NULL,
  post_date date NOT NULL,
  PRIMARY KEY (year, partner_id, period, currency_code)
);
SELECT mantle_append_only('rebate_accrual');
"""

RUNS = """
CREATE TABLE rebate_run (
  run_id uuid PRIMARY KEY,
  year integer NOT NULL,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  process_id uuid NOT NULL,
  state text NOT NULL
    CHECK (state IN ('OPEN', 'ACCRUED', 'REVIEWED', 'APPROVED', 'PAID')),
  revision integer NOT NULL,
  payout text NOT NULL CHECK (payout IN ('', 'ADVANCE', 'CASH')),
  day date NOT NULL,
  pay_date date,
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  UNIQUE (year, unit_id, partner_id)
);

CREATE TABLE rebate_line (
  run_id uuid NOT NULL REFERENCES rebate_run,
  revision integer NOT NULL,
  partner_id text NOT NULL,
  currency_code char(3) NOT NULL,
  year integer NOT NULL,
  unit_id text NOT NULL,
  policy_id uuid NOT NULL,
  credit_grade text NOT NULL,
  purchases_minor bigint NOT NULL CHECK (purchases_minor >= 0),
  returns_minor bigint NOT NULL CHECK (returns_minor >= 0),
  exclusions_minor bigint NOT NULL,
  kept_rate_millionths integer NOT NULL CHECK (kept_rate_millionths BETWEEN 0 AND 1000000),
  rebate_minor bigint NOT NULL CHECK (rebate_minor >= 0),
  amount_minor bigint NOT NULL CHECK (amount_minor BETWEEN 0 AND rebate_minor),
  PRIMARY KEY (run_id, revision, partner_id, currency_code)
);
CREATE INDEX rebate_line_partner ON rebate_line (partner_id, year);
SELECT mantle_append_only('rebate_line');

-- A partner's year is settled once, whichever run was first: the yearly one or its own last one.
CREATE TABLE rebate_settled (
  year integer NOT NULL,
  partner_id text NOT NULL,
  currency_code char(3) NOT NULL,
  run_id uuid NOT NULL REFERENCES rebate_run,
  revision integer NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  PRIMARY KEY (year, partner_id, currency_code)
);
SELECT mantle_append_only('rebate_settled');

CREATE TABLE rebate_adjustment (
  adjustment_id uuid PRIMARY KEY,
  sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  year integer NOT NULL,
  partner_id text NOT NULL,
  currency_code char(3) NOT NULL,
  base_minor bigint NOT NULL,
  rebate_minor bigint NOT NULL CHECK (rebate_minor >= 0),
  delta_minor bigint NOT NULL CHECK (delta_minor <> 0),
  day date NOT NULL
);
CREATE INDEX rebate_adjustment_partner ON rebate_adjustment (partner_id, year);
SELECT mantle_append_only('rebate_adjustment');

CREATE TABLE rebate_payment (
  payment_id uuid PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES rebate_run,
  partner_id text NOT NULL,
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  payout text NOT NULL CHECK (payout IN ('ADVANCE', 'CASH')),
  pay_date date NOT NULL,
  UNIQUE (run_id, partner_id, currency_code)
);
CREATE INDEX rebate_payment_partner ON rebate_payment (partner_id);
SELECT mantle_append_only('rebate_payment');
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(BASE)
    op.execute(PARTNERS)
    op.execute(ACCRUALS)
    op.execute(RUNS)
