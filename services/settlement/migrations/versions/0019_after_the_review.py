"""What is paid before it is stated, rebate across years, goods kept back, rejected shares."""

from alembic import op

revision = "settlement_0019"
down_revision = "settlement_0018"
branch_labels = None
depends_on = None

COMMISSION = """
CREATE INDEX commission_entry_paid_unstated ON commission_entry (partner_id)
  WHERE payment_id IS NOT NULL AND statement_id IS NULL;
CREATE INDEX commission_promise_partner ON commission_promise (partner_id);
"""

# An exclusion whose goods came back is readmitted bit by bit, so its readmissions name it.
REBATE = """
ALTER TABLE rebate_base ADD COLUMN exclusion_id uuid;
CREATE INDEX rebate_base_readmission ON rebate_base (exclusion_id) WHERE exclusion_id IS NOT NULL;

CREATE TABLE rebate_offset (
  payment_id uuid NOT NULL REFERENCES rebate_payment,
  year integer NOT NULL,
  partner_id text NOT NULL,
  currency_code char(3) NOT NULL,
  delta_minor bigint NOT NULL CHECK (delta_minor <> 0),
  PRIMARY KEY (payment_id, year)
);
CREATE INDEX rebate_offset_partner ON rebate_offset (partner_id, year);
SELECT mantle_append_only('rebate_offset');
"""

# What was credited until now counts as never picked up, as it did for the end of the pick-up.
PICKUP = """
ALTER TABLE invoice_line ADD COLUMN kept_back_quantity bigint NOT NULL DEFAULT 0;
UPDATE invoice_line SET kept_back_quantity = least(credited_quantity, quantity - picked_quantity)
WHERE credited_quantity > 0;
ALTER TABLE invoice_line
  ADD CHECK (kept_back_quantity BETWEEN 0 AND least(credited_quantity, quantity - picked_quantity));
"""

SHARES = """
ALTER TABLE share_distribution
  ADD COLUMN rejected_by text NOT NULL DEFAULT '',
  ADD COLUMN reject_date date,
  ADD COLUMN reject_reason text NOT NULL DEFAULT '',
  DROP CONSTRAINT share_distribution_state_check,
  ADD CONSTRAINT share_distribution_state_check
    CHECK (state IN ('CALCULATED', 'APPROVED', 'PAID', 'REJECTED')),
  DROP CONSTRAINT share_distribution_check1,
  ADD CONSTRAINT share_distribution_check1
    CHECK ((state IN ('CALCULATED', 'REJECTED')) = (approve_date IS NULL)),
  ADD CHECK ((state = 'REJECTED') = (reject_date IS NOT NULL)),
  DROP CONSTRAINT share_distribution_scheme_id_month_key;
CREATE UNIQUE INDEX share_distribution_month ON share_distribution (scheme_id, month)
  WHERE state <> 'REJECTED';
"""


def upgrade() -> None:
    """Widen the tables."""
    op.execute(COMMISSION)
    op.execute(REBATE)
    op.execute(PICKUP)
    op.execute(SHARES)
