"""What is done with transfers between lines: asked for, then agreed to or refused; and at the end
of a period, what is left goes into the next as far as the policy says.

Locks: transfer, process, caps by id, lines by id.
"""

from dataclasses import replace
from datetime import date, datetime, tzinfo

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.scope import Caller
from planning.budget import caps, storage, transfer_storage
from planning.budget.domain import BudgetLine, BudgetLineNotFound, Cause, LineChanged
from planning.budget.transfer import (
    PROCESS,
    BudgetTransferInvalid,
    Step,
    Transfer,
    TransferState,
    carried,
    moved,
    require_following,
    require_one_period,
)
from planning.organization import usecases as organization

SERVICE = "mantle.planning.v1.BudgetService"


def request(
    tx: Transaction,
    definition: Definition,
    *,
    lines: tuple[str, str],
    amount: Money,
    reason: str,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[Transfer]:
    """Ask for an amount of one line to go to another; whoever has the authority finds it in the
    inbox.

    Shape: `lines` are who gives and who gets; the caller has a say over one of them.
    Errors: BudgetTransferInvalid, BudgetLineNotFound, OutOfScope, UnitNotFound, PolicyNotFound,
        AuthorityInsufficient, StepRoleForbids, CurrencyMismatch, BudgetLineStateForbids,
        BudgetPeriodsDiffer;
        BudgetBelowCommitted when the caller has a say over the line that gives.
    Source: R-041, R-183.
    """
    giver, taker = _pair(tx, lines, at=at)
    require_one_period(giver, taker)
    own = scope.within(tx, by, [giver.unit_id, taker.unit_id])
    if not own:
        raise scope.OutOfScope(by.subject, taker.unit_id)
    # Whoever only gets is not told whether the other line has enough; the approval looks.
    enough = giver if giver.unit_id in own else replace(giver, amount=giver.amount + amount)
    moved(enough, taker, amount)
    today = at.astimezone(zone).date()
    unit_id = organization.common_unit_on(tx, [giver.unit_id, taker.unit_id], on=today)
    role = organization.authority(tx, unit_id, on=today).role_for(amount)
    transfer_id = new_id()
    begun = process.start(
        tx,
        definition,
        subject_kind=PROCESS,
        subject_id=transfer_id,
        unit_id=unit_id,
        by=by,
        at=at,
        zone=zone,
    )
    rpc = f"{SERVICE}/RequestBudgetTransfer"
    done = process.complete(
        tx, begun.process_id, step=Step.REQUEST, by=by, at=at, rpc=rpc, note=reason
    )
    process.assign(tx, begun.process_id, step=Step.DECIDE, role=role, by=by, at=at)
    transfer = Transfer(
        transfer_id=transfer_id,
        from_line_id=giver.budget_line_id,
        to_line_id=taker.budget_line_id,
        unit_id=unit_id,
        amount=amount,
        reason=reason,
        state=TransferState(done.state),
        process_id=begun.process_id,
        requested_by=by.subject,
        request_time=at,
    )
    transfer_storage.add_transfer(tx, transfer)
    return Outcome(transfer)


def approve(
    tx: Transaction, *, transfer_id: str, note: str, by: Caller, at: datetime, today: date
) -> Outcome[tuple[Transfer, BudgetLine, BudgetLine]]:
    """Agree, which moves the money at once.

    Shape: the transfer, the line that gave and the line that got.

    Errors: BudgetTransferNotFound, OutOfScope, PolicyNotFound, AuthorityInsufficient, StepNotOpen,
        StepNeedsAnotherPerson, BudgetLineStateForbids, BudgetBelowCommitted, BudgetCapExceeded.
    Source: R-041.
    """
    decided = _decide(tx, transfer_id, agree=True, note=note, by=by, at=at, today=today)
    lines = (decided.from_line_id, decided.to_line_id)
    above = caps.lock_above(tx, lines)
    giver, taker = moved(*_pair(tx, lines, at=at, lock=True), decided.amount)
    storage.save_lines(tx, [giver, taker])
    caps.require(tx, above)
    changed = [LineChanged(one, Cause.TRANSFERRED) for one in (giver, taker)]
    return Outcome((decided, giver, taker), changed)


def refuse(
    tx: Transaction, *, transfer_id: str, note: str, by: Caller, at: datetime, today: date
) -> Outcome[Transfer]:
    """Refuse; nothing moves.

    Errors: BudgetTransferNotFound, OutOfScope, PolicyNotFound, AuthorityInsufficient, StepNotOpen,
        StepNeedsAnotherPerson.
    """
    return Outcome(_decide(tx, transfer_id, agree=False, note=note, by=by, at=at, today=today))


def get(tx: Transaction, *, transfer_id: str, by: Caller) -> Transfer:
    """Return a transfer to whoever has a say over one of its lines.

    Errors: BudgetTransferNotFound, OutOfScope.
    """
    transfer = transfer_storage.get_transfer(tx, transfer_id)
    lines = [transfer.from_line_id, transfer.to_line_id]
    if not scope.within(tx, by, storage.units_of(tx, lines)):
        raise scope.OutOfScope(by.subject, transfer.unit_id)
    return transfer


def carry_forward(
    tx: Transaction, *, lines: tuple[str, str], by: Caller, at: datetime, today: date
) -> Outcome[tuple[BudgetLine, BudgetLine, Money]]:
    """Close a line whose period is over, and give what the policy allows to one of a later period.

    Shape: the closed line, the other, and what went over. What is reserved stays with the closed
        line and can still be spent there; what is left beyond that lapses.
    Errors: BudgetTransferInvalid, BudgetLineNotFound, OutOfScope, BudgetPeriodOpen, PolicyNotFound,
        AuthorityInsufficient, CurrencyMismatch, BudgetLineStateForbids, BudgetCapExceeded.
    """
    above = caps.lock_above(tx, lines)
    giver, taker = _pair(tx, lines, at=at, lock=True)
    for line in (giver, taker):
        scope.require(tx, by, line.unit_id)
    require_following(giver, taker, today=today)
    authority = organization.authority(tx, giver.unit_id, on=today)
    authority.require(giver.available, roles=by.roles, subject=by.subject)
    amount = _carried(tx, giver, today=today)
    giver, taker = moved(giver, taker, amount)
    closed = giver.close()
    storage.save_lines(tx, [closed, taker])
    caps.require(tx, above)
    changed = [LineChanged(one, Cause.CARRIED_FORWARD) for one in (closed, taker)]
    return Outcome((closed, taker, amount), changed)


def _carried(tx: Transaction, line: BudgetLine, *, today: date) -> Money:
    scopes = [f"unit:{line.unit_id}", ""]
    rule = policy.in_force(tx, kind="carry_forward", scopes=scopes, on=today).parameters
    cap_minor = rule.integer("cap_minor") if "cap_minor" in rule else None
    return carried(line.available, share=rule.decimal("share"), cap_minor=cap_minor)


def _decide(
    tx: Transaction,
    transfer_id: str,
    *,
    agree: bool,
    note: str,
    by: Caller,
    at: datetime,
    today: date,
) -> Transfer:
    transfer = transfer_storage.get_transfer(tx, transfer_id, lock=True)
    scope.require(tx, by, transfer.unit_id)
    authority = organization.authority(tx, transfer.unit_id, on=today)
    authority.require(transfer.amount, roles=by.roles, subject=by.subject)
    able = [role for role in authority.able(transfer.amount.amount_minor) if role in by.roles]
    done = process.complete(
        tx,
        transfer.process_id,
        step=Step.DECIDE,
        by=by,
        at=at,
        answer="agree" if agree else "refuse",
        rpc=f"{SERVICE}/{'ApproveBudgetTransfer' if agree else 'RefuseBudgetTransfer'}",
        authority_role=able[0],
        other_than={transfer.requested_by} if authority.two_person else (),
        note=note,
    )
    decided = transfer.decide(TransferState(done.state), by=by.subject, at=at, note=note)
    transfer_storage.save_transfer(tx, decided)
    return decided


def _pair(
    tx: Transaction, lines: tuple[str, str], *, at: datetime, lock: bool = False
) -> tuple[BudgetLine, BudgetLine]:
    """Return who gives and who gets.

    Errors: BudgetTransferInvalid when they are one, BudgetLineNotFound.
    """
    giver, taker = lines
    if giver == taker:
        raise BudgetTransferInvalid(giver)
    if not lock:
        return storage.get_line(tx, giver, at=at), storage.get_line(tx, taker, at=at)
    found = storage.lock_lines(tx, sorted(lines), at=at)
    for line_id in lines:
        if line_id not in found:
            raise BudgetLineNotFound(line_id)
    return found[giver], found[taker]
