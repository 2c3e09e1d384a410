"""What budgets do: lines are written, approved and adjusted; parts are reserved and spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from chassis import scope
from chassis.database import Transaction
from chassis.errors import MantleError
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import DateRange
from chassis.scope import Caller
from planning.budget import caps, storage
from planning.budget.domain import (
    BudgetLine,
    BudgetLineNotFound,
    Cause,
    LineChanged,
    LineState,
    Owner,
    Part,
    Which,
)
from planning.budget.reservation import (
    Reservation,
    ReservationExpired,
    ReservationState,
)
from planning.organization import usecases as organization

EXPIRE_BATCH = 500


def create_line(
    tx: Transaction,
    *,
    unit_id: str,
    name: str,
    expense_type: str,
    period: DateRange,
    amount: Money,
    by: Caller,
    budget_cap_id: str = "",
) -> Outcome[BudgetLine]:
    """Write a line as a draft, below a cap if one is named.

    Errors: UnitNotFound, OutOfScope, BudgetCapNotFound, CurrencyMismatch,
        BudgetOutsideCap, BudgetCapExceeded.
    """
    organization.require_unit(tx, unit_id, by=by)
    nothing = Money(amount.currency_code, 0)
    line = BudgetLine(
        budget_line_id=new_id(),
        unit_id=unit_id,
        name=name,
        expense_type=expense_type,
        period=period,
        amount=amount,
        reserved=nothing,
        spent=nothing,
        state=LineState.DRAFT,
        version=1,
        created_by=by.subject,
        budget_cap_id=budget_cap_id,
    )
    caps.place(tx, [line], by=by)
    return Outcome(line)


def approve_line(
    tx: Transaction, *, budget_line_id: str, by: Caller, at: datetime, today: date
) -> Outcome[BudgetLine]:
    """Approve a draft without a plan.

    Errors: BudgetLineNotFound, OutOfScope, PolicyNotFound, AuthorityInsufficient, ApproverIsAuthor,
        BudgetLineOfPlan, BudgetLineStateForbids.
    """
    line = _own_line(tx, budget_line_id, by=by, at=at)
    authority = organization.authority(tx, line.unit_id, on=today)
    authority.require(line.amount, roles=by.roles, subject=by.subject)
    authority.require_other(line.created_by, subject=by.subject)
    approved = line.approve(by=by.subject)
    storage.save_line(tx, approved)
    return Outcome(approved, [LineChanged(approved, Cause.IN_FORCE)])


def adjust_line(
    tx: Transaction, *, budget_line_id: str, amount: Money, by: Caller, at: datetime, today: date
) -> Outcome[BudgetLine]:
    """Change the amount of a line without a plan; below a cap only as far as the cap goes.

    Shape: whoever lowers a line decides on what it had, whoever raises it on what it gets.
    Errors: BudgetLineNotFound, OutOfScope, PolicyNotFound, CurrencyMismatch, AuthorityInsufficient,
        ApproverIsAuthor, BudgetLineOfPlan, BudgetLineStateForbids, BudgetBelowCommitted,
        BudgetCapExceeded.
    Source: R-039.
    """
    above = caps.lock_above(tx, [budget_line_id])
    line = _own_line(tx, budget_line_id, by=by, at=at)
    authority = organization.authority(tx, line.unit_id, on=today)
    line.require_planless()
    authority.require(max(amount, line.amount), roles=by.roles, subject=by.subject)
    authority.require_other(line.created_by, subject=by.subject)
    adjusted = line.adjust(amount)
    storage.save_line(tx, adjusted)
    caps.require(tx, above)
    return Outcome(adjusted, [LineChanged(adjusted, Cause.ADJUSTED)])


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say which part of a line an owner wants, and until when."""

    part: Part
    owner: Owner
    expire_time: datetime


