"""Runs and their lines in the database."""

from typing import Any

import sqlalchemy as sa

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from settlement.rebate.books import line_of
from settlement.rebate.run import (
    Line,
    Payout,
    RebateRun,
    RebateRunNotFound,
    RunTotal,
    State,
)
from settlement.rebate.storage import rebate_line, rebate_payment, rebate_run

_run, _line, _payment = rebate_run.c, rebate_line.c, rebate_payment.c
_LINE = [
    _line.run_id,
    _line.partner_id,
    _line.unit_id,
    _line.year,
    _line.policy_id,
    _line.credit_grade,
    _line.currency_code,
    _line.purchases_minor,
    _line.returns_minor,
    _line.exclusions_minor,
    _line.kept_rate_millionths,
    _line.rebate_minor,
    _line.amount_minor,
    _line.revision,
]


def add(tx: Transaction, new: RebateRun) -> None:
    """Store a new run."""
    tx.execute(sa.insert(rebate_run).values(run_id=new.run_id, **_changing(new), **_fixed(new)))


def save(tx: Transaction, changed: RebateRun) -> None:
    """Store what changed of a run."""
    values = _changing(changed)
    tx.execute(sa.update(rebate_run).where(_run.run_id == changed.run_id).values(values))


def get(tx: Transaction, run_id: str, *, lock: bool = False) -> RebateRun:
    """Return a run.

    Errors: RebateRunNotFound.
    """
    query = sa.select(*_run).where(_run.run_id == run_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise RebateRunNotFound(run_id)
    return _read(row)


def lock_year(tx: Transaction, year: int) -> None:
    """Let nobody else begin a run of a year before the end of this transaction."""
    key = f"settlement rebate run {year}"
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0))))


def find(tx: Transaction, *, year: int, unit_id: str, partner_id: str) -> RebateRun | None:
    """Return the run of a year, or None; locked."""
    query = (
        sa.select(*_run)
        .where(_run.year == year, _run.unit_id == unit_id, _run.partner_id == partner_id)
        .with_for_update()
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else _read(row)


def page(
    tx: Transaction, part: Page, *, year: int, units: sa.ScalarSelect[str] | None
) -> Slice[RebateRun]:
    """Return a page of runs, of one year unless that is 0, in the order in which they began."""
    query = sa.select(*_run)
    if units is not None:
        query = query.where(_run.unit_id.in_(units))
    if year:
        query = query.where(_run.year == year)
    rows = tx.execute(keyset(query, part, [_run.run_id]))
    return part.slice(map(_read, rows), key=lambda one: [one.run_id])


def lines_after(tx: Transaction, own: RebateRun, *, after: str, limit: int) -> list[Line]:
    """Return lines of a run behind a partner; all lines of a partner are together."""
    ids = (
        sa.select(_line.partner_id)
        .where(_own_lines(own), _line.partner_id > after)
        .distinct()
        .order_by(_line.partner_id)
        .limit(limit)
    )
    query = (
        sa.select(*_LINE)
        .where(_own_lines(own), _line.partner_id.in_(ids))
        .order_by(_line.partner_id, _line.currency_code)
    )
    return [line_of(row) for row in tx.execute(query)]


def line_page(tx: Transaction, part: Page, own: RebateRun) -> Slice[Line]:
    """Return a page of a run's lines, by partner."""
    query = sa.select(*_LINE).where(_own_lines(own))
    rows = tx.execute(keyset(query, part, [_line.partner_id, _line.currency_code]))
    return part.slice(
        map(line_of, rows), key=lambda one: [one.partner_id, one.amount.currency_code]
    )


def totals(tx: Transaction, own: RebateRun) -> list[RunTotal]:
    """Sum the lines of a run and what was paid, one for each currency."""
    paid = {
        row.currency_code: int(row.paid)
        for row in tx.execute(
            sa.select(_payment.currency_code, sa.func.sum(_payment.amount_minor).label("paid"))
            .where(_payment.run_id == own.run_id)
            .group_by(_payment.currency_code)
        )
    }
    base = _line.purchases_minor - _line.returns_minor - _line.exclusions_minor
    query = (
        sa.select(
            _line.currency_code,
            sa.func.count().label("partners"),
            sa.func.sum(_line.purchases_minor).label("purchases"),
            sa.func.sum(base).label("base"),
            sa.func.sum(_line.amount_minor).label("amount"),
        )
        .where(_own_lines(own))
        .group_by(_line.currency_code)
        .order_by(_line.currency_code)
    )
    return [
        RunTotal(
            partner_count=row.partners,
            purchases=Money(row.currency_code, int(row.purchases)),
            base=Money(row.currency_code, int(row.base)),
            amount=Money(row.currency_code, int(row.amount)),
            paid=Money(row.currency_code, paid.get(row.currency_code, 0)),
        )
        for row in tx.execute(query)
    ]


def _own_lines(own: RebateRun) -> sa.ColumnElement[bool]:
    return sa.and_(_line.run_id == own.run_id, _line.revision == own.revision)


def _changing(one: RebateRun) -> dict[str, Any]:
    return {
        "state": one.state,
        "revision": one.revision,
        "payout": one.payout or "",
        "day": one.day,
        "pay_date": one.pay_date,
    }


def _fixed(one: RebateRun) -> dict[str, Any]:
    return {
        "year": one.year,
        "partner_id": one.partner_id,
        "unit_id": one.unit_id,
        "process_id": one.process_id,
        "created_by": one.created_by,
        "create_time": one.create_time,
    }


def _read(row: Any) -> RebateRun:
    return RebateRun(
        run_id=row.run_id,
        year=row.year,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        process_id=row.process_id,
        state=State(row.state),
        day=row.day,
        created_by=row.created_by,
        create_time=row.create_time,
        revision=row.revision,
        payout=Payout(row.payout) if row.payout else None,
        pay_date=row.pay_date,
    )
