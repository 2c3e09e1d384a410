"""Awards, penalties and rankings of persons and partners."""

from alembic import op

revision = "settlement_0012"
down_revision = "settlement_0011"
branch_labels = None
depends_on = None

AWARD = """
CREATE TABLE award (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  award_id uuid NOT NULL UNIQUE,
  kind text NOT NULL CHECK (kind IN ('AWARD', 'PENALTY')),
  beneficiary_kind text NOT NULL CHECK (beneficiary_kind IN ('PARTNER', 'PERSON')),
  beneficiary_id text NOT NULL,
  unit_id text NOT NULL,
  base_minor bigint NOT NULL CHECK (base_minor > 0),
  currency_code char(3) NOT NULL,
  factor text NOT NULL,
  reason text NOT NULL,
  award_date date NOT NULL,
  state text NOT NULL CHECK (state IN ('PROPOSED', 'APPROVED', 'BOOKED')),
  proposed_by text NOT NULL,
  create_time timestamptz NOT NULL,
  approved_by text NOT NULL,
  approve_time timestamptz,
  booked_by text NOT NULL,
  book_time timestamptz,
  CHECK (approved_by <> proposed_by OR booked_by = 'channels'),
  CHECK ((state = 'PROPOSED') = (approve_time IS NULL)),
  CHECK ((state = 'BOOKED') = (book_time IS NOT NULL))
);
CREATE INDEX award_beneficiary ON award (beneficiary_id, award_date);
"""

RANKING = """
CREATE TABLE ranking (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ranking_id uuid NOT NULL UNIQUE,
  unit_id text NOT NULL,
  month text NOT NULL,
  review_percent text NOT NULL,
  policy_id uuid NOT NULL,
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  UNIQUE (unit_id, month)
);
SELECT mantle_append_only('ranking');

CREATE TABLE ranking_place (
  ranking_id uuid NOT NULL REFERENCES ranking (ranking_id),
  place bigint NOT NULL CHECK (place > 0),
  person_id text NOT NULL,
  score text NOT NULL,
  under_review boolean NOT NULL,
  PRIMARY KEY (ranking_id, place),
  UNIQUE (ranking_id, person_id)
);
SELECT mantle_append_only('ranking_place');
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(AWARD)
    op.execute(RANKING)