def reserve_together(
    tx: Transaction, wanted: Sequence[tuple[Caller, Wanted]], *, at: datetime
) -> list[Outcome[Reservation] | MantleError]:
    """Hold parts of lines for many callers at once, in the order in which they came.

    Shape: a reservation or a refusal for each: BudgetLineNotFound, OutOfScope, ReservationExpired,
        CurrencyMismatch, NotEffective, BudgetLineUnsigned, BudgetLineStateForbids,
        BudgetInsufficient. Many callers want the same line; one lock and one sum serve them all.
    Source: R-110.
    """
    ids = sorted({one.part.budget_line_id for _, one in wanted})
    lines = storage.lock_lines(tx, ids, at=at)
    say = scope.says(tx, [caller for caller, _ in wanted], [one.unit_id for one in lines.values()])
    answers: list[Outcome[Reservation] | MantleError] = []
    for caller, one in wanted:
        try:
            line = _line_of(lines, one.part.budget_line_id)
            say.require(caller, line.unit_id)
            held = _hold(line, one, at=at)
        except MantleError as refused:
            answers.append(refused)
            continue
        lines[line.budget_line_id] = replace(line, reserved=line.reserved + held.amount)
        answers.append(Outcome(held))
    storage.add_reservations(tx, [one.value for one in answers if isinstance(one, Outcome)])
    return answers


def reserve_all(
    tx: Transaction, *, parts: Sequence[Part], owner: Owner, by: Caller, at: datetime
) -> list[Reservation]:
    """Hold parts of several lines without an end, all or none; the owner is in this transaction.

    Shape: one reservation a part, in the order of the parts. Lines are locked in the order of their
        ids.
    Errors: BudgetLineNotFound, OutOfScope, CurrencyMismatch, NotEffective, BudgetLineUnsigned,
        BudgetLineStateForbids, BudgetInsufficient.
    """
    held: dict[int, Reservation] = {}
    order = sorted(range(len(parts)), key=lambda number: parts[number].budget_line_id)
    for number in order:
        line = _own_line(tx, parts[number].budget_line_id, by=by, at=at)
        held[number] = _reserved(tx, line, parts[number], owner=owner)
    return [held[number] for number in range(len(parts))]


def confirm(
    tx: Transaction, *, reservation_id: str, by: Caller, at: datetime
) -> Outcome[Reservation]:
    """Keep a reservation without an end; one that has expired must fit once more.

    Errors: ReservationNotFound, OutOfScope, ReservationStateForbids, BudgetLineStateForbids,
        BudgetInsufficient.
    """
    reservation, line = _own_reservation(tx, reservation_id, by=by, at=at)
    confirmed = reservation.confirm()
    # The clock was read before the line was locked: for somebody else the reservation may have
    # expired since, and the money be theirs.
    if not reservation.is_held(at) or line.amount < line.committed:
        line.require(reservation.amount)
    storage.save_reservation(tx, confirmed)
    return Outcome(confirmed)


def release(
    tx: Transaction, *, reservation_id: str, by: Caller, at: datetime
) -> Outcome[Reservation]:
    """Give a reservation back.

    Errors: ReservationNotFound, OutOfScope, ReservationStateForbids.
    """
    reservation, _ = _own_reservation(tx, reservation_id, by=by, at=at)
    released = reservation.release()
    storage.save_reservation(tx, released)
    return Outcome(released)


def consume(
    tx: Transaction, *, reservation_id: str, amount: Money, by: Caller, at: datetime
) -> Outcome[Reservation]:
    """Spend a part of a reservation; the rest goes back to the line.

    Errors: ReservationNotFound, OutOfScope, ReservationStateForbids, CurrencyMismatch,
        ReservationExceeded.
    """
    reservation, line = _own_reservation(tx, reservation_id, by=by, at=at)
    consumed = reservation.consume(amount).release()
    storage.save_line(tx, line.spend(amount))
    storage.save_reservation(tx, consumed)
    return Outcome(consumed)


def give_back(tx: Transaction, *, owner: Owner, at: datetime) -> None:
    """Give back what an owner still holds; what was spent stays spent."""
    for reservation in _locked(tx, owner, at=at):
        if reservation.is_held(at):
            storage.save_reservation(tx, reservation.release())


def charge(tx: Transaction, *, owner: Owner, cost: Money, at: datetime) -> Money:
    """Spend from what an owner holds, first line first, as far as it goes.

    Shape: the amount that its reservations covered.
    """
    left = cost
    for reservation in _locked(tx, owner, at=at):
        part = min(left, reservation.left) if reservation.is_held(at) else _none(cost)
        left -= part
        _spend(tx, reservation.consume(part) if part.amount_minor else reservation, part, at=at)
    return cost - left


