"""The audit's table. The application may insert and read, never change or remove."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from opentelemetry import trace

from chassis import arrays, telemetry
from chassis.database import Transaction, run
from chassis.scope import Caller

TABLES = sa.MetaData()

audit_entry = sa.Table(
    "audit_entry",
    TABLES,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("request_id", sa.Uuid),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("trace_id", sa.Text, nullable=False),
)


# Written out once: building a statement costs more than running it.
RECORD = sa.text(
    "INSERT INTO audit_entry (subject, actor, method, request_id, outcome, unit_id, trace_id)"
    " VALUES (:subject, :actor, :method, :request_id, :outcome, :unit_id, :trace_id)"
)
RECORD_ALL = """
    INSERT INTO audit_entry (subject, actor, method, request_id, outcome, unit_id, trace_id)
    SELECT subject, actor, %(method)s, request_id, 'DONE', unit_id, trace_id
    FROM unnest(%(subjects)s::text[], %(actors)s::text[], %(request_ids)s::uuid[],
                %(units)s::text[], %(traces)s::text[])
      AS new (subject, actor, request_id, unit_id, trace_id)
"""


def record(
    tx: Transaction,
    caller: Caller,
    *,
    method: str,
    request_id: UUID | None = None,
    outcome: str = "DONE",
) -> None:
    """Write one entry.

    Shape: `outcome` is DONE, or the reason of the refusal.
    Source: R-313.
    """
    tx.execute(
        RECORD,
        {
            "subject": caller.subject,
            "actor": caller.actor,
            "method": method,
            "request_id": request_id,
            "outcome": outcome,
            "unit_id": caller.unit_id,
            "trace_id": telemetry.trace_id(trace.get_current_span()),
        },
    )


def record_all(tx: Transaction, entries: Sequence[tuple[Caller, str, str]], *, method: str) -> None:
    """Write an entry for each of many calls of one method: caller, request id and trace id."""
    run(
        tx,
        RECORD_ALL,
        {
            "method": method,
            "subjects": arrays.texts([caller.subject for caller, _, _ in entries]),
            "actors": arrays.texts([caller.actor for caller, _, _ in entries]),
            "units": arrays.texts([caller.unit_id for caller, _, _ in entries]),
            "request_ids": arrays.texts([request_id for _, request_id, _ in entries]),
            "traces": arrays.texts([trace_id for _, _, trace_id in entries]),
        },
    )
