"""Why a return is refused."""

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money


class ReturnNotFound(NotFound):
    """No return has this id."""

    reason = "RETURN_NOT_FOUND"

    def __init__(self, return_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no return {return_id}", returnId=return_id)


class ReturnStateForbids(FailedPrecondition):
    """The return's state or kind does not allow the move."""

    reason = "RETURN_STATE_FORBIDS"

    def __init__(self, return_id: str, state: str, to: str) -> None:
        """Name the return and the move."""
        super().__init__(
            f"return {return_id} is {state} and cannot become {to}",
            returnId=return_id,
            state=state,
            to=to,
        )


class ReturnExceedsDelivered(FailedPrecondition):
    """More is to come back than was delivered and is not back or claimed yet."""

    reason = "RETURN_EXCEEDS_DELIVERED"

    def __init__(self, order_id: str, product_id: str, *, quantity: int, left: int) -> None:
        """Name the order, the product and both numbers."""
        super().__init__(
            f"of {product_id} in order {order_id} {left} can come back, not {quantity}",
            orderId=order_id,
            productId=product_id,
            quantity=quantity,
            left=left,
        )


class ReturnReasonUnknown(FailedPrecondition):
    """The catalogue of reasons does not have this code."""

    reason = "RETURN_REASON_UNKNOWN"

    def __init__(self, reason_code: str) -> None:
        """Name the code."""
        super().__init__(f"there is no reason {reason_code}", reasonCode=reason_code)


class OrderNotReturnable(FailedPrecondition):
    """Goods of the order cannot come back in its state."""

    reason = "ORDER_NOT_RETURNABLE"

    def __init__(self, order_id: str, state: str) -> None:
        """Name the order and its state."""
        super().__init__(
            f"order {order_id} is {state}, and none of its goods can come back",
            orderId=order_id,
            state=state,
        )


class OrderExchanged(FailedPrecondition):
    """Goods of the order were exchanged: cancelled, its partner would keep what it got for them."""

    reason = "ORDER_EXCHANGED"

    def __init__(self, order_id: str) -> None:
        """Name the order."""
        super().__init__(
            f"goods of order {order_id} were exchanged; what is left comes back by a return",
            orderId=order_id,
        )


class ExchangeDifferenceDue(FailedPrecondition):
    """The replacements cost more than what comes back."""

    reason = "EXCHANGE_DIFFERENCE_DUE"

    def __init__(self, returned: Money, replacement: Money) -> None:
        """Name both amounts."""
        super().__init__(
            f"the replacements cost {replacement}, what comes back {returned}",
            returnedMinor=returned.amount_minor,
            replacementMinor=replacement.amount_minor,
        )


class ReturnNeedsAnotherPerson(FailedPrecondition):
    """The person who asked for a return cannot approve it."""

    reason = "RETURN_NEEDS_ANOTHER_PERSON"

    def __init__(self, return_id: str, subject: str) -> None:
        """Name the return and the person."""
        super().__init__(
            f"return {return_id} was asked for by {subject}", returnId=return_id, subject=subject
        )


class InspectionDoesNotFit(FailedPrecondition):
    """The inspection says what cannot be of these goods."""

    reason = "INSPECTION_DOES_NOT_FIT"

    def __init__(self, return_id: str, product_id: str) -> None:
        """Name the return and the product."""
        super().__init__(
            f"the inspection of {product_id} does not fit return {return_id}",
            returnId=return_id,
            productId=product_id,
        )
