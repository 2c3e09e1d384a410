"""What is done with customers: import them, and keep what is known of them true."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller
from crm.customer import storage
from crm.customer.domain import Customer, Kind, Subscription, SubscriptionState
from crm.customer.rows import (
    OUT_OF_SCOPE,
    Import,
    Imported,
    ImportOfOtherUnit,
    Row,
    RowError,
    merged,
    problems_of,
)
from crm.touchpoint.domain import ContactKind


def take_rows(
    tx: Transaction,
    *,
    import_id: str,
    unit_id: str,
    rows: Sequence[Row],
    by: Caller,
    at: datetime,
) -> Outcome[Imported]:
    """Take the valid rows of one part of an import, and refuse the others one by one.

    Errors: OutOfScope, ImportOfOtherUnit.
    Source: R-218.
    """
    scope.require(tx, by, unit_id)
    progress = storage.begin_import(tx, import_id=import_id, unit_id=unit_id, at=at)
    if progress.unit_id != unit_id:
        raise ImportOfOtherUnit(import_id, progress.unit_id)
    known = storage.known(tx, {row.customer_id for row in rows})
    units = {unit_id, *(row.unit_id for row in rows if row.unit_id)}
    units |= {one.unit_id for one in known.values()}
    part = _Part(unit_id, at, before=known, allowed=frozenset(scope.within(tx, by, units)))
    for row in rows:
        part.take(row)
    storage.save(tx, [part.after[name] for name in sorted(part.after)])
    storage.save_subscriptions(
        tx, [(name, one) for name, products in part.products.items() for one in products.values()]
    )
    progress = progress.take(new=part.new, updated=part.updated, rejected=len(part.rejected), at=at)
    storage.save_import(tx, progress, part.errors)
    return Outcome(Imported(progress, part.errors))


class _Part:
    """Gather what becomes of the rows of one part; a customer may come twice in it."""

    def __init__(
        self, unit_id: str, at: datetime, *, before: Mapping[str, Customer], allowed: frozenset[str]
    ) -> None:
        self._unit_id = unit_id
        self._at = at
        self._before = before
        self._allowed = allowed
        self.after: dict[str, Customer] = {}
        self.products: dict[str, dict[str, Subscription]] = {}
        self.errors: list[RowError] = []
        self.rejected: list[Row] = []
        self.new = 0
        self.updated = 0

    def take(self, row: Row) -> None:
        """Take one row or refuse it."""
        known = self.after.get(row.customer_id) or self._before.get(row.customer_id)
        errors = problems_of(row, is_new=known is None) or self._strangers(row, known)
        if not errors:
            customer, errors = merged(row, known, unit_id=self._unit_id, at=self._at)
        if errors:
            self.rejected.append(row)
            self.errors += errors
            return
        self.after[row.customer_id] = customer
        products = self.products.setdefault(row.customer_id, {})
        products |= {one.product_id: one for one in customer.subscriptions}
        self.new += known is None
        self.updated += known is not None

    def _strangers(self, row: Row, known: Customer | None) -> list[RowError]:
        """Refuse a row of, or for, a unit that the caller has no say over."""
        units = {row.unit_id or self._unit_id} if known is None else {known.unit_id, row.unit_id}
        if units - {""} <= self._allowed:
            return []
        return [RowError(row.row_number, "unit_id", OUT_OF_SCOPE)]


def get_import(tx: Transaction, *, import_id: str, by: Caller) -> Imported:
    """Show how far an import is.

    Errors: ImportNotFound, OutOfScope.
    """
    progress: Import = storage.get_import(tx, import_id)
    scope.require(tx, by, progress.unit_id)
    return Imported(progress, storage.import_errors(tx, import_id))


def change_tags(
    tx: Transaction,
    *,
    customer_id: str,
    add: Collection[str],
    remove: Collection[str],
    by: Caller,
) -> Outcome[Customer]:
    """Add and remove tags; the next decision sees them.

    Errors: CustomerNotFound, OutOfScope, CustomerFull.
    """
    customer = _held(tx, customer_id, by)
    return _saved(tx, customer.change_tags(add=add, remove=remove))


def set_consent(
    tx: Transaction, *, customer_id: str, kind: ContactKind, granted: bool, by: Caller
) -> Outcome[Customer]:
    """Keep whether a customer agrees to a kind of contact.

    Errors: CustomerNotFound, OutOfScope.
    """
    customer = _held(tx, customer_id, by)
    return _saved(tx, customer.set_consent(kind, granted=granted))


def set_scores(
    tx: Transaction, *, customer_id: str, scores: Mapping[str, int], by: Caller
) -> Outcome[Customer]:
    """Keep a customer's own propensities.

    Errors: CustomerNotFound, OutOfScope, CustomerFull.
    """
    customer = _held(tx, customer_id, by)
    return _saved(tx, customer.set_scores(scores))


def record_subscription(
    tx: Transaction,
    *,
    customer_id: str,
    product_id: str,
    state: SubscriptionState,
    by: Caller,
    at: datetime,
) -> Outcome[Customer]:
    """Move a customer's subscription.

    Errors: CustomerNotFound, OutOfScope, SubscriptionStateForbids, CustomerFull.
    """
    customer, moved = _held(tx, customer_id, by).subscribe(product_id, state, at=at)
    storage.save_subscriptions(tx, [(customer_id, moved)])
    return _saved(tx, customer)


def note_orders(tx: Transaction, noted: Iterable[tuple[str, Subscription]]) -> None:
    """Take over what orders did to customers' products, each with the id of its customer.

    Shape: in the order in which it happened. A customer who is unknown here, and a product that is
        in the state already, are passed over: what happened to an order is a fact and is not
        refused.
    """
    latest = {(customer_id, one.product_id): one for customer_id, one in noted if customer_id}
    known = storage.known(tx, {customer_id for customer_id, _ in latest}) if latest else {}
    storage.save_subscriptions(
        tx, [(customer_id, one) for (customer_id, _), one in latest.items() if customer_id in known]
    )


def get(tx: Transaction, *, customer_id: str, by: Caller) -> Customer:
    """Return a customer.

    Errors: CustomerNotFound, OutOfScope.
    """
    found = storage.get(tx, customer_id)
    scope.require(tx, by, found.unit_id)
    return found


def listing(
    tx: Transaction, *, page: Page, by: Caller, unit_id: str, tag: str, kind: Kind | None
) -> Slice[Customer]:
    """Return a page of the customers in the caller's scope, by id.

    Errors: PageTokenInvalid.
    """
    return storage.listing(tx, page, units=scope.units_of(by), unit_id=unit_id, tag=tag, kind=kind)


def _held(tx: Transaction, customer_id: str, by: Caller) -> Customer:
    found = storage.get(tx, customer_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _saved(tx: Transaction, customer: Customer) -> Outcome[Customer]:
    storage.save(tx, [customer])
    return Outcome(customer)
