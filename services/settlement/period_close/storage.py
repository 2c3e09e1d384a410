"""The months that were asked to close, and their exports with lines."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from chassis import upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.period import Month
from settlement.ledger.domain import AccountCode
from settlement.period_close.domain import Counts, Head, Period, State
from settlement.period_close.export import (
    CODES_OF,
    Destination,
    Export,
    ExportLine,
    ExportState,
    LedgerExportNotFound,
)

TABLES = sa.MetaData()

period = sa.Table(
    "period",
    TABLES,
    sa.Column("first_day", sa.Date, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("document_count", sa.BigInteger, nullable=False),
    sa.Column("transfer_count", sa.BigInteger, nullable=False),
    sa.Column("closed_by", sa.Text, nullable=False),
    sa.Column("close_time", sa.DateTime(timezone=True)),
    sa.Column("head_block", sa.BigInteger),
    sa.Column("head_hash", sa.LargeBinary),
    sa.Column("reopen_reason", sa.Text, nullable=False),
)

ledger_export = sa.Table(
    "ledger_export",
    TABLES,
    sa.Column("export_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("first_day", sa.Date, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("prepare_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("send_time", sa.DateTime(timezone=True)),
    sa.Column("confirm_time", sa.DateTime(timezone=True)),
    sa.Column("reference", sa.Text, nullable=False),
)

ledger_export_line = sa.Table(
    "ledger_export_line",
    TABLES,
    sa.Column("export_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("debit_minor", sa.BigInteger, nullable=False),
    sa.Column("credit_minor", sa.BigInteger, nullable=False),
)

MONTHS = "SELECT pg_advisory_xact_lock(hashtextextended('settlement closes', 0))"
_PERIODS = sa.select(*period.c, ledger_export.c.export_id).outerjoin(
    ledger_export, ledger_export.c.first_day == period.c.first_day
)


def take_turn(tx: Transaction) -> None:
    """Wait until nobody else closes or opens a month, or gives one away."""
    tx.execute(sa.text(MONTHS))


def get(tx: Transaction, month: Month) -> Period:
    """Return a month; one that nobody asked to close is open."""
    row = tx.execute(_PERIODS.where(period.c.first_day == month.first_day)).one_or_none()
    return Period(month) if row is None else _period(row)


def page(tx: Transaction, part: Page) -> Slice[Period]:
    """Return a page of the months that were asked to close, the latest first."""
    rows = tx.execute(keyset(_PERIODS, part, [period.c.first_day], descending=True))
    return part.slice(map(_period, rows), key=lambda one: [one.month.first_day])


def save(tx: Transaction, one: Period) -> None:
    """Keep a month as it is now."""
    row = {
        "first_day": one.month.first_day,
        "state": one.state,
        "attempt": one.attempt,
        "run_id": one.run_id,
        "document_count": one.counts.documents,
        "transfer_count": one.counts.transfers,
        "closed_by": one.closed_by,
        "close_time": one.close_time,
        "head_block": one.head.block_number if one.head else None,
        "head_hash": one.head.hash if one.head else None,
        "reopen_reason": one.reopen_reason,
    }
    upsert.put(tx, period, row)


def export_of(tx: Transaction, month: Month) -> Export | None:
    """Return the export of a month, or None."""
    return _export(tx, ledger_export.c.first_day == month.first_day)


def get_export(tx: Transaction, export_id: str, *, lock: bool = False) -> Export:
    """Return an export.

    Errors: LedgerExportNotFound.
    """
    found = _export(tx, ledger_export.c.export_id == export_id, lock=lock)
    if found is None:
        raise LedgerExportNotFound(export_id)
    return found


def add_export(tx: Transaction, export: Export, lines: Sequence[ExportLine]) -> None:
    """Keep a new export with its lines."""
    tx.execute(sa.insert(ledger_export).values(export_id=export.export_id, **_values(export)))
    rows = [
        {
            "export_id": export.export_id,
            "line_number": line.line_number,
            "unit_id": line.unit_id,
            "code": line.code,
            "currency_code": line.debit.currency_code,
            "debit_minor": line.debit.amount_minor,
            "credit_minor": line.credit.amount_minor,
        }
        for line in lines
    ]
    if rows:
        tx.execute(sa.insert(ledger_export_line), rows)


def save_export(tx: Transaction, export: Export) -> None:
    """Keep an export as it is now; its lines never change."""
    tx.execute(
        sa.update(ledger_export)
        .where(ledger_export.c.export_id == export.export_id)
        .values(_values(export))
    )


def drop_export(tx: Transaction, export_id: str) -> None:
    """Forget an export that nobody has seen."""
    for table in (ledger_export_line, ledger_export):
        tx.execute(sa.delete(table).where(table.c.export_id == export_id))


def page_lines(
    tx: Transaction, part: Page, *, export_id: str, destination: Destination | None
) -> Slice[ExportLine]:
    """Return a page of an export's lines, by number."""
    query = sa.select(*ledger_export_line.c).where(ledger_export_line.c.export_id == export_id)
    if destination is not None:
        query = query.where(ledger_export_line.c.code.in_(sorted(CODES_OF[destination])))
    rows = tx.execute(keyset(query, part, [ledger_export_line.c.line_number]))
    return part.slice(map(_line, rows), key=lambda one: [one.line_number])


def _export(
    tx: Transaction, condition: sa.ColumnElement[bool], *, lock: bool = False
) -> Export | None:
    query = sa.select(*ledger_export.c).where(condition)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        return None
    totals, line_count = _totals(tx, row.export_id)
    return Export(
        export_id=row.export_id,
        month=Month.of(row.first_day),
        totals=totals,
        line_count=line_count,
        prepare_time=row.prepare_time,
        state=ExportState(row.state),
        send_time=row.send_time,
        confirm_time=row.confirm_time,
        reference=row.reference,
    )


def _totals(tx: Transaction, export_id: str) -> tuple[tuple[Money, ...], int]:
    currency = ledger_export_line.c.currency_code
    query = (
        sa.select(currency, sa.func.sum(ledger_export_line.c.debit_minor), sa.func.count())
        .where(ledger_export_line.c.export_id == export_id)
        .group_by(currency)
        .order_by(currency)
    )
    rows = tx.execute(query).all()
    totals = tuple(Money(code, int(debits)) for code, debits, _ in rows)
    return totals, sum(count for _, _, count in rows)


def _values(export: Export) -> dict[str, Any]:
    return {
        "first_day": export.month.first_day,
        "state": export.state,
        "prepare_time": export.prepare_time,
        "send_time": export.send_time,
        "confirm_time": export.confirm_time,
        "reference": export.reference,
    }


def _line(row: Any) -> ExportLine:
    return ExportLine(
        row.line_number,
        AccountCode(row.code),
        row.unit_id,
        Money(row.currency_code, row.debit_minor),
        Money(row.currency_code, row.credit_minor),
    )


def _period(row: Any) -> Period:
    first_day: date = row.first_day
    return Period(
        month=Month.of(first_day),
        state=State(row.state),
        attempt=row.attempt,
        run_id=row.run_id,
        counts=Counts(row.transfer_count, row.document_count),
        closed_by=row.closed_by,
        close_time=row.close_time,
        head=None if row.head_block is None else Head(row.head_block, row.head_hash),
        reopen_reason=row.reopen_reason,
        export_id=row.export_id or "",
    )
