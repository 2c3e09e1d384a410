"""What is told of an order."""

from dataclasses import dataclass

from channels.order.domain import Order


@dataclass(frozen=True, slots=True)
class OrderApproved:
    """An order became a contract."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderHeld:
    """An order waits for credit."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderAllocated:
    """Goods that an order waited for are set aside for it."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderShipped:
    """An order was sent."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderDelivered:
    """An order was handed over."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """An order was taken back, or rejected while it was on hold."""

    order: Order