def uncharge(tx: Transaction, *, owner: Owner, cost: Money, at: datetime) -> Money:
    """Take back what was spent for an owner, last line first; a closed reservation's part goes to
    its line.

    Shape: the amount that was taken back, at most what was spent.
    """
    left = cost
    for reservation in reversed(_locked(tx, owner, at=at)):
        part = min(left, reservation.consumed)
        left -= part
        _spend(tx, reservation.restore(part), -part, at=at)
    return cost - left


def expire(tx: Transaction, *, at: datetime) -> Outcome[bool]:
    """Record reservations that ran out; they stopped counting by themselves.

    Shape: True when there may be more.
    """
    return Outcome(storage.expire(tx, at=at, limit=EXPIRE_BATCH) == EXPIRE_BATCH)


def get_line(tx: Transaction, *, budget_line_id: str, by: Caller, at: datetime) -> BudgetLine:
    """Return a line as it stands now.

    Errors: BudgetLineNotFound, OutOfScope.
    """
    line = storage.get_line(tx, budget_line_id, at=at)
    scope.require(tx, by, line.unit_id)
    return line


def list_lines(
    tx: Transaction, part: Page, *, wanted: Which, by: Caller, at: datetime
) -> Slice[BudgetLine]:
    """Return a page of the lines in the caller's scope."""
    return storage.lines(tx, part, at=at, wanted=wanted, units=scope.units_of(by))


def effective_lines(
    tx: Transaction, *, unit_id: str, at: datetime, limit: int
) -> Sequence[BudgetLine]:
    """Return the oldest lines of a unit whose money can be reserved; the scope is the caller's to
    check."""
    return storage.effective_lines(tx, unit_id=unit_id, at=at, limit=limit)


def _own_line(tx: Transaction, budget_line_id: str, *, by: Caller, at: datetime) -> BudgetLine:
    line = storage.lock_line(tx, budget_line_id, at=at)
    scope.require(tx, by, line.unit_id)
    return line


def _own_reservation(
    tx: Transaction, reservation_id: str, *, by: Caller, at: datetime
) -> tuple[Reservation, BudgetLine]:
    """Lock the line first and read the reservation again, because the line is the lock of both."""
    line = _own_line(tx, storage.get_reservation(tx, reservation_id).budget_line_id, by=by, at=at)
    return storage.get_reservation(tx, reservation_id), line


def _line_of(lines: Mapping[str, BudgetLine], budget_line_id: str) -> BudgetLine:
    if budget_line_id not in lines:
        raise BudgetLineNotFound(budget_line_id)
    return lines[budget_line_id]


def _hold(line: BudgetLine, wanted: Wanted, *, at: datetime) -> Reservation:
    if wanted.expire_time <= at:
        raise ReservationExpired(wanted.expire_time)
    return _reservation(line, wanted.part, owner=wanted.owner, expire_time=wanted.expire_time)


def _reserved(tx: Transaction, line: BudgetLine, part: Part, *, owner: Owner) -> Reservation:
    reservation = _reservation(line, part, owner=owner, expire_time=None)
    storage.add_reservations(tx, [reservation])
    return reservation


def _reservation(
    line: BudgetLine, part: Part, *, owner: Owner, expire_time: datetime | None
) -> Reservation:
    line.require(part.amount)
    return Reservation(
        reservation_id=new_id(),
        budget_line_id=line.budget_line_id,
        owner=owner,
        amount=part.amount,
        consumed=_none(part.amount),
        state=ReservationState.PENDING if expire_time else ReservationState.CONFIRMED,
        expire_time=expire_time,
    )


def _locked(tx: Transaction, owner: Owner, *, at: datetime) -> list[Reservation]:
    """Lock the lines of an owner in the order of their ids, and return its reservations."""
    for line_id in sorted({one.budget_line_id for one in storage.of_owner(tx, owner)}):
        storage.lock_line(tx, line_id, at=at)
    return storage.of_owner(tx, owner)


def _spend(tx: Transaction, reservation: Reservation, part: Money, *, at: datetime) -> None:
    if part.amount_minor:
        line = storage.get_line(tx, reservation.budget_line_id, at=at)
        storage.save_reservation(tx, reservation)
        storage.save_line(tx, line.spend(part))


def _none(like: Money) -> Money:
    return replace(like, amount_minor=0)
