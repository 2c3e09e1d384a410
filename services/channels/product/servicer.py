"""The front doors of products and of their stock."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import product_service_pb2 as pb
from mantle.channels.v1 import stock_service_pb2 as stock_pb

from channels.order import refilling
from channels.product import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door


class ProductServicer:
    """Serve `mantle.channels.v1.ProductService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time, and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def CreateProduct(
        self, request: pb.CreateProductRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Create a product."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _: usecases.create(
                tx,
                product_id=request.product_id,
                name=request.name,
                line=request.line,
                stock_kept=request.stock_kept,
                excludes=request.excludes_product_ids,
                requires=request.requires_product_ids,
                life=wire.to_life(request),
                at=self._clock.now(),
            ),
            reply=wire.created,
        )

    def ReviewProduct(
        self, request: pb.ReviewProductRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Judge a product fit for the market."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _: usecases.review(
                tx, product_id=request.product_id, opinion=request.opinion
            ),
            reply=wire.reviewed,
        )

    def ReleaseProduct(
        self, request: pb.ReleaseProductRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Put a product on sale."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _: usecases.release(
                tx, product_id=request.product_id, today=self._clock.today(self._zone)
            ),
            reply=wire.released,
        )

    def WithdrawProduct(
        self, request: pb.WithdrawProductRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Take a product off the market."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _: usecases.withdraw(tx, product_id=request.product_id),
            reply=wire.withdrawn,
        )

    def ChangeProductRules(
        self, request: pb.ChangeProductRulesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Replace the rules between a product and others."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _: usecases.change_rules(
                tx,
                product_id=request.product_id,
                excludes=request.excludes_product_ids,
                requires=request.requires_product_ids,
            ),
            reply=wire.rules_changed,
        )

    def ChangeProductLifeCycle(
        self, request: pb.ChangeProductLifeCycleRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Say where a product stands in its life."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _: usecases.change_life_cycle(
                tx,
                product_id=request.product_id,
                stage=wire.to_stage(request.stage),
                launch_month=wire.to_launch(request.launch_month),
            ),
            reply=wire.life_cycle_changed,
        )

    def GetProduct(self, request: pb.GetProductRequest, context: grpc.ServicerContext) -> bytes:
        """Return a product."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _: usecases.get(tx, product_id=request.product_id),
            reply=wire.got,
        )

    def ListProducts(self, request: pb.ListProductsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of products."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _: usecases.list_page(
                tx, part=page_of(request), state=wire.wanted_state(request), line=request.line
            ),
            reply=wire.listed,
        )


class StockServicer:
    """Serve `mantle.channels.v1.StockService`."""

    def __init__(self, door: Door, clock: Clock) -> None:
        """Know the door and the time."""
        self._door = door
        self._clock = clock

    def ReceiveStock(
        self, request: stock_pb.ReceiveStockRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Add pieces that arrived."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: refilling.receive(
                tx,
                product_id=request.product_id,
                quantity=request.quantity,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.stock_received,
        )

    def GetStock(self, request: stock_pb.GetStockRequest, context: grpc.ServicerContext) -> bytes:
        """Return a product's stock."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _: usecases.get_stock(tx, product_id=request.product_id),
            reply=wire.got_stock,
        )

    def ListStock(self, request: stock_pb.ListStockRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of stocks."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _: usecases.list_stock(tx, part=page_of(request)),
            reply=wire.listed_stock,
        )
