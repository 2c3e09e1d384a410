"""What changes of a partner's year after it was settled: the claw-back, and its exact inverse."""

from collections.abc import Collection
from datetime import date, datetime

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from settlement.rebate import books, rules, storage
from settlement.rebate.books import Adjustment
from settlement.rebate.run import Line

PURPOSE = "rebate_adjusted"


def correct(tx: Transaction, partners: Collection[str], *, day: date) -> None:
    """Bring what was settled for partners to what their bases of those years say now.

    Shape: by the rules, the grade and the forfeits that it was settled by; the partners' credit
        accounts are locked. A claw-back lowers what is payable, below zero when it was paid
        already, and the next payment is less.
    Source: R-096, R-105.
    """
    found = [
        Adjustment(new_id(), line, base_minor, rebate_minor, rebate_minor - settled_minor, day)
        for line, base_minor, settled_minor in books.settled(tx, partners)
        for rebate_minor in (earned(tx, line, base_minor),)
        if rebate_minor != settled_minor
    ]
    if found:
        books.add_adjustments(tx, found)
        at = storage.database_time(tx)
        ledger.post(tx, [_move(one, at=at) for one in found])


def earned(tx: Transaction, line: Line, base_minor: int) -> int:
    """Return what a base earns by the rules of a line, in minor units; nothing in another currency
    than that of the rules, as when the line was computed."""
    known = rules.of_version(tx, line.policy_id)
    if known.currency_code != line.amount.currency_code:
        return 0
    return known.earned(base_minor, grade=line.credit_grade, kept=line.kept_rate).amount_minor


def _move(one: Adjustment, *, at: datetime) -> Move:
    line, code = one.line, one.line.amount.currency_code
    expense = unit_account(AccountCode.REBATE_EXPENSE, line.unit_id, code)
    payable = AccountRef(AccountCode.REBATE_PAYABLE, line.partner_id, line.unit_id, code)
    debit, credit = (expense, payable) if one.delta_minor > 0 else (payable, expense)
    reason = Reason(PURPOSE, "rebate_adjustment", one.adjustment_id, one.day, at)
    return Move(one.adjustment_id, debit, credit, Money(code, abs(one.delta_minor)), reason)
