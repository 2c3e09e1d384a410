"""What offices forecast by that channels tells: when products are launched, what partners have in
stock, and of what too much came back."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from chassis.database import Transaction
from planning.organization import usecases as organization
from planning.rolling_plan import market_storage as storage
from planning.rolling_plan.domain import Line
from planning.rolling_plan.errors import ProductNotLaunched
from planning.rolling_plan.readings import ProductRisk, ReportedStock

# What a form shows of each; an office with more partners looks at them in channels.
STOCKS_MAX: Final = 2_000
RISKS_MAX: Final = 200


def note_launch(tx: Transaction, product_id: str, *, launch_month: str, version: int) -> None:
    """Keep from which month on a product is sold."""
    storage.put_launch(tx, product_id, launch_month=launch_month, version=version)


def note_stocks(tx: Transaction, stocks: Sequence[ReportedStock]) -> None:
    """Keep what a partner reported of a month."""
    storage.put_stocks(tx, stocks)


def note_risk(tx: Transaction, risk_id: str, risk: ProductRisk) -> None:
    """Keep that too much of a product came back."""
    storage.put_risk(tx, risk_id, risk)


def require_launched(tx: Transaction, lines: Iterable[Line]) -> None:
    """Refuse a forecast of a product before its launch month.

    Errors: ProductNotLaunched.
    Source: R-292.
    """
    wanted = [line for line in lines if line.quantity]
    launches = storage.launches(tx, {line.product_id for line in wanted})
    for line in wanted:
        launch = launches.get(line.product_id, line.month)
        if line.month < launch:
            raise ProductNotLaunched(line.product_id, line.month, launch)


def reported_to(
    tx: Transaction, unit_id: str, *, today: date
) -> tuple[tuple[ReportedStock, ...], tuple[ProductRisk, ...]]:
    """Return the stocks and the risks of an office's partners; risks of this year and the last.

    Errors: UnitNotFound.
    Source: R-044, R-099.
    """
    units = organization.subtree_on(tx, unit_id, on=today)
    return (
        tuple(storage.stocks_of(tx, units, limit=STOCKS_MAX)),
        tuple(storage.risks_of(tx, units, since_year=today.year - 1, limit=RISKS_MAX)),
    )
