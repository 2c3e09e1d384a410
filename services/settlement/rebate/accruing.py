"""The monthly accrual: what the year so far earns, less what was accrued before, is booked.

So a tier that is reached trues the whole year up, and one that is lost trues it down. What is asked
for and what each chunk does.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from chassis import scope, telemetry
from chassis.clock import Clock
from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.period import Month
from chassis.scope import Caller
from chassis.work import usecases as work
from chassis.work.domain import Chunk, Cursor, Run
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from settlement.rebate import batches, rules, storage
from settlement.rebate.batches import Accrued
from settlement.rebate.run import (
    ACCRUAL_KIND,
    RebateAccrued,
    RebateComputed,
    RebateMonthNotOver,
)

CHUNK_PARTNERS: Final = 1_000
PURPOSE: Final = "rebate_accrued"
SUBJECT: Final = "rebate"


def start(
    tx: Transaction, *, month: Month, unit_id: str, dry_run: bool, by: Caller, today: date
) -> Outcome[Run]:
    """Ask for the accrual of a month that is over, for the partners of a unit and those below it.

    Shape: the same month and unit again gives the first run; each dry run is one of its own.
    Errors: OutOfScope, RebateMonthNotOver.
    Source: R-103.
    """
    scope.require(tx, by, unit_id)
    if today <= month.last_day:
        raise RebateMonthNotOver(month)
    key = f"{month}/{unit_id}"
    run = work.run(
        tx,
        ACCRUAL_KIND,
        f"{key}/{new_id()}" if dry_run else key,
        unit_id=unit_id,
        requested_by=by.subject,
        cursor={"month": str(month), "unit_id": unit_id, "after": ""},
        dry_run=dry_run,
        traceparent=telemetry.traceparent(),
    )
    return Outcome(run)


def step_of(
    clock: Clock, *, partners: int = CHUNK_PARTNERS
) -> Callable[[Run], "Callable[..., Chunk]"]:
    """Make the step of such runs, with so many partners a chunk."""

    def of(run: Run) -> Callable[[Transaction, Cursor], Chunk]:
        def step(tx: Transaction, cursor: Cursor) -> Chunk:
            return _chunk(tx, cursor, run=run, clock=clock, partners=partners)

        return step

    return of


def _chunk(tx: Transaction, cursor: Cursor, *, run: Run, clock: Clock, partners: int) -> Chunk:
    """Accrue a range of partners."""
    month = Month.parse(cursor["month"])
    storage.take_turn(tx)
    part, more = batches.next_range(tx, year=month.year, after=cursor["after"], partners=partners)
    if part is None:
        return Chunk(None, 0)
    accrued = batches.accrue(
        tx,
        part,
        rules.in_force(tx, on=month.last_day),
        units=storage.units_below(tx, cursor["unit_id"]),
        until=month.next().first_day,
        period=str(month),
        post_date=month.last_day,
    )
    reason = Reason(PURPOSE, SUBJECT, str(month), month.last_day, clock.now())
    ledger.post(tx, [move_of(one, reason) for one in accrued])
    facts = _previews(accrued) if run.dry_run else _told(accrued, month=month, part=part)
    after = {**cursor, "after": part.last} if more else None
    return Chunk(after, len(accrued), facts)


def move_of(accrued: Accrued, reason: Reason) -> Move:
    """Book what a partner's rebate became more, or less."""
    expense = unit_account(AccountCode.REBATE_EXPENSE, accrued.unit_id, accrued.currency_code)
    owed = AccountRef(
        AccountCode.REBATE_ACCRUED, accrued.partner_id, accrued.unit_id, accrued.currency_code
    )
    debit, credit = (expense, owed) if accrued.delta_minor > 0 else (owed, expense)
    amount = Money(accrued.currency_code, abs(accrued.delta_minor))
    return Move(accrued.transfer_id, debit, credit, amount, reason)


def _told(accrued: Sequence[Accrued], *, month: Month, part: batches.Range) -> list[RebateAccrued]:
    """Tell the sums of a chunk, one for each unit and currency."""
    sums: Counter[tuple[str, str]] = Counter()
    partners: Counter[tuple[str, str]] = Counter()
    for one in accrued:
        sums[one.unit_id, one.currency_code] += one.delta_minor
        partners[one.unit_id, one.currency_code] += 1
    return [
        RebateAccrued(
            accrual_id=derived_id(f"{month}/{unit_id}/{code}", PURPOSE + part.first, 0),
            unit_id=unit_id,
            month=str(month),
            amount=Money(code, abs(sums[unit_id, code])),
            reversal=sums[unit_id, code] < 0,
            partner_count=partners[unit_id, code],
        )
        for unit_id, code in sorted(sums)
    ]


def _previews(accrued: Sequence[Accrued]) -> list[RebateComputed]:
    """Show what each partner would get, and the change that it makes."""
    return [
        RebateComputed(
            one.partner_id,
            one.unit_id,
            one.currency_code,
            one.base_minor,
            one.rebate_minor,
            one.delta_minor,
        )
        for one in accrued
    ]
