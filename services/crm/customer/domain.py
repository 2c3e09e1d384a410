"""What a customer is, and what can be changed in it.

Propensities are whole millionths here, so that a decision computes without fractions.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from chassis.errors import FailedPrecondition, NotFound
from crm.touchpoint.domain import ContactKind

TAGS_MAX: Final = 200
ATTRIBUTES_MAX: Final = 200
SCORES_MAX: Final = 500
SUBSCRIPTIONS_MAX: Final = 500
PPM: Final = 1_000_000

AttributeValue: TypeAlias = bool | int | str


class Kind(StrEnum):
    """What a customer is."""

    END = "END"
    DEALER = "DEALER"


class Status(StrEnum):
    """How close a customer is."""

    LEAD = "LEAD"
    PROSPECT = "PROSPECT"
    ACTIVE = "ACTIVE"
    DORMANT = "DORMANT"
    LOST = "LOST"


class SubscriptionState(StrEnum):
    """How far a subscription is."""

    ORDERED = "ORDERED"
    ACTIVE = "ACTIVE"
    CANCELLED = "CANCELLED"


# None is a product that the customer never had.
MOVES: Final[Mapping[SubscriptionState | None, frozenset[SubscriptionState]]] = {
    None: frozenset({SubscriptionState.ORDERED, SubscriptionState.ACTIVE}),
    SubscriptionState.ORDERED: frozenset({SubscriptionState.ACTIVE, SubscriptionState.CANCELLED}),
    SubscriptionState.ACTIVE: frozenset({SubscriptionState.CANCELLED}),
    SubscriptionState.CANCELLED: frozenset({SubscriptionState.ORDERED}),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """Hold what became of a product with a customer."""

    product_id: str
    state: SubscriptionState
    change_time: datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """Hold what is known of a customer.

    Shape: `scores` is product → millionths; `subscriptions` are left out of lists.
    """

    customer_id: str
    unit_id: str
    kind: Kind
    status: Status
    display_name: str
    phone: str
    time_zone: str
    create_time: datetime
    tags: frozenset[str] = frozenset()
    consents: frozenset[ContactKind] = frozenset()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    scores: Mapping[str, int] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    version: int = 1

    def change_tags(self, *, add: Iterable[str], remove: Iterable[str]) -> "Customer":
        """Add and remove tags; a tag in both is removed.

        Errors: CustomerFull.
        """
        tags = (self.tags | frozenset(add)) - frozenset(remove)
        self._require_room("tags", tags, TAGS_MAX)
        return replace(self, tags=tags, version=self.version + 1)

    def set_consent(self, kind: ContactKind, *, granted: bool) -> "Customer":
        """Keep whether the customer agrees to a kind of contact."""
        consents = self.consents | {kind} if granted else self.consents - {kind}
        return replace(self, consents=consents, version=self.version + 1)

    def set_scores(self, scores: Mapping[str, int]) -> "Customer":
        """Replace the propensities of some products.

        Errors: CustomerFull.
        """
        kept = {**self.scores, **scores}
        self._require_room("scores", kept, SCORES_MAX)
        return replace(self, scores=kept, version=self.version + 1)

    def subscribe(
        self, product_id: str, to: SubscriptionState, *, at: datetime
    ) -> tuple["Customer", Subscription]:
        """Move the subscription of a product along the table.

        Errors: SubscriptionStateForbids, CustomerFull.
        """
        known = {one.product_id: one for one in self.subscriptions}
        state = known[product_id].state if product_id in known else None
        if to not in MOVES[state]:
            raise SubscriptionStateForbids(self.customer_id, product_id, state=state, to=to)
        moved = known[product_id] = Subscription(product_id, to, at)
        self._require_room("subscriptions", known, SUBSCRIPTIONS_MAX)
        subscriptions = tuple(known[name] for name in sorted(known))
        return replace(self, subscriptions=subscriptions, version=self.version + 1), moved

    def _require_room(self, what: str, items: Collection[object], limit: int) -> None:
        if len(items) > limit:
            raise CustomerFull(self.customer_id, what, limit=limit)


def to_ppm(propensity: str) -> int:
    """Read a propensity such as 0.42 as millionths; the contract has checked its spelling."""
    return int(Decimal(propensity or "0") * PPM)


def from_ppm(ppm: int) -> str:
    """Write millionths as a decimal number without needless zeros."""
    whole, rest = divmod(ppm, PPM)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)


class CustomerNotFound(NotFound):
    """No customer has this id."""

    reason = "CUSTOMER_NOT_FOUND"

    def __init__(self, customer_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no customer {customer_id}", customerId=customer_id)


class SubscriptionStateForbids(FailedPrecondition):
    """The customer's subscription cannot make this move."""

    reason = "SUBSCRIPTION_STATE_FORBIDS"

    def __init__(
        self,
        customer_id: str,
        product_id: str,
        *,
        state: SubscriptionState | None,
        to: SubscriptionState,
    ) -> None:
        """Name the subscription and the move."""
        known = state or "NONE"
        super().__init__(
            f"the subscription of {customer_id} to {product_id} is {known} and cannot become {to}",
            customerId=customer_id,
            productId=product_id,
            state=known,
            to=to,
        )


class CustomerFull(FailedPrecondition):
    """The customer would have more of something than one may have."""

    reason = "CUSTOMER_FULL"

    def __init__(self, customer_id: str, what: str, *, limit: int) -> None:
        """Name the customer, what there is too much of, and the limit."""
        super().__init__(
            f"customer {customer_id} can have {limit} {what} at most",
            customerId=customer_id,
            what=what,
            limit=limit,
        )
