"""What the yearly run does with many partners, chunk by chunk: compute, settle, pay."""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Final

from chassis.clock import Clock
from chassis.database import Transaction
from chassis.money import Money
from chassis.period import Month
from chassis.work.domain import Chunk, Cursor, Run
from settlement.credit import usecases as credit
from settlement.credit.domain import CreditAccount
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from settlement.rebate import batches, books, correcting, rules, run_storage, storage
from settlement.rebate.accruing import move_of
from settlement.rebate.batches import Range, Rated
from settlement.rebate.books import Owed, Settled
from settlement.rebate.run import Line, Payout, RebateComputed, RebatePaid, RebateRun
from settlement.receivable import usecases as receivable
from settlement.receivable.domain import Receipt, ReceiptKind
from settlement.receivable.matching import When

CHUNK_PARTNERS: Final = 2_000
# A payment on account looks for invoices that it pays, partner by partner.
CHUNK_PAYMENTS: Final = 200

Step = Callable[[Transaction, Cursor], Chunk]


def compute_step(*, partners: int = CHUNK_PARTNERS) -> Callable[[Run], Step]:
    """Make the step that computes the lines of a run, or tries them."""
    return lambda run: lambda tx, cursor: _compute(tx, cursor, run=run, partners=partners)


def settle_step(clock: Clock, *, partners: int = CHUNK_PARTNERS) -> Callable[[Run], Step]:
    """Make the step that books the lines of an approved run."""
    return lambda run: lambda tx, cursor: _settle(tx, cursor, clock=clock, partners=partners)


def pay_step(
    clock: Clock, *, zone: tzinfo, partners: int = CHUNK_PAYMENTS
) -> Callable[[Run], Step]:
    """Make the step that pays what is payable."""
    return lambda run: (
        lambda tx, cursor: _pay(tx, cursor, when=When(clock.now(), zone), partners=partners)
    )


def _compute(tx: Transaction, cursor: Cursor, *, run: Run, partners: int) -> Chunk:
    """Compute a range of partners; a dry run leaves what it found as preview rows."""
    year = int(cursor["year"])
    part, more = _range(tx, cursor, year=year, partners=partners)
    if part is None:
        return Chunk(None, 0)
    known = rules.in_force(tx, on=Month(year, 12).last_day)
    if policy_id := cursor.get("policy_id", ""):
        known = rules.replaced(known, rules.of_version(tx, policy_id))
    units = storage.units_below(tx, cursor["unit_id"])
    if run.dry_run:
        found = batches.simulate(tx, part, known, units=units)
    else:
        found = batches.compute(
            tx,
            part,
            known,
            units=units,
            run_id=cursor["run_id"],
            revision=int(cursor["revision"]),
        )
    after = {**cursor, "after": part.last} if more else None
    return Chunk(after, len(found), _previews(found) if run.dry_run else ())


def _range(
    tx: Transaction, cursor: Cursor, *, year: int, partners: int
) -> tuple[Range | None, bool]:
    """Return the next partners, or the one that the run is about."""
    if partner_id := cursor.get("partner_id", ""):
        return Range(year, partner_id, partner_id), False
    return batches.next_range(tx, year=year, after=cursor["after"], partners=partners)


def _settle(tx: Transaction, cursor: Cursor, *, clock: Clock, partners: int) -> Chunk:
    """Book some lines: what was accrued is trued up to the line and becomes payable.

    Shape: whatever changed a base since its line was computed is corrected at once.
    """
    run = run_storage.get(tx, cursor["run_id"])
    _take_turns(tx)
    lines = run_storage.lines_after(tx, run, after=cursor["after"], limit=partners)
    if not lines:
        return Chunk(None, 0)
    _lock(tx, lines)
    last = lines[-1].partner_id
    settled = books.settle(tx, run, first=lines[0].partner_id, last=last, on=run.day)
    at = clock.now()
    ledger.post(tx, [move for one in settled for move in _booked(one, run, at=at)])
    correcting.correct(tx, [one.partner_id for one in settled], day=run.day)
    return Chunk({**cursor, "after": last}, len(settled))


