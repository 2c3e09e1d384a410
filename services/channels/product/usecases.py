"""What can be done with products and their stock.

Whatever changes whether a product can be sold locks its stock first, so that the facts about it
are told in the order in which they became true.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from channels.policy_kinds import LIST_PRICE
from channels.product import storage
from channels.product.domain import (
    Life,
    Product,
    ProductChanged,
    ProductExists,
    ProductNotFound,
    ProductNotOnSale,
    ProductsExcludeEachOther,
    Stage,
    State,
    Stock,
    StockNotKept,
    find_exclusion,
)
from chassis.database import Later, Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policies

Move: TypeAlias = Callable[[Stock, int], Stock]


@dataclass(frozen=True, slots=True)
class Allocated:
    """Hold what was missing when an order's pieces were set aside: product → pieces, above 0."""

    missing: Mapping[str, int]
    facts: Sequence[object]


def create(
    tx: Transaction,
    *,
    product_id: str,
    name: str,
    line: str,
    stock_kept: bool,
    excludes: Iterable[str],
    requires: Iterable[str],
    life: Life,
    at: datetime,
) -> Outcome[Product]:
    """Create a product that nobody has judged yet.

    Errors: ProductExists; ProductNotFound when a rule names a product that does not exist.
    """
    new = Product(
        product_id=product_id,
        name=name,
        line=line,
        state=State.IN_DEVELOPMENT,
        stock_kept=stock_kept,
        excludes_product_ids=tuple(sorted(excludes)),
        requires_product_ids=tuple(sorted(requires)),
        review_opinion="",
        version=1,
        create_time=at,
        launch_month=life.launch_month,
        stage=life.stage,
        sale_class=life.sale_class,
        essential=life.essential,
    )
    _require_known(tx, new.excludes_product_ids + new.requires_product_ids)
    if not storage.add(tx, new):
        raise ProductExists(product_id)
    return Outcome(new, facts=[ProductChanged(new, available=False)])


def review(tx: Transaction, *, product_id: str, opinion: str) -> Outcome[Product]:
    """Judge a product fit for the market.

    Errors: ProductNotFound, ProductStateForbids.
    Source: R-091.
    """
    return _change(tx, product_id, lambda product: product.review(opinion=opinion))


def release(tx: Transaction, *, product_id: str, today: date) -> Outcome[Product]:
    """Put a product on sale, or let it wait for the first day of its price and its launch.

    Errors: ProductNotFound, ProductStateForbids, ProductNotPriced.
    Source: R-091.
    """
    prices = policies.versions(tx, kind=LIST_PRICE, scope=f"product:{product_id}")
    approved = [price for price in prices if price.state == "APPROVED"]
    return _change(
        tx,
        product_id,
        lambda product: product.release(
            today=today,
            priced_today=any(price.holds_on(today) for price in approved),
            priced_later=any(price.valid.start > today for price in approved),
        ),
    )


def withdraw(tx: Transaction, *, product_id: str) -> Outcome[Product]:
    """Take a product off the market.

    Errors: ProductNotFound, ProductStateForbids.
    """
    return _change(tx, product_id, lambda product: product.withdraw())


def change_rules(
    tx: Transaction, *, product_id: str, excludes: Iterable[str], requires: Iterable[str]
) -> Outcome[Product]:
    """Replace the rules between a product and others.

    Errors: ProductNotFound, ProductStateForbids.
    """
    excluded, required = list(excludes), list(requires)
    _require_known(tx, [*excluded, *required])
    return _change(
        tx, product_id, lambda product: product.change_rules(excludes=excluded, requires=required)
    )


def change_life_cycle(
    tx: Transaction, *, product_id: str, stage: Stage, launch_month: str
) -> Outcome[Product]:
    """Say where a product stands in its life, and when that begins.

    Errors: ProductNotFound, ProductStateForbids.
    """
    return _change(
        tx,
        product_id,
        lambda product: product.change_life_cycle(stage=stage, launch_month=launch_month),
    )


def get(tx: Transaction, *, product_id: str) -> Product:
    """Return a product.

    Errors: ProductNotFound.
    """
    return storage.get(tx, product_id)


def list_page(tx: Transaction, *, part: Page, state: State | None, line: str) -> Slice[Product]:
    """Return a page of products by id."""
    return storage.page(tx, part, state=state, line=line)


def get_all(tx: Transaction, product_ids: Iterable[str]) -> dict[str, Product]:
    """Return products by id.

    Errors: ProductNotFound for the first that is missing.
    """
    wanted = sorted(set(product_ids))
    found = storage.get_all(tx, wanted)
    for product_id in wanted:
        if product_id not in found:
            raise ProductNotFound(product_id)
    return found


def look_up(tx: Transaction, product_ids: Iterable[str]) -> Later[dict[str, Product]]:
    """Return those of the products that exist, by id."""
    return storage.look_up(tx, product_ids)


def require_orderable(known: Mapping[str, Product], product_ids: Iterable[str]) -> None:
    """Refuse products that are unknown or not on sale, or that must not be had together.

    Errors: ProductNotFound, ProductNotOnSale, ProductsExcludeEachOther.
    """
    found = []
    for product_id in sorted(product_ids):
        if product_id not in known:
            raise ProductNotFound(product_id)
        found.append(known[product_id])
    for product in found:
        if product.state is not State.ON_SALE:
            raise ProductNotOnSale(product)
    pair = find_exclusion(found)
    if pair is not None:
        raise ProductsExcludeEachOther(*pair)


