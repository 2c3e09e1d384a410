"""Fines for goods sold in areas of others."""

from alembic import op

revision = "settlement_0017"
down_revision = "settlement_0016"
branch_labels = None
depends_on = None

PENALTY = """
CREATE TABLE diversion_penalty (
  case_id uuid PRIMARY KEY,
  partner_id text NOT NULL,
  unit_id text NOT NULL,
  victim_unit_id text NOT NULL,
  victim_partner_id text NOT NULL,
  product_id text NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  order_id uuid NOT NULL,
  currency_code char(3) NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  factor text NOT NULL,
  fine_minor bigint NOT NULL CHECK (fine_minor >= 0),
  award_id uuid NOT NULL,
  policy_id uuid NOT NULL,
  post_date date NOT NULL,
  create_time timestamptz NOT NULL
);
CREATE INDEX diversion_penalty_partner ON diversion_penalty (partner_id, case_id);
SELECT mantle_append_only('diversion_penalty');
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(PENALTY)
