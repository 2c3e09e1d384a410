"""What is done with caps: they are fixed, and whoever changes lines below them keeps to them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.period import DateRange
from chassis.scope import Caller
from planning.budget import storage, transfer_storage
from planning.budget.domain import BudgetLine
from planning.budget.transfer import BudgetOutsideCap, Cap
from planning.organization import usecases as organization


def create(
    tx: Transaction,
    *,
    unit_id: str,
    name: str,
    period: DateRange,
    amount: Money,
    by: Caller,
    at: datetime,
) -> Outcome[Cap]:
    """Fix a total for the lines that will be below it.

    Errors: UnitNotFound, OutOfScope.
    Source: R-041.
    """
    organization.require_unit(tx, unit_id, by=by)
    cap = Cap(
        budget_cap_id=new_id(),
        unit_id=unit_id,
        name=name,
        period=period,
        amount=amount,
        created_by=by.subject,
        create_time=at,
        allocated=Money(amount.currency_code, 0),
    )
    transfer_storage.add_cap(tx, cap)
    return Outcome(cap)


def get(tx: Transaction, *, budget_cap_id: str, by: Caller) -> Cap:
    """Return a cap with what is below it now.

    Errors: BudgetCapNotFound, OutOfScope.
    """
    cap = transfer_storage.get_cap(tx, budget_cap_id)
    scope.require(tx, by, cap.unit_id)
    return cap


def lock_above(
    tx: Transaction, budget_line_ids: Collection[str], *, others: Collection[str] = ()
) -> Sequence[str]:
    """Hold the caps that lines are below, and others, before the lines themselves are locked.

    Shape: the ids of the caps, in the order of their locks.
    """
    caps = sorted({*storage.caps_of(tx, budget_line_ids), *others})
    for budget_cap_id in caps:
        transfer_storage.lock_cap(tx, budget_cap_id)
    return caps


def require(tx: Transaction, budget_cap_ids: Collection[str]) -> None:
    """Refuse what was just written when lines sum to more than their cap, which is locked.

    Errors: BudgetCapExceeded.
    """
    for budget_cap_id in sorted(budget_cap_ids):
        transfer_storage.get_cap(tx, budget_cap_id).require()


def place(tx: Transaction, lines: Sequence[BudgetLine], *, by: Caller) -> None:
    """Store new lines, below their caps.

    Errors: BudgetCapNotFound, OutOfScope over the cap, CurrencyMismatch, BudgetOutsideCap,
        BudgetCapExceeded.
    """
    ids = sorted({line.budget_cap_id for line in lines if line.budget_cap_id})
    for budget_cap_id in ids:
        transfer_storage.lock_cap(tx, budget_cap_id)
    caps = {one: get(tx, budget_cap_id=one, by=by) for one in ids}
    for cap in caps.values():
        _require_inside(
            tx, cap, [line for line in lines if line.budget_cap_id == cap.budget_cap_id]
        )
    storage.add_lines(tx, lines)
    require(tx, ids)


def _require_inside(tx: Transaction, cap: Cap, lines: Sequence[BudgetLine]) -> None:
    """Refuse lines that the cap's total does not speak of.

    Errors: CurrencyMismatch, BudgetOutsideCap.
    Source: R-041.
    """
    eye = Caller(subject="", roles=frozenset(), unit_id=cap.unit_id, actor="")
    own = set(scope.within(tx, eye, {line.unit_id for line in lines}))
    for line in lines:
        if line.amount.currency_code != cap.amount.currency_code:
            raise CurrencyMismatch(cap.amount.currency_code, line.amount.currency_code)
        if line.unit_id not in own or not cap.holds(line.period):
            raise BudgetOutsideCap(cap, line)
