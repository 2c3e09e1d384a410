"""What is done with months and exports: finance closes, opens again and gives away; many read."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.policy import usecases as policies
from chassis.policy.parameters import Parameters
from chassis.scope import Caller
from chassis.work import usecases as work
from chassis.work.domain import Run
from chassis.work.domain import State as RunState
from settlement.ledger import months
from settlement.ledger.periods import MonthLine
from settlement.period_close import closing, storage
from settlement.period_close.domain import (
    Period,
    PeriodOutOfOrder,
    PeriodReopeningForbidden,
    PeriodStateForbids,
    State,
    balanced_totals,
    check_over,
)
from settlement.period_close.export import (
    Destination,
    Export,
    ExportLine,
    ExportState,
    LedgerExportStateForbids,
    export_lines,
    totals_of,
)

POLICY_KIND: Final = "period_close"


def close(
    tx: Transaction,
    *,
    month: Month,
    dry_run: bool,
    request_id: str,
    by: Caller,
    today: date,
) -> Outcome[tuple[Period, Run]]:
    """Ask for a month to be closed, or for a trial of that.

    Shape: one that is closing already gives the run that closes it; a trial is always a new run,
        of any month that is over and not closed.
    Errors: PeriodNotOver, PeriodOutOfOrder, PeriodStateForbids, PolicyNotFound, OutOfScope.
    """
    scope.require_root(tx, by)
    storage.take_turn(tx)
    wait = _rule(tx, today).integer("days_before_close")
    check_over(month, today=today, days_before_close=wait)
    period = storage.get(tx, month)
    if period.state is State.CLOSING and not dry_run:
        going = work.get(tx, run_id=period.run_id, by=by)
        if going.state is not RunState.CANCELLED:
            return Outcome((period, going))
    period.require_move(State.CLOSING)
    if period.state is State.OPEN and not dry_run:
        _require_turn(tx, month)
    key = f"{month}#{period.attempt + 1}" + (f"#{request_id}" if dry_run else "")
    run = work.run(
        tx,
        closing.KIND,
        key,
        unit_id=by.unit_id,
        requested_by=by.subject,
        cursor=closing.first_cursor(period),
        dry_run=dry_run,
    )
    if not dry_run:
        period = period.closing(run.id, by=by.subject)
        storage.save(tx, period)
    return Outcome((period, run))


def reopen(
    tx: Transaction, *, month: Month, reason: str, by: Caller, today: date
) -> Outcome[Period]:
    """Open the month that was closed last again, if the policy says so.

    Errors: PeriodReopeningForbidden, PeriodStateForbids, PeriodOutOfOrder,
        LedgerExportStateForbids, PolicyNotFound, OutOfScope.
    """
    scope.require_root(tx, by)
    storage.take_turn(tx)
    if not _rule(tx, today).truth("reopening"):
        raise PeriodReopeningForbidden(month)
    period, fact = storage.get(tx, month).reopened(reason)
    following = months.open_month(tx)
    if following is not None and following != month.next():
        raise PeriodOutOfOrder(month, following.previous())
    export = storage.export_of(tx, month)
    if export is not None:
        if export.state is not ExportState.PREPARED:
            raise LedgerExportStateForbids(export.export_id, export.state, "DROPPED")
        storage.drop_export(tx, export.export_id)
    months.reopen(tx, month)
    storage.save(tx, period)
    return Outcome(period, [fact])


def get(tx: Transaction, *, month: Month, by: Caller) -> tuple[Period, Sequence[MonthLine]]:
    """Return a month, and its trial balance in the caller's scope once it is closed."""
    period = storage.get(tx, month)
    lines = months.trial(tx, month, by=by) if period.state is State.CLOSED else []
    return period, lines


def listing(tx: Transaction, part: Page) -> Slice[Period]:
    """Return a page of the months that were asked to close, the latest first."""
    return storage.page(tx, part)


def prepare_export(tx: Transaction, *, month: Month, by: Caller, at: datetime) -> Outcome[Export]:
    """Make the lines of a closed month's export; the same month again gives the first.

    Errors: PeriodStateForbids, PeriodUnbalanced, OutOfScope.
    """
    scope.require_root(tx, by)
    storage.take_turn(tx)
    if (found := storage.export_of(tx, month)) is not None:
        return Outcome(found)
    period = storage.get(tx, month)
    if period.state is not State.CLOSED:
        raise PeriodStateForbids(month, period.state, "EXPORTED")
    balances = months.lines(tx, month)
    balanced_totals(month, balances)
    lines = export_lines(balances)
    export = Export(new_id(), month, totals_of(lines), len(lines), at)
    storage.add_export(tx, export, lines)
    return Outcome(export)


def send_export(tx: Transaction, *, export_id: str, by: Caller, at: datetime) -> Outcome[Export]:
    """Let the general ledger take an export.

    Errors: LedgerExportNotFound, LedgerExportStateForbids, OutOfScope.
    """
    scope.require_root(tx, by)
    storage.take_turn(tx)
    export, fact = storage.get_export(tx, export_id, lock=True).sent(at)
    storage.save_export(tx, export)
    return Outcome(export, [fact])


def confirm_export(
    tx: Transaction,
    *,
    export_id: str,
    reference: str,
    booked: Sequence[Money],
    by: Caller,
    at: datetime,
) -> Outcome[Export]:
    """Record that the general ledger has booked an export.

    Errors: LedgerExportNotFound, LedgerExportStateForbids, LedgerExportTotalDiffers, OutOfScope.
    """
    scope.require_root(tx, by)
    found = storage.get_export(tx, export_id, lock=True)
    export, fact = found.confirmed(reference, booked, at=at)
    storage.save_export(tx, export)
    return Outcome(export, [fact])


def get_export(tx: Transaction, *, export_id: str, by: Caller) -> Export:
    """Return an export.

    Errors: LedgerExportNotFound, OutOfScope.
    """
    scope.require_root(tx, by)
    return storage.get_export(tx, export_id)


def list_lines(
    tx: Transaction, part: Page, *, export_id: str, destination: Destination | None, by: Caller
) -> Slice[ExportLine]:
    """Return a page of an export's lines, by number.

    Errors: LedgerExportNotFound, OutOfScope.
    """
    get_export(tx, export_id=export_id, by=by)
    return storage.page_lines(tx, part, export_id=export_id, destination=destination)


def _rule(tx: Transaction, today: date) -> Parameters:
    return policies.in_force(tx, kind=POLICY_KIND, scopes=[""], on=today).parameters


def _require_turn(tx: Transaction, month: Month) -> None:
    """Refuse to close a month while one before it is open and may have postings."""
    following = months.open_month(tx)
    due = following or months.first_month(tx)
    if due is not None and (month > due or (following is not None and month != due)):
        raise PeriodOutOfOrder(month, due)
