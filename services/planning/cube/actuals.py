"""What really came, in the version ACTUAL: posted, never refused, once for each transfer."""

from datetime import datetime
from typing import Final

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import CurrencyMismatch, Money
from planning.cube import row_storage, storage, usecases
from planning.cube.domain import ACTUAL, Act, Address, Axis, Cell, Kind, Version
from planning.cube.storage import Doing
from planning.organization.domain import ROOT_UNIT

LEDGER: Final = "ledger"


def know_product(tx: Transaction, *, product_id: str, name: str) -> None:
    """Make a product known."""
    row_storage.put_name(tx, Axis.PRODUCT, code=product_id, name=name)


def post(
    tx: Transaction,
    address: Address,
    *,
    amount: Money,
    quantity: int,
    revenue: bool,
    reversal: bool,
    transfer_id: str,
    at: datetime,
) -> bool:
    """Count a posting in its month; False when it was counted before.

    Shape: revenue counts as sales with its quantity, anything else as commission; what is taken
        back counts the other way round.
    Errors: CurrencyMismatch, because amounts of two currencies have no sum.
    """
    version = _actual(tx, currency_code=amount.currency_code, at=at)
    if version.currency_code != amount.currency_code:
        raise CurrencyMismatch(version.currency_code, amount.currency_code)
    sign = -1 if reversal else 1
    cells = [Cell("sales" if revenue else "commission", address, sign * amount.amount_minor)]
    if revenue:
        cells.append(Cell("volume", address, sign * quantity))
    doing = Doing(Act.POST, transfer_id, LEDGER, at)
    return usecases.post(tx, version, cells, doing=doing)


def _actual(tx: Transaction, *, currency_code: str, at: datetime) -> Version:
    """Return the version, which the first posting begins."""
    found = storage.version_named(tx, ACTUAL)
    if found is not None:
        return found
    made = Version(
        version_id=new_id(),
        name=ACTUAL,
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
    other = storage.version_named(tx, ACTUAL)
    assert other is not None
    return other
