"""The yearly run on its four steps: compute, review, approve, pay; and what is shown of it."""

from collections.abc import Mapping
from datetime import date, datetime
from itertools import count
from typing import Final, Unpack

from chassis import scope, telemetry
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.scope import Caller
from chassis.work import usecases as work
from chassis.work.domain import Run
from chassis.work.domain import State as WorkState
from settlement.rebate import rules, run_storage
from settlement.rebate.run import (
    COMPUTE_KIND,
    PAY_KIND,
    PROCESS,
    SETTLE_KIND,
    Line,
    Payout,
    RebateRun,
    RebateRunBusy,
    RebateRunNotFound,
    RebateYearNotOver,
    RunShown,
    State,
    Step,
)

SERVICE: Final = "mantle.settlement.v1.RebateService"
# Who computes the last rebate of a partner that left: nobody asked for it by hand.
PLATFORM: Final = Caller("settlement", frozenset({"service", "finance"}), "", "settlement")


def start(
    tx: Transaction,
    definition: Definition,
    *,
    year: int,
    unit_id: str,
    by: Caller,
    at: datetime,
    today: date,
    partner_id: str = "",
) -> Outcome[RebateRun]:
    """Compute the rebates of a year that is over, for the partners of a unit and those below it.

    Shape: the same year and unit again gives the first run; its lines are computed anew when they
        were sent back, and work on its last step that somebody cancelled is taken up again. With a
        partner it is the run that began when that one left.
    Errors: OutOfScope, RebateYearNotOver, RebateRunNotFound, StepRoleForbids.
    Source: R-101, R-104, R-075.
    """
    scope.require(tx, by, unit_id)
    if partner_id:
        _require_begun(tx, year=year, unit_id=unit_id, partner_id=partner_id)
    elif today <= Month(year, 12).last_day:
        raise RebateYearNotOver(year)
    return _begun(
        tx, definition, year=year, unit_id=unit_id, partner_id=partner_id, by=by, at=at, today=today
    )


def finish_partner(
    tx: Transaction,
    definition: Definition,
    *,
    partner_id: str,
    unit_id: str,
    year: int,
    at: datetime,
    today: date,
) -> Outcome[RebateRun]:
    """Compute the last rebate of a partner whose agreement was ended, once.

    Source: R-075.
    """
    return _begun(
        tx,
        definition,
        year=year,
        unit_id=unit_id,
        partner_id=partner_id,
        by=PLATFORM,
        at=at,
        today=today,
    )


def simulate(
    tx: Transaction, *, year: int, unit_id: str, policy_id: str, by: Caller
) -> Outcome[Run]:
    """Try a yearly run, also by a version of the rules that is not approved.

    Shape: a dry run of its own each time, whose preview rows have what each partner would get.
    Errors: OutOfScope, PolicyNotFound.
    Source: R-104.
    """
    scope.require(tx, by, unit_id)
    if policy_id:
        rules.of_version(tx, policy_id)
    tried = work.run(
        tx,
        COMPUTE_KIND,
        new_id(),
        unit_id=unit_id,
        requested_by=by.subject,
        cursor={"year": year, "unit_id": unit_id, "policy_id": policy_id, "after": ""},
        dry_run=True,
        traceparent=telemetry.traceparent(),
    )
    return Outcome(tried)


def review(
    tx: Transaction, *, run_id: str, passed: bool, note: str, by: Caller, at: datetime
) -> Outcome[RebateRun]:
    """Say that the lines are right, or send them back to be computed anew.

    Errors: those of `_own` and `_done`, RebateRunBusy.
    Source: R-104.
    """
    one = _own(tx, run_id, by=by)
    _require_computed(tx, one, by=by)
    answer = "passed" if passed else "failed"
    return _saved(
        tx,
        _done(tx, one, Step.REVIEW, by=by, at=at, rpc="ReviewRebateRun", answer=answer, note=note),
    )


def approve(
    tx: Transaction, *, run_id: str, agreed: bool, note: str, by: Caller, at: datetime
) -> Outcome[RebateRun]:
    """Approve a run, whose lines are booked from then on, or send it back.

    Errors: those of `_own` and `_done`.
    Source: R-104.
    """
    one = _own(tx, run_id, by=by)
    answer = "agree" if agreed else "disagree"
    one = _done(
        tx, one, Step.APPROVE, by=by, at=at, rpc="ApproveRebateRun", answer=answer, note=note
    )
    if agreed:
        _work(tx, one, SETTLE_KIND, by=by)
    return _saved(tx, one)


def pay(
    tx: Transaction, *, run_id: str, payout: Payout, by: Caller, at: datetime, today: date
) -> Outcome[RebateRun]:
    """Pay an approved run, once: a run that is paid is given back as it is.

    Errors: those of `_own` and `_done`, RebateRunBusy.
    Source: R-104.
    """
    one = _own(tx, run_id, by=by)
    if one.state is State.PAID:
        _take_up(tx, one, by=by)
        return Outcome(one)
    if one.state is State.APPROVED:
        _require_done(one, _work(tx, one, SETTLE_KIND, by=by))
    reached = _done(tx, one, Step.PAY, by=by, at=at, rpc="PayRebateRun")
    one = one.pay(reached.state, payout=payout, on=today)
    _work(tx, one, PAY_KIND, by=by)
    return _saved(tx, one)


def get(tx: Transaction, *, run_id: str, by: Caller) -> RunShown:
    """Return a run with its sums.

    Errors: RebateRunNotFound, OutOfScope.
    """
    one = run_storage.get(tx, run_id)
    scope.require(tx, by, one.unit_id)
    return RunShown(one, run_storage.totals(tx, one))