def receive_stock(tx: Transaction, *, product_id: str, quantity: int) -> Outcome[Stock]:
    """Add pieces that arrived.

    Errors: ProductNotFound, StockNotKept.
    """
    moved = move_stock(tx, {product_id: quantity}, Stock.receive)
    if not moved.value:
        get(tx, product_id=product_id)
        raise StockNotKept(product_id)
    return Outcome(moved.value[0], facts=moved.facts)


def allocate_stock(tx: Transaction, quantities: Mapping[str, int]) -> Outcome[list[Stock]]:
    """Set pieces aside for an order, all or none; products without stock need none.

    Errors: StockInsufficient, and then nothing was set aside.
    """
    return move_stock(tx, quantities, Stock.allocate)


def lock_stocks(tx: Transaction, product_ids: Iterable[str]) -> Later[dict[str, Stock]]:
    """Lock and return those stocks that are kept, by product id."""
    return storage.lock_stocks(tx, product_ids)


def allocate_in_turn(
    tx: Transaction, locked: Mapping[str, Stock], wanted: Sequence[Mapping[str, int]]
) -> list[Allocated]:
    """Set aside what is there of the pieces that many orders want, the first ones first.

    Shape: `locked` are the stocks of all their products that are kept; products without stock are
        never short.
    Source: R-087.
    """
    stocks = dict(locked)
    moved: list[list[tuple[Stock, bool]]] = []
    short: list[dict[str, int]] = []
    for quantities in wanted:
        kept = sorted(stocks.keys() & quantities.keys())
        short.append(
            {
                product_id: quantities[product_id] - stocks[product_id].available
                for product_id in kept
                if quantities[product_id] > stocks[product_id].available
            }
        )
        moved.append([_moved(stocks[one], quantities[one], Stock.allocate_some) for one in kept])
        stocks.update({stock.product_id: stock for stock, _ in moved[-1]})
    _save_changed(tx, stocks, locked)
    return [
        Allocated(missing, told.facts)
        for missing, told in zip(short, _told(tx, moved), strict=True)
    ]


def free_stock(tx: Transaction, quantities: Mapping[str, int]) -> Outcome[list[Stock]]:
    """Give back what was set aside and not shipped."""
    return move_stock(tx, quantities, Stock.free)


def ship_stock(tx: Transaction, quantities: Mapping[str, int]) -> Outcome[list[Stock]]:
    """Send pieces that were set aside."""
    return move_stock(tx, quantities, Stock.ship)


def move_stock(tx: Transaction, quantities: Mapping[str, int], move: Move) -> Outcome[list[Stock]]:
    """Move all stocks that are kept, or none; the facts are those whose availability turned.

    Errors: those of the move.
    """
    before = storage.lock_stocks(tx, quantities)()
    moved = [
        _moved(before[product_id], quantities[product_id], move)
        for product_id in sorted(before.keys() & quantities.keys())
    ]
    _save_changed(tx, {stock.product_id: stock for stock, _ in moved}, before)
    return _told(tx, [moved])[0]


def get_stock(tx: Transaction, *, product_id: str) -> Stock:
    """Return a product's stock.

    Errors: ProductNotFound, StockNotKept.
    """
    found = storage.stock_of(tx, product_id)
    if found is None:
        get(tx, product_id=product_id)
        raise StockNotKept(product_id)
    return found


def list_stock(tx: Transaction, *, part: Page) -> Slice[Stock]:
    """Return a page of stocks by product id."""
    return storage.stock_page(tx, part)


def _save_changed(
    tx: Transaction, stocks: Mapping[str, Stock], before: Mapping[str, Stock]
) -> None:
    changed = [stock for stock in stocks.values() if stock != before[stock.product_id]]
    if changed:
        storage.save_stocks(tx, changed)


def _moved(stock: Stock, quantity: int, move: Move) -> tuple[Stock, bool]:
    """Move one stock, and tell whether its availability turned."""
    after = move(stock, quantity)
    return after, (after.available > 0) != (stock.available > 0)


def _told(
    tx: Transaction, moves: Sequence[Sequence[tuple[Stock, bool]]]
) -> list[Outcome[list[Stock]]]:
    """Add the facts to what was moved."""
    turned = {stock.product_id for moved in moves for stock, has_turned in moved if has_turned}
    products = storage.get_all(tx, turned) if turned else {}
    return [
        Outcome(
            [stock for stock, _ in moved],
            facts=[
                ProductChanged(product, product.is_available(stock.available))
                for stock, has_turned in moved
                if has_turned
                for product in [products[stock.product_id]]
            ],
        )
        for moved in moves
    ]


def _change(
    tx: Transaction, product_id: str, change: Callable[[Product], Product]
) -> Outcome[Product]:
    stock = storage.lock_stocks(tx, [product_id])().get(product_id)
    product = change(storage.get(tx, product_id, lock=True))
    storage.save(tx, product)
    available = product.is_available(stock.available if stock else 0)
    return Outcome(product, facts=[ProductChanged(product, available)])


def _require_known(tx: Transaction, product_ids: Iterable[str]) -> None:
    get_all(tx, product_ids)
