"""A product's states and rules, and the arithmetic of its stock.

A price is no attribute of a product: it is a policy, so that every day has one answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.period import Month


class State(StrEnum):
    """How far a product is on its way to the market."""

    IN_DEVELOPMENT = "IN_DEVELOPMENT"
    REVIEWED = "REVIEWED"
    PRICED = "PRICED"
    ON_SALE = "ON_SALE"
    WITHDRAWN = "WITHDRAWN"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.IN_DEVELOPMENT: frozenset({State.REVIEWED, State.WITHDRAWN}),
    State.REVIEWED: frozenset({State.PRICED, State.ON_SALE, State.WITHDRAWN}),
    State.PRICED: frozenset({State.ON_SALE, State.WITHDRAWN}),
    State.ON_SALE: frozenset({State.WITHDRAWN}),
    State.WITHDRAWN: frozenset(),
}


class Stage(StrEnum):
    """Where a product stands in its life on the market; UNKNOWN when nobody has said."""

    UNKNOWN = ""
    INTRODUCTION = "INTRODUCTION"
    GROWTH = "GROWTH"
    MATURITY = "MATURITY"
    DECLINE = "DECLINE"


class SaleClass(StrEnum):
    """Who may be sold a product; FREE means anybody."""

    FREE = ""
    PRESCRIPTION = "PRESCRIPTION"
    OVER_THE_COUNTER = "OVER_THE_COUNTER"


@dataclass(frozen=True, slots=True)
class Life:
    """Hold what is said of a product's life on the market when it is created."""

    launch_month: str = ""
    stage: Stage = Stage.UNKNOWN
    sale_class: SaleClass = SaleClass.FREE
    essential: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """Hold a product; the ids of other products are sorted.

    Shape: `launch_month` is a month such as 2026-04, or empty when it may be sold at once.
    """

    product_id: str
    name: str
    line: str
    state: State
    stock_kept: bool
    excludes_product_ids: tuple[str, ...]
    requires_product_ids: tuple[str, ...]
    review_opinion: str
    version: int
    create_time: datetime
    launch_month: str = ""
    stage: Stage = Stage.UNKNOWN
    sale_class: SaleClass = SaleClass.FREE
    essential: bool = False

    def review(self, *, opinion: str) -> "Product":
        """Judge the product fit for the market.

        Errors: ProductStateForbids.
        """
        return replace(self._moved(State.REVIEWED), review_opinion=opinion)

    def release(self, *, today: date, priced_today: bool, priced_later: bool) -> "Product":
        """Put the product on sale, or let it wait for the first day of its price and its launch.

        Errors: ProductStateForbids; ProductNotPriced without any price.
        """
        launched = not self.launch_month or Month.parse(self.launch_month).first_day <= today
        if priced_today and launched:
            return self._moved(State.ON_SALE)
        if not priced_today and not priced_later:
            self._require_move(State.ON_SALE)
            raise ProductNotPriced(self.product_id)
        return self._moved(State.PRICED)

    def withdraw(self) -> "Product":
        """Take the product off the market.

        Errors: ProductStateForbids.
        """
        return self._moved(State.WITHDRAWN)

    def change_rules(self, *, excludes: Iterable[str], requires: Iterable[str]) -> "Product":
        """Replace the rules between this product and others.

        Errors: ProductStateForbids when it is withdrawn.
        """
        if self.state is State.WITHDRAWN:
            raise ProductStateForbids(self, self.state)
        return replace(
            self,
            excludes_product_ids=tuple(sorted(excludes)),
            requires_product_ids=tuple(sorted(requires)),
            version=self.version + 1,
        )

    def change_life_cycle(self, *, stage: Stage, launch_month: str) -> "Product":
        """Say where the product stands in its life, and when that begins.

        Errors: ProductStateForbids when it is withdrawn, or when another launch month comes after
            it went on sale.
        """
        launched = self.state is State.ON_SALE and launch_month != self.launch_month
        if self.state is State.WITHDRAWN or launched:
            raise ProductStateForbids(self, self.state)
        return replace(self, stage=stage, launch_month=launch_month, version=self.version + 1)

    def is_available(self, pieces: int) -> bool:
        """Tell whether it can be sold now, with so many pieces free in the warehouse."""
        return self.state is State.ON_SALE and (pieces > 0 or not self.stock_kept)

    def _moved(self, to: State) -> "Product":
        self._require_move(to)
        return replace(self, state=to, version=self.version + 1)

    def _require_move(self, to: State) -> None:
        if to not in MOVES[self.state]:
            raise ProductStateForbids(self, to)


