"""Contracts with their archive and the seal register, filings, visits, findings, diversion."""

from alembic import op

revision = "channels_0015"
down_revision = "channels_0014"
branch_labels = None
depends_on = None

FILINGS = """
CREATE TABLE group_filing (
  filing_id uuid PRIMARY KEY,
  unit_id text NOT NULL,
  client_id text NOT NULL,
  project text NOT NULL,
  state text NOT NULL
    CHECK (state IN ('FILED', 'CONFIRMED', 'CONFLICT', 'CONTRACTED', 'EXPIRED')),
  first_filing_id uuid REFERENCES group_filing,
  first_unit_id text NOT NULL,
  filed_by text NOT NULL,
  file_date date NOT NULL,
  protect_until_date date NOT NULL CHECK (protect_until_date >= file_date),
  planned integer NOT NULL CHECK (planned >= 0),
  measured integer NOT NULL CHECK (measured BETWEEN 0 AND planned),
  sizes jsonb NOT NULL,
  waiver_reason text NOT NULL,
  waiver_reference text NOT NULL,
  waived_by text NOT NULL,
  contract_id uuid,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  CHECK ((state = 'CONFLICT') = (first_filing_id IS NOT NULL)),
  CHECK ((state = 'CONTRACTED') = (contract_id IS NOT NULL)),
  CHECK ((waived_by = '') = (waiver_reference = '')),
  -- Who files first is protected: of two at once the database lets one through.
  CONSTRAINT group_filing_first EXCLUDE USING gist (
    client_id WITH =, daterange(file_date, protect_until_date, '[]') WITH &&)
    WHERE (state IN ('FILED', 'CONFIRMED', 'CONTRACTED'))
);
CREATE INDEX group_filing_client ON group_filing (client_id, filing_id);
CREATE INDEX group_filing_expiry ON group_filing (protect_until_date)
  WHERE state IN ('FILED', 'CONFIRMED');
"""

CONTRACTS = """
CREATE TABLE contract_template (
  product_id text NOT NULL REFERENCES product,
  template_version integer NOT NULL CHECK (template_version > 0),
  reference text NOT NULL,
  sha256 text NOT NULL,
  promotion text NOT NULL,
  published_by text NOT NULL,
  publish_time timestamptz NOT NULL,
  PRIMARY KEY (product_id, template_version)
);
SELECT mantle_append_only('contract_template');

CREATE TABLE contract (
  contract_id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('SALES', 'ANNUAL', 'GROUP_UNIFORM')),
  partner_id text NOT NULL REFERENCES partner,
  customer_id text NOT NULL,
  unit_id text NOT NULL,
  title text NOT NULL,
  filing_id uuid REFERENCES group_filing,
  state text NOT NULL CHECK (state IN ('DRAFT', 'REVIEWED', 'SIGNED', 'PERFORMING', 'CHANGED',
    'COMPLETED', 'TERMINATED')),
  terms jsonb NOT NULL,
  created_by text NOT NULL,
  create_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  CHECK ((kind = 'GROUP_UNIFORM') = (filing_id IS NOT NULL))
);
CREATE INDEX contract_customer ON contract (customer_id, contract_id) WHERE customer_id <> '';
CREATE INDEX contract_partner ON contract (partner_id, contract_id);

CREATE TABLE contract_terms (
  contract_id uuid NOT NULL REFERENCES contract,
  terms_version integer NOT NULL CHECK (terms_version > 0),
  terms jsonb NOT NULL,
  PRIMARY KEY (contract_id, terms_version)
);
SELECT mantle_append_only('contract_terms');

CREATE TABLE contract_move (
  contract_id uuid NOT NULL REFERENCES contract,
  version bigint NOT NULL CHECK (version > 0),
  from_state text NOT NULL,
  to_state text NOT NULL,
  moved_by text NOT NULL,
  reason text NOT NULL,
  move_time timestamptz NOT NULL,
  PRIMARY KEY (contract_id, version)
);
SELECT mantle_append_only('contract_move');

CREATE TABLE contract_review (
  contract_id uuid NOT NULL REFERENCES contract,
  version bigint NOT NULL CHECK (version > 0),
  terms_version integer NOT NULL,
  passed boolean NOT NULL,
  opinion text NOT NULL,
  reviewed_by text NOT NULL,
  review_time timestamptz NOT NULL,
  PRIMARY KEY (contract_id, version)
);
SELECT mantle_append_only('contract_review');

CREATE TABLE contract_attachment (
  attachment_id uuid PRIMARY KEY,
  contract_id uuid NOT NULL REFERENCES contract,
  terms_version integer NOT NULL,
  name text NOT NULL,
  reference text NOT NULL,
  sha256 text NOT NULL,
  added_by text NOT NULL,
  add_time timestamptz NOT NULL
);
CREATE INDEX contract_attachment_contract ON contract_attachment (contract_id, attachment_id);
SELECT mantle_append_only('contract_attachment');

CREATE TABLE contract_order (
  order_id uuid PRIMARY KEY REFERENCES sales_order,
  contract_id uuid NOT NULL REFERENCES contract,
  add_time timestamptz NOT NULL
);
CREATE INDEX contract_order_contract ON contract_order (contract_id, add_time);
SELECT mantle_append_only('contract_order');

CREATE TABLE seal_use (
  seal_use_id uuid PRIMARY KEY,
  contract_id uuid NOT NULL REFERENCES contract,
  terms_version integer NOT NULL,
  unit_id text NOT NULL,
  seal text NOT NULL,
  purpose text NOT NULL,
  state text NOT NULL CHECK (state IN ('REQUESTED', 'APPROVED', 'USED')),
  requested_by text NOT NULL,
  request_time timestamptz NOT NULL,
  approved_by text NOT NULL,
  approve_time timestamptz,
  used_by text NOT NULL,
  use_time timestamptz,
  CHECK (approved_by <> requested_by),
  CHECK ((state = 'REQUESTED') = (approve_time IS NULL)),
  CHECK ((state = 'USED') = (use_time IS NOT NULL))
);
-- A version of the terms is signed once.
CREATE UNIQUE INDEX seal_use_once ON seal_use (contract_id, terms_version) WHERE state = 'USED';
CREATE INDEX seal_use_contract ON seal_use (contract_id, terms_version);
"""