def list_page(tx: Transaction, part: Page, *, year: int, by: Caller) -> Slice[RebateRun]:
    """Return a page of the runs in the caller's scope."""
    return run_storage.page(tx, part, year=year, units=scope.units_of(by))


def line_page(tx: Transaction, part: Page, *, run_id: str, by: Caller) -> Slice[Line]:
    """Return a page of a run's lines, by partner.

    Errors: RebateRunNotFound, OutOfScope.
    """
    one = run_storage.get(tx, run_id)
    scope.require(tx, by, one.unit_id)
    return run_storage.line_page(tx, part, one)


def _require_begun(tx: Transaction, *, year: int, unit_id: str, partner_id: str) -> None:
    """Refuse to begin by hand what begins when a partner leaves."""
    run_storage.lock_year(tx, year)
    if run_storage.find(tx, year=year, unit_id=unit_id, partner_id=partner_id) is None:
        raise RebateRunNotFound(f"{year}/{unit_id}/{partner_id}")


def _begun(
    tx: Transaction,
    definition: Definition,
    *,
    year: int,
    unit_id: str,
    partner_id: str,
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[RebateRun]:
    """Begin a run, or compute the one that was sent back; any other stays as it is."""
    run_storage.lock_year(tx, year)
    one = run_storage.find(tx, year=year, unit_id=unit_id, partner_id=partner_id)
    if one is not None and one.state is not State.OPEN:
        _take_up(tx, one, by=by)
        return Outcome(one)
    if one is None:
        one = _new(tx, definition, (year, unit_id, partner_id), by=by, at=at, today=today)
    reached = _done(tx, one, Step.COMPUTE, by=by, at=at, rpc="StartRebateRun")
    one = one.compute(reached.state, on=today)
    run_storage.save(tx, one)
    _computing(tx, one, by=by)
    return Outcome(one)


def _new(
    tx: Transaction,
    definition: Definition,
    key: tuple[int, str, str],
    *,
    by: Caller,
    at: datetime,
    today: date,
) -> RebateRun:
    year, unit_id, partner_id = key
    run_id = new_id()
    begun = process.start(
        tx, definition, subject_kind=PROCESS, subject_id=run_id, unit_id=unit_id, by=by, at=at
    )
    one = RebateRun(
        run_id=run_id,
        year=year,
        partner_id=partner_id,
        unit_id=unit_id,
        process_id=begun.process_id,
        state=State(begun.state),
        day=today,
        created_by=by.subject,
        create_time=at,
    )
    run_storage.add(tx, one)
    return one


def _take_up(tx: Transaction, one: RebateRun, *, by: Caller) -> None:
    """Ask for the work of the last step again, in case that somebody cancelled it."""
    match one.state:
        case State.ACCRUED:
            _computing(tx, one, by=by)
        case State.APPROVED:
            _work(tx, one, SETTLE_KIND, by=by)
        case State.PAID:
            _work(tx, one, PAY_KIND, by=by)
        case State.OPEN | State.REVIEWED:
            pass


def _computing(tx: Transaction, one: RebateRun, *, by: Caller) -> Run:
    cursor = {"year": one.year, "partner_id": one.partner_id, "revision": one.revision}
    return _work(tx, one, COMPUTE_KIND, by=by, key=one.work_key, cursor=cursor)


def _work(
    tx: Transaction,
    one: RebateRun,
    kind: str,
    *,
    by: Caller,
    key: str = "",
    cursor: Mapping[str, object] | None = None,
) -> Run:
    """Ask for the work of a step; the same again gives the work that is there, and other work
    behind what was cancelled, which does what that left."""
    begin = {"run_id": one.run_id, "unit_id": one.unit_id, "after": ""}
    own = key or one.run_id
    for attempt in count(1):
        asked = work.run(
            tx,
            kind,
            own if attempt == 1 else f"{own}#{attempt}",
            unit_id=one.unit_id,
            requested_by=by.subject,
            cursor=begin | dict(cursor or {}),
            traceparent=telemetry.traceparent(),
        )
        if asked.state is not WorkState.CANCELLED:
            break
    return asked


def _require_computed(tx: Transaction, one: RebateRun, *, by: Caller) -> None:
    if one.state is State.ACCRUED:
        _require_done(one, _computing(tx, one, by=by))


def _require_done(one: RebateRun, asked: Run) -> None:
    if asked.state is not WorkState.DONE:
        raise RebateRunBusy(one.run_id, asked.state)


def _own(tx: Transaction, run_id: str, *, by: Caller) -> RebateRun:
    """Lock a run of the caller's part of the organisation.

    Errors: RebateRunNotFound, OutOfScope.
    """
    one = run_storage.get(tx, run_id, lock=True)
    scope.require(tx, by, one.unit_id)
    return one


def _done(
    tx: Transaction, one: RebateRun, step: int, *, rpc: str, **how: Unpack[process.Doing]
) -> RebateRun:
    """Complete a step, and let the run follow to the milestone.

    Errors: StepRoleForbids, StepNotOpen, StepNeedsAnotherPerson.
    """
    completed = process.complete(tx, one.process_id, step=step, rpc=f"{SERVICE}/{rpc}", **how)
    return one.reach(completed.state)


def _saved(tx: Transaction, one: RebateRun) -> Outcome[RebateRun]:
    run_storage.save(tx, one)
    return Outcome(one)
