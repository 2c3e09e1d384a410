"""The audit's table. The application may insert and read, never change or remove."""

from uuid import UUID

import sqlalchemy as sa
from opentelemetry import trace

from chassis.database import Transaction
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
    context = trace.get_current_span().get_span_context()
    tx.execute(
        sa.insert(audit_entry)
        .inline()
        .values(
            subject=caller.subject,
            actor=caller.actor,
            method=method,
            request_id=request_id,
            outcome=outcome,
            unit_id=caller.unit_id,
            trace_id=f"{context.trace_id:032x}" if context.is_valid else "",
        )
    )