INSPECTIONS = """
CREATE TABLE visit_plan (
  plan_id uuid PRIMARY KEY,
  unit_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('PARTNER', 'INSPECTION')),
  title text NOT NULL,
  start_date date NOT NULL,
  end_date date NOT NULL CHECK (end_date >= start_date),
  created_by text NOT NULL,
  create_time timestamptz NOT NULL
);
SELECT mantle_append_only('visit_plan');

CREATE TABLE visit (
  visit_id uuid PRIMARY KEY,
  plan_id uuid NOT NULL REFERENCES visit_plan,
  unit_id text NOT NULL,
  partner_id text NOT NULL REFERENCES partner,
  visitor text NOT NULL,
  visit_date date NOT NULL,
  state text NOT NULL CHECK (state IN ('PLANNED', 'DONE', 'MISSED')),
  report jsonb,
  missed_reason text NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  CHECK ((state = 'DONE') = (report IS NOT NULL)),
  CHECK ((state = 'MISSED') = (missed_reason <> ''))
);
CREATE INDEX visit_plan_visits ON visit (plan_id, visit_id);
CREATE INDEX visit_partner ON visit (partner_id, visit_id);

CREATE TABLE finding (
  finding_id uuid PRIMARY KEY,
  visit_id uuid NOT NULL REFERENCES visit,
  unit_id text NOT NULL,
  partner_id text NOT NULL,
  description text NOT NULL,
  batch text NOT NULL,
  state text NOT NULL CHECK (state IN ('OPEN', 'CORRECTED', 'CLOSED', 'REOPENED')),
  due_date date NOT NULL,
  correction text NOT NULL,
  corrected_by text NOT NULL,
  check_note text NOT NULL,
  checked_by text NOT NULL,
  reopened_count integer NOT NULL CHECK (reopened_count >= 0),
  raised_by text NOT NULL,
  raise_time timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  CHECK (state = 'OPEN' OR corrected_by <> ''),
  CHECK (state <> 'CLOSED' OR checked_by <> corrected_by)
);
CREATE INDEX finding_unit ON finding (unit_id, finding_id);
"""

DIVERSION = """
CREATE TABLE diversion_case (
  case_id uuid PRIMARY KEY,
  batch text NOT NULL,
  product_id text NOT NULL REFERENCES product,
  quantity bigint NOT NULL CHECK (quantity > 0),
  source_partner_id text NOT NULL REFERENCES partner,
  source_unit_id text NOT NULL,
  found_unit_id text NOT NULL,
  found_partner_id text NOT NULL,
  order_id uuid NOT NULL REFERENCES sales_order,
  currency_code char(3) NOT NULL,
  unit_price numeric NOT NULL CHECK (unit_price >= 0),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  evidence text NOT NULL,
  finding_id uuid REFERENCES finding,
  state text NOT NULL CHECK (state IN ('OPEN', 'CONFIRMED', 'PENALISED', 'DISMISSED')),
  opened_by text NOT NULL,
  open_time timestamptz NOT NULL,
  decided_by text NOT NULL,
  decision text NOT NULL,
  decide_time timestamptz,
  fine_minor bigint CHECK (fine_minor >= 0),
  version bigint NOT NULL CHECK (version > 0),
  CHECK (decided_by <> opened_by),
  CHECK ((state = 'OPEN') = (decide_time IS NULL)),
  CHECK ((state = 'PENALISED') = (fine_minor IS NOT NULL))
);
CREATE INDEX diversion_case_partner ON diversion_case (source_partner_id, case_id);
CREATE INDEX diversion_case_unit ON diversion_case (found_unit_id, case_id);
CREATE INDEX diversion_case_batch ON diversion_case (batch, product_id, source_partner_id);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(FILINGS)
    op.execute(CONTRACTS)
    op.execute(INSPECTIONS)
    op.execute(DIVERSION)