def _booked(one: Settled, run: RebateRun, *, at: datetime) -> list[Move]:
    """Book the last true-up of a partner's year, and move what is accrued to what is payable."""
    reason = Reason("rebate_settled", "rebate_run", run.run_id, run.day, at)
    moves = [move_of(one.trued, reason)] if one.trued is not None else []
    if one.amount.amount_minor:
        moves.append(
            Move(
                one.settle_id,
                _owed(AccountCode.REBATE_ACCRUED, one),
                _owed(AccountCode.REBATE_PAYABLE, one),
                one.amount,
                reason,
            )
        )
    return moves


def _pay(tx: Transaction, cursor: Cursor, *, when: When, partners: int) -> Chunk:
    """Pay some partners of a run what is payable to them, earlier claw-backs taken off."""
    run = run_storage.get(tx, cursor["run_id"])
    assert run.payout is not None and run.pay_date is not None
    _take_turns(tx)
    lines = run_storage.lines_after(tx, run, after=cursor["after"], limit=partners)
    if not lines:
        return Chunk(None, 0)
    accounts = _lock(tx, lines)
    last = lines[-1].partner_id
    paid = books.pay(tx, run, first=lines[0].partner_id, last=last)
    facts: list[object] = []
    if run.payout is Payout.CASH:
        ledger.post(tx, [_payment(one, run, when) for one in paid])
    else:
        for one in paid:
            move = _payment(one, run, when)
            facts += _credited(tx, accounts[one.partner_id], move, when=when)
    facts += [_paid(one, run.payout, run) for one in paid]
    return Chunk({**cursor, "after": last}, len(paid), facts)


def _credited(
    tx: Transaction, account: CreditAccount, move: Move, *, when: When
) -> Sequence[object]:
    """Put a payment on the partner's account, where its oldest invoices or its next orders use it
    up as they use up a receipt."""
    receipt = Receipt(
        receipt_id=move.transfer_id,
        partner_id=account.partner_id,
        amount=move.amount,
        unallocated=move.amount,
        reference=f"rebate:{move.transfer_id}",
        receive_date=move.reason.post_date,
        unit_id=account.unit_id,
        kind=ReceiptKind.REBATE,
    )
    return receivable.take_in(tx, account, receipt, moves=[move], when=when).facts


def _payment(one: Owed, run: RebateRun, when: When) -> Move:
    to = (
        _owed(AccountCode.ADVANCE, one)
        if run.payout is Payout.ADVANCE
        else unit_account(AccountCode.CASH, one.unit_id, one.amount.currency_code)
    )
    assert run.pay_date is not None
    reason = Reason("rebate_paid", "rebate_run", run.run_id, run.pay_date, when.at)
    return Move(one.payment_id, _owed(AccountCode.REBATE_PAYABLE, one), to, one.amount, reason)


def _paid(one: Owed, payout: Payout, run: RebateRun) -> RebatePaid:
    assert run.pay_date is not None
    return RebatePaid(
        payment_id=one.payment_id,
        run_id=run.run_id,
        partner_id=one.partner_id,
        unit_id=one.unit_id,
        year=run.year,
        amount=one.amount,
        payout=payout,
        pay_date=run.pay_date,
    )


def _take_turns(tx: Transaction) -> None:
    """Wait for other chunks, and for facts that lock credit while they hold the ledger: who holds
    the credit of many while it waits for the ledger would wait for them in a circle."""
    storage.take_turn(tx)
    ledger.take_turn(tx)


def _lock(tx: Transaction, lines: Sequence[Line]) -> dict[str, CreditAccount]:
    """Lock the partners' credit, so that no return or payment of theirs is under way."""
    return credit.accounts_for(
        tx,
        [
            CreditAccount(one.partner_id, one.unit_id, Money.zero(one.amount.currency_code))
            for one in lines
        ],
        lock=True,
    )


def _owed(code: AccountCode, one: Settled | Owed) -> AccountRef:
    return AccountRef(code, one.partner_id, one.unit_id, one.amount.currency_code)


def _previews(found: Sequence[Rated]) -> list[RebateComputed]:
    return [
        RebateComputed(
            partner_id=one.partner_id,
            unit_id=one.unit_id,
            currency_code=one.currency_code,
            base_minor=one.purchases_minor - one.returns_minor - one.exclusions_minor,
            rebate_minor=one.rebate_minor,
            amount_minor=one.amount_minor,
        )
        for one in found
    ]