@dataclass(frozen=True, slots=True)
class Stock:
    """Count the pieces of a product; `allocated` of the `on_hand` ones belong to orders."""

    product_id: str
    on_hand: int
    allocated: int

    @property
    def available(self) -> int:
        """Return how many pieces can still be ordered."""
        return self.on_hand - self.allocated

    def receive(self, quantity: int) -> "Stock":
        """Add pieces that arrived."""
        return replace(self, on_hand=self.on_hand + quantity)

    def allocate(self, quantity: int) -> "Stock":
        """Set pieces aside for an order.

        Errors: StockInsufficient.
        """
        if quantity > self.available:
            raise StockInsufficient(self, quantity)
        return Stock(self.product_id, self.on_hand, self.allocated + quantity)

    def allocate_some(self, quantity: int) -> "Stock":
        """Set aside as many of the pieces as there are."""
        return self.allocate(min(quantity, self.available))

    def free(self, quantity: int) -> "Stock":
        """Give back what was set aside and not shipped."""
        return replace(self, allocated=self.allocated - quantity)

    def ship(self, quantity: int) -> "Stock":
        """Send pieces that were set aside."""
        return replace(self, on_hand=self.on_hand - quantity, allocated=self.allocated - quantity)


@dataclass(frozen=True, slots=True)
class ProductChanged:
    """A product changed, or became available or unavailable."""

    product: Product
    available: bool


def find_exclusion(products: Iterable[Product]) -> tuple[str, str] | None:
    """Return the first two products that must not be had together, or None."""
    known = sorted(products, key=lambda one: one.product_id)
    ids = {one.product_id for one in known}
    for one in known:
        for other in one.excludes_product_ids:
            if other in ids:
                return one.product_id, other
    return None


class ProductNotFound(NotFound):
    """No product has this id."""

    reason = "PRODUCT_NOT_FOUND"

    def __init__(self, product_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no product {product_id}", productId=product_id)


class ProductExists(AlreadyExists):
    """Another product has this id."""

    reason = "PRODUCT_EXISTS"

    def __init__(self, product_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is a product {product_id} already", productId=product_id)


class ProductStateForbids(FailedPrecondition):
    """The product's state does not allow the move."""

    reason = "PRODUCT_STATE_FORBIDS"

    def __init__(self, product: Product, to: State) -> None:
        """Name the product and the move."""
        super().__init__(
            f"product {product.product_id} is {product.state} and cannot become {to}",
            productId=product.product_id,
            state=product.state,
            to=to,
        )


class ProductNotPriced(FailedPrecondition):
    """The product has no approved list price, neither for today nor for later."""

    reason = "PRODUCT_NOT_PRICED"

    def __init__(self, product_id: str) -> None:
        """Name the product."""
        super().__init__(f"product {product_id} has no list price", productId=product_id)


class ProductNotOnSale(FailedPrecondition):
    """The product cannot be ordered in its state."""

    reason = "PRODUCT_NOT_ON_SALE"

    def __init__(self, product: Product) -> None:
        """Name the product and its state."""
        super().__init__(
            f"product {product.product_id} is {product.state} and cannot be ordered",
            productId=product.product_id,
            state=product.state,
        )


class ProductsExcludeEachOther(FailedPrecondition):
    """Two products must not be had together."""

    reason = "PRODUCTS_EXCLUDE_EACH_OTHER"

    def __init__(self, product_id: str, other: str) -> None:
        """Name both."""
        super().__init__(
            f"product {product_id} cannot be had together with {other}",
            productId=product_id,
            otherProductId=other,
        )


class StockNotKept(FailedPrecondition):
    """Pieces of this product are not counted."""

    reason = "STOCK_NOT_KEPT"

    def __init__(self, product_id: str) -> None:
        """Name the product."""
        super().__init__(f"pieces of product {product_id} are not counted", productId=product_id)


class StockInsufficient(FailedPrecondition):
    """There are fewer pieces than the order needs."""

    reason = "STOCK_INSUFFICIENT"

    def __init__(self, stock: Stock, quantity: int) -> None:
        """Name the product and both numbers."""
        super().__init__(
            f"{stock.available} pieces of {stock.product_id} are free, {quantity} are needed",
            productId=stock.product_id,
            quantity=quantity,
            available=stock.available,
        )
