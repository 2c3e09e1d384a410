"""What really came, in the version ACTUAL: posted, never refused, once for each transfer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from planning.cube import row_storage, storage, usecases
from planning.cube.domain import ACTUAL, Act, Address, Axis, Cell, Kind, Version
from planning.cube.storage import Doing
from planning.organization.domain import ROOT_UNIT

LEDGER: Final = "ledger"


def know_product(tx: Transaction, *, product_id: str, name: str) -> None:
    """Make a product known."""
    row_storage.put_name(tx, Axis.PRODUCT, code=product_id, name=name)


@dataclass(frozen=True, slots=True)
class Posting:
    """Hold what settlement posted; what is taken back is a reversal."""

    address: Address
    amount: Money
    quantity: int
    revenue: bool
    reversal: bool
    transfer_id: str
    at: datetime


def post_all(tx: Transaction, postings: Sequence[Posting]) -> None:
    """Count postings in their months, each once for its transfer.

    Shape: revenue counts as sales with its quantity, anything else as commission; what is taken
        back counts the other way round. Amounts of two currencies have no sum: what is not in the
        currency of ACTUAL counts in a version of its own, such as `ACTUAL USD`.
    """
    for currency_code in dict.fromkeys(one.amount.currency_code for one in postings):
        own = [one for one in postings if one.amount.currency_code == currency_code]
        version = _actual(tx, currency_code=currency_code, at=own[0].at)
        posted = [(Doing(Act.POST, one.transfer_id, LEDGER, one.at), _cells(one)) for one in own]
        usecases.post_all(tx, version, posted)


def _cells(one: Posting) -> list[Cell]:
    sign = -1 if one.reversal else 1
    measure = "sales" if one.revenue else "commission"
    cells = [Cell(measure, one.address, sign * one.amount.amount_minor)]
    if one.revenue:
        cells.append(Cell("volume", one.address, sign * one.quantity))
    return cells


def _actual(tx: Transaction, *, currency_code: str, at: datetime) -> Version:
    """Return the version of a currency: ACTUAL, or the one beside it."""
    main = _version(tx, ACTUAL, currency_code=currency_code, at=at)
    if main.currency_code == currency_code:
        return main
    return _version(tx, f"{ACTUAL} {currency_code}", currency_code=currency_code, at=at)


def _version(tx: Transaction, name: str, *, currency_code: str, at: datetime) -> Version:
    """Return the version of a name, which the first posting begins."""
    found = storage.version_named(tx, name)
    if found is not None:
        return found
    made = Version(
        version_id=new_id(),
        name=name,
        kind=Kind.ACTUAL,
        unit_id=ROOT_UNIT,
        currency_code=currency_code,
        base_version_id="",
        frozen=False,
        created_by=LEDGER,
        create_time=at,
    )
    if storage.add_version(tx, made):
        return made
    other = storage.version_named(tx, name)
    assert other is not None
    return other
