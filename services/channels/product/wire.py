"""Products and stock between the domain and the contract."""

from typing import Final

from mantle.channels.v1 import events_pb2, product_pb2, stock_pb2
from mantle.channels.v1 import product_service_pb2 as pb
from mantle.channels.v1 import stock_service_pb2 as stock_service_pb

from channels.product.domain import Life, Product, ProductChanged, SaleClass, Stage, State, Stock
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.period import Month
from chassis.wire import from_time

STATES: Final = {
    State.IN_DEVELOPMENT: product_pb2.Product.STATE_IN_DEVELOPMENT,
    State.REVIEWED: product_pb2.Product.STATE_REVIEWED,
    State.PRICED: product_pb2.Product.STATE_PRICED,
    State.ON_SALE: product_pb2.Product.STATE_ON_SALE,
    State.WITHDRAWN: product_pb2.Product.STATE_WITHDRAWN,
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}
STAGES: Final = {
    stage: product_pb2.Product.Stage.Value(f"STAGE_{stage.value or 'UNSPECIFIED'}")
    for stage in Stage
}
SALE_CLASSES: Final = {
    one: product_pb2.Product.SaleClass.Value(f"SALE_CLASS_{one.value or 'UNSPECIFIED'}")
    for one in SaleClass
}
STAGES_READ: Final = {int(number): stage for stage, number in STAGES.items()}
SALE_CLASSES_READ: Final = {int(number): one for one, number in SALE_CLASSES.items()}


def from_product(product: Product) -> product_pb2.Product:
    """Write a product."""
    return product_pb2.Product(
        product_id=product.product_id,
        name=product.name,
        line=product.line,
        state=STATES[product.state],
        stock_kept=product.stock_kept,
        excludes_product_ids=product.excludes_product_ids,
        requires_product_ids=product.requires_product_ids,
        review_opinion=product.review_opinion,
        version=product.version,
        create_time=from_time(product.create_time),
        launch_month=product.launch_month,
        stage=STAGES[product.stage],
        sale_class=SALE_CLASSES[product.sale_class],
        essential=product.essential,
    )


def to_life(request: pb.CreateProductRequest) -> Life:
    """Read what is said of a new product's life."""
    return Life(
        launch_month=to_launch(request.launch_month),
        stage=to_stage(request.stage),
        sale_class=SALE_CLASSES_READ[int(request.sale_class)],
        essential=request.essential,
    )


def to_launch(text: str) -> str:
    """Read a launch month; empty stays empty.

    Errors: PeriodInvalid.
    """
    return str(Month.parse(text)) if text else ""


def to_stage(number: int) -> Stage:
    """Read where a product stands in its life."""
    return STAGES_READ[int(number)]


def life_cycle_changed(product: Product) -> pb.ChangeProductLifeCycleResponse:
    """Answer with the product."""
    return pb.ChangeProductLifeCycleResponse(product=from_product(product))


def wanted_state(request: pb.ListProductsRequest) -> State | None:
    """Read the state that a list is limited to, or None."""
    return STATES_READ.get(int(request.state))


def created(product: Product) -> pb.CreateProductResponse:
    """Answer with the new product."""
    return pb.CreateProductResponse(product=from_product(product))


def reviewed(product: Product) -> pb.ReviewProductResponse:
    """Answer with the product."""
    return pb.ReviewProductResponse(product=from_product(product))


def released(product: Product) -> pb.ReleaseProductResponse:
    """Answer with the product."""
    return pb.ReleaseProductResponse(product=from_product(product))


def withdrawn(product: Product) -> pb.WithdrawProductResponse:
    """Answer with the product."""
    return pb.WithdrawProductResponse(product=from_product(product))


def rules_changed(product: Product) -> pb.ChangeProductRulesResponse:
    """Answer with the product."""
    return pb.ChangeProductRulesResponse(product=from_product(product))


def got(product: Product) -> pb.GetProductResponse:
    """Answer with the product."""
    return pb.GetProductResponse(product=from_product(product))


def listed(page: Slice[Product]) -> pb.ListProductsResponse:
    """Answer with a page of products."""
    return pb.ListProductsResponse(
        products=map(from_product, page.items), next_page_token=page.next_page_token
    )


def from_stock(stock: Stock) -> stock_pb2.Stock:
    """Write a stock."""
    return stock_pb2.Stock(
        product_id=stock.product_id,
        on_hand=stock.on_hand,
        allocated=stock.allocated,
        available=stock.available,
    )


def stock_received(stock: Stock) -> stock_service_pb.ReceiveStockResponse:
    """Answer with the stock."""
    return stock_service_pb.ReceiveStockResponse(stock=from_stock(stock))


def got_stock(stock: Stock) -> stock_service_pb.GetStockResponse:
    """Answer with the stock."""
    return stock_service_pb.GetStockResponse(stock=from_stock(stock))


def listed_stock(page: Slice[Stock]) -> stock_service_pb.ListStockResponse:
    """Answer with a page of stocks."""
    return stock_service_pb.ListStockResponse(
        stocks=map(from_stock, page.items), next_page_token=page.next_page_token
    )


def _changed_event(fact: ProductChanged) -> EventDraft:
    payload = events_pb2.ProductChanged(
        product=from_product(fact.product), available=fact.available
    )
    return EventDraft(payload, f"product/{fact.product.product_id}")


FACTS: Final[FactTable] = {ProductChanged: _changed_event}
