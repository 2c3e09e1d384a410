"""Why an order is refused."""

from datetime import datetime

from chassis.errors import FailedPrecondition, NotFound


class OrderNotFound(NotFound):
    """No order has this id."""

    reason = "ORDER_NOT_FOUND"

    def __init__(self, order_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no order {order_id}", orderId=order_id)


class OrderStateForbids(FailedPrecondition):
    """The order's state does not allow the move."""

    reason = "ORDER_STATE_FORBIDS"

    def __init__(self, order_id: str, state: str, *, to: str) -> None:
        """Name the order and the move."""
        super().__init__(
            f"order {order_id} is {state} and cannot become {to}",
            orderId=order_id,
            state=state,
            to=to,
        )


class OfferAlreadyOrdered(FailedPrecondition):
    """The offer has an order already that is neither cancelled nor rejected."""

    reason = "OFFER_ALREADY_ORDERED"

    def __init__(self, offer_id: str) -> None:
        """Name the offer."""
        super().__init__(f"offer {offer_id} has an order already", offerId=offer_id)


class ShipmentUnderWay(FailedPrecondition):
    """Some goods of the order are picked or on their way."""

    reason = "SHIPMENT_UNDER_WAY"

    def __init__(self, order_id: str, shipment_id: str) -> None:
        """Name the order and one of its shipments."""
        super().__init__(
            f"shipment {shipment_id} of order {order_id} is under way",
            orderId=order_id,
            shipmentId=shipment_id,
        )


class ShipmentExceedsAllocation(FailedPrecondition):
    """More is to be picked than is set aside for the order and still in the warehouse."""

    reason = "SHIPMENT_EXCEEDS_ALLOCATION"

    def __init__(self, order_id: str, product_id: str, *, quantity: int, allocated: int) -> None:
        """Name the order, the product and both numbers."""
        super().__init__(
            f"{allocated} pieces of {product_id} are set aside for order {order_id}, "
            f"{quantity} are to be picked",
            orderId=order_id,
            productId=product_id,
            quantity=quantity,
            allocated=allocated,
        )


class CreditRefused(FailedPrecondition):
    """Settlement still grants no credit."""

    reason = "CREDIT_REFUSED"

    def __init__(self, order_id: str, credit_reason: str) -> None:
        """Name the order and what settlement said."""
        super().__init__(
            f"there is no credit for order {order_id}: {credit_reason}",
            orderId=order_id,
            creditReason=credit_reason,
        )


class CoolingOffOver(FailedPrecondition):
    """The time in which a delivered order could be cancelled is over."""

    reason = "COOLING_OFF_OVER"

    def __init__(self, order_id: str, end: datetime) -> None:
        """Name the order and the end."""
        super().__init__(
            f"order {order_id} could be cancelled until {end.isoformat()}",
            orderId=order_id,
            endTime=end.isoformat(),
        )
