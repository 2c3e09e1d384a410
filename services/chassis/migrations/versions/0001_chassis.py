"""What every service's database holds: the door's keys, the event log, the subscriptions, the
audit."""

from alembic import op

revision = "0001_chassis"
down_revision = None
branch_labels = ("chassis",)

ROLES = """
DO $$
DECLARE app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', app);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA public'
                 ' GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', app);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA public'
                 ' GRANT USAGE, SELECT ON SEQUENCES TO %I', app);
END $$;

CREATE FUNCTION mantle_append_only(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE app text := regexp_replace(current_user, '_owner$', '_app');
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM %I', relation, app);
END $$;
"""

DOOR = """
CREATE TABLE org_unit_copy (
  unit_id text PRIMARY KEY,
  path text NOT NULL CHECK (path LIKE '%/'),
  version bigint NOT NULL,
  record_time timestamptz NOT NULL
);
CREATE INDEX org_unit_copy_path ON org_unit_copy (path text_pattern_ops);

CREATE TABLE idempotency_key (
  caller text NOT NULL,
  method text NOT NULL,
  request_id uuid NOT NULL,
  fingerprint bytea NOT NULL,
  reply bytea,
  record_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, method, request_id)
);
CREATE INDEX idempotency_key_record_time ON idempotency_key USING brin (record_time);

CREATE TABLE audit_entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  record_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  subject text NOT NULL,
  actor text NOT NULL,
  method text NOT NULL,
  request_id uuid,
  outcome text NOT NULL,
  unit_id text NOT NULL,
  trace_id text NOT NULL
);
CREATE INDEX audit_entry_subject ON audit_entry (subject, id);
SELECT mantle_append_only('audit_entry');
"""

EVENTS = """
CREATE TABLE event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL,
  type text NOT NULL,
  ordering_key text NOT NULL,
  partition smallint NOT NULL CHECK (partition BETWEEN 0 AND 63),
  keep text NOT NULL CHECK (keep IN ('reference', 'touch')),
  occur_time timestamptz NOT NULL,
  record_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  traceparent text NOT NULL,
  payload bytea NOT NULL
);
SELECT mantle_append_only('event');

CREATE TABLE event_position (
  position bigint PRIMARY KEY CHECK (position > 0),
  id bigint NOT NULL UNIQUE
);
SELECT mantle_append_only('event_position');

CREATE TABLE event_log (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  log_epoch uuid NOT NULL
);
INSERT INTO event_log (log_epoch) VALUES (gen_random_uuid());

CREATE TABLE event_expired (
  type text PRIMARY KEY,
  position bigint NOT NULL
);

CREATE TABLE subscription_cursor (
  source text NOT NULL,
  shard smallint NOT NULL,
  position bigint NOT NULL DEFAULT 0,
  log_epoch text NOT NULL DEFAULT '',
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_owner text NOT NULL DEFAULT '',
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (source, shard)
);

CREATE TABLE subscription_member (
  source text NOT NULL,
  owner text NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (source, owner)
);

CREATE TABLE parked_event (
  source text NOT NULL,
  position bigint NOT NULL,
  event_id uuid NOT NULL UNIQUE,
  type text NOT NULL,
  ordering_key text NOT NULL,
  partition smallint NOT NULL,
  occur_time timestamptz NOT NULL,
  record_time timestamptz NOT NULL,
  actor text NOT NULL,
  traceparent text NOT NULL,
  payload bytea NOT NULL,
  reason text NOT NULL,
  attempts integer NOT NULL,
  park_time timestamptz NOT NULL,
  applied_time timestamptz,
  PRIMARY KEY (source, position)
);
CREATE INDEX parked_event_blocked ON parked_event (source, ordering_key, position)
  WHERE applied_time IS NULL;
"""


def upgrade() -> None:
    """Create the tables of the chassis, and the application role's rights on them."""
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute(ROLES)
    op.execute(DOOR)
    op.execute(EVENTS)
