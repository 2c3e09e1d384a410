"""What is done with large customers: check, approve, and give them a manager."""

from collections.abc import Sequence
from datetime import date, datetime

from channels.key_account import storage
from channels.key_account.domain import Assigned, KeyAccount, State, share_out
from channels.policy_kinds import KEY_ACCOUNT
from channels.selection.domain import DossierCheck
from channels.turnover import usecases as turnover
from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.scope import Caller

ASSIGNED_MAX = 500


def record_check(
    tx: Transaction,
    *,
    customer_id: str,
    unit_id: str,
    check: DossierCheck,
    by: Caller,
    at: datetime,
) -> Outcome[KeyAccount]:
    """Record a check of an end customer's dossier, which is opened with the first one.

    Errors: OutOfScope, KeyAccountStateForbids.
    Source: R-071.
    """
    scope.require(tx, by, unit_id)
    [known] = storage.ensure(tx, [KeyAccount(customer_id, unit_id, State.OPEN, at)])
    scope.require(tx, by, known.unit_id)
    after = known.record(check)
    storage.save(tx, after)
    return Outcome(after)


def approve(tx: Transaction, *, customer_id: str, by: Caller) -> Outcome[KeyAccount]:
    """Approve an end customer whose checks are passed.

    Errors: KeyAccountNotFound, OutOfScope, KeyAccountStateForbids, DossierIncomplete.
    Source: R-071.
    """
    known = storage.get(tx, customer_id)
    scope.require(tx, by, known.unit_id)
    after = known.approve()
    storage.save(tx, after)
    return Outcome(after)


def assign(
    tx: Transaction,
    *,
    unit_id: str,
    year: int,
    managers: Sequence[str],
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Assigned]:
    """Give managers to the largest customers above the threshold that have none.

    Errors: OutOfScope, PolicyNotFound.
    Source: R-150.
    """
    scope.require(tx, by, unit_id)
    values = policy.in_force(
        tx, kind=KEY_ACCOUNT, scopes=[f"unit:{unit_id}", ""], on=today
    ).parameters
    threshold = Money(values.text("currency_code"), values.integer("threshold_minor"))
    large = turnover.customers_above(tx, unit_id=unit_id, year=year, threshold=threshold)
    have = storage.managed(tx, [one.customer_id for one in large])
    waiting = {one.customer_id: one for one in large if one.customer_id not in have}
    taken = list(waiting.values())[:ASSIGNED_MAX]
    known = storage.ensure(
        tx, [KeyAccount(one.customer_id, one.unit_id, State.OPEN, at) for one in taken]
    )
    # Another call may have been faster between the look and the lock.
    free = {one.customer_id: one for one in known if not one.manager}
    given = [free[one.customer_id] for one in taken if one.customer_id in free]
    chosen = share_out(len(given), managers, storage.loads(tx, managers))
    done = [
        one.assign(manager, waiting[one.customer_id], year=year)
        for one, manager in zip(given, chosen, strict=True)
    ]
    for one in done:
        storage.save(tx, one)
    left = len(waiting) - len(taken)
    return Outcome(Assigned(tuple(done), len(large), len(large) - left))


def list_page(tx: Transaction, *, part: Page, by: Caller, manager: str) -> Slice[KeyAccount]:
    """Return a page of the caller's customers by id."""
    return storage.page(tx, part, by=by, manager=manager)
