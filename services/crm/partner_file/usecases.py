"""What is done with customer files: build them from facts, and show them."""

from datetime import date

from chassis import scope
from chassis.database import Transaction
from chassis.paging import Page, Slice
from chassis.scope import Caller
from crm.partner_file import storage
from crm.partner_file.domain import CustomerFile, FiledAgreement, FiledReview, State


def take_agreement(tx: Transaction, told: CustomerFile, agreement: FiledAgreement) -> None:
    """Build the file of a partner that signed, or add another agreement to it.

    Source: R-070.
    """
    storage.put(tx, told)
    storage.add_agreement(tx, told.customer_id, agreement)


def activate(tx: Transaction, *, customer_id: str) -> None:
    """Note that a partner can order."""
    storage.set_state(tx, customer_id, State.ACTIVE)


def terminate(
    tx: Transaction, *, customer_id: str, agreement_id: str, on: date, reason: str
) -> None:
    """Note that an agreement was ended, and the partner with it."""
    storage.end_agreement(tx, agreement_id, on=on, reason=reason)
    storage.set_state(tx, customer_id, State.TERMINATED)


def take_review(tx: Transaction, *, customer_id: str, review: FiledReview) -> None:
    """Keep the yearly evaluation of a partner that has a file.

    Source: R-073.
    """
    if storage.unit_of(tx, customer_id) is not None:
        storage.add_review(tx, customer_id, review)


def get(tx: Transaction, *, customer_id: str, by: Caller) -> CustomerFile:
    """Return a file.

    Errors: CustomerFileNotFound, OutOfScope.
    """
    found = storage.get(tx, customer_id)
    scope.require(tx, by, found.unit_id)
    return found


def unit_of(tx: Transaction, *, customer_id: str) -> str | None:
    """Return the unit that looks after a partner; None when the customer is none."""
    return storage.unit_of(tx, customer_id)


def list_page(tx: Transaction, *, part: Page, by: Caller) -> Slice[CustomerFile]:
    """Return a page of the caller's files by customer."""
    return storage.page(tx, part, by=by)
