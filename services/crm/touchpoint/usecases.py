"""What is done with touchpoints: seed them, show them, change one."""

from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from crm.touchpoint import storage
from crm.touchpoint.domain import Direction, Touchpoint, read_registry


def ensure_registry(tx: Transaction) -> Outcome[None]:
    """Put the touchpoints that come with the platform in place."""
    storage.add_missing(tx, read_registry())
    return Outcome(None)


def get(tx: Transaction, *, touchpoint_id: str) -> Touchpoint:
    """Return a touchpoint.

    Errors: TouchpointNotFound.
    """
    return storage.get(tx, touchpoint_id)


def listing(
    tx: Transaction, *, page: Page, active_only: bool, direction: Direction | None
) -> Slice[Touchpoint]:
    """Return a page of the touchpoints, by id.

    Errors: PageTokenInvalid.
    """
    return storage.listing(tx, page, active_only=active_only, direction=direction)


def change(
    tx: Transaction, *, touchpoint_id: str, active: bool | None, name: str, name_zh: str
) -> Outcome[Touchpoint]:
    """Rename a touchpoint or switch it; decisions follow from the commit on.

    Errors: TouchpointNotFound.
    """
    found = storage.get(tx, touchpoint_id, lock=True)
    changed = found.change(active=active, name=name, name_zh=name_zh)
    storage.save(tx, changed)
    storage.count_change(tx)
    return Outcome(changed)


def every(tx: Transaction) -> list[Touchpoint]:
    """Return all touchpoints, by id."""
    return storage.every(tx)


def count_change(tx: Transaction) -> None:
    """Tell all decisions from this commit on that the rules in memory are old."""
    storage.count_change(tx)


def change_number(tx: Transaction) -> int:
    """Return how often the rules have changed."""
    return storage.change_number(tx)
