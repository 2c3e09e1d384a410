"""The cases of customers: complaints, enquiries, visits and notices."""

from alembic import op

revision = "crm_0003"
down_revision = "crm_0002"
branch_labels = None
depends_on = None

CASES = """
CREATE TABLE service_case (
  case_id uuid PRIMARY KEY,
  customer_id text NOT NULL,
  unit_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('COMPLAINT', 'ENQUIRY', 'SERVICE', 'NOTICE')),
  state text NOT NULL
    CHECK (state IN ('OPEN', 'ASSIGNED', 'SOLVED', 'CALLED_BACK', 'CLOSED', 'REOPENED')),
  subject text NOT NULL,
  touchpoint_id text NOT NULL,
  cause text NOT NULL,
  category text NOT NULL,
  department text NOT NULL,
  order_ids uuid[] NOT NULL,
  return_ids uuid[] NOT NULL,
  solution text NOT NULL,
  satisfied boolean,
  callback_note text NOT NULL,
  reopened_count integer NOT NULL CHECK (reopened_count >= 0),
  opened_by text NOT NULL,
  open_time timestamptz NOT NULL,
  open_date date NOT NULL,
  due_time timestamptz NOT NULL,
  close_time timestamptz CHECK ((close_time IS NULL) = (state <> 'CLOSED')),
  traceparent text NOT NULL,
  version bigint NOT NULL CHECK (version > 0)
);
CREATE INDEX service_case_unit ON service_case (unit_id, case_id);
CREATE INDEX service_case_customer ON service_case (customer_id, case_id);
CREATE INDEX service_case_return ON service_case USING gin (return_ids);
-- A fact opens one case, however often it is told.
CREATE UNIQUE INDEX service_case_cause ON service_case (cause) WHERE cause <> '';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(CASES)
