"""A price other than that of the policies, from the request to the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from channels.pricing.domain import PricedLine, Wanted, deviation, overridden
from chassis.errors import FailedPrecondition, NotFound, PermissionDenied
from chassis.money import CurrencyMismatch, UnitPrice, format_decimal
from chassis.period import DateRange


class State(StrEnum):
    """How far an override is."""

    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.REQUESTED: frozenset({State.APPROVED, State.REJECTED}),
    State.APPROVED: frozenset({State.REJECTED}),
    State.REJECTED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class PriceOverride:
    """Hold a price that a partner is to pay for a product instead of that of the policies.

    Shape: `project_id` is empty when it is for every order of the partner.
    """

    override_id: str
    partner_id: str
    unit_id: str
    product_id: str
    project_id: str
    unit_price: UnitPrice
    policy_price: UnitPrice
    valid: DateRange
    reason: str
    state: State
    requested_by: str
    create_time: datetime
    decided_by: str = ""
    decision: str = ""
    version: int = 1

    @property
    def deviation(self) -> Decimal:
        """Return how far it is from the policies' price, as a share with four decimals."""
        return deviation(self.unit_price, self.policy_price)

    @property
    def last_day(self) -> date:
        """Return the last day of orders that may use it."""
        assert self.valid.end is not None, "an override ends"
        return self.valid.end - timedelta(days=1)

    def approve(self, *, by: str, decision: str, floor_share: Decimal) -> "PriceOverride":
        """Allow the price.

        Shape: `floor_share` is the lowest share of the policies' price that anybody may allow.
        Errors: PriceOverrideStateForbids, PriceApproverIsRequester, PriceBelowFloor.
        Source: R-088.
        """
        after = self._decided(State.APPROVED, by=by, decision=decision)
        if by == self.requested_by:
            raise PriceApproverIsRequester(self.override_id, by)
        floor = self.policy_price.amount * floor_share
        if self.unit_price.amount < floor:
            raise PriceBelowFloor(self, floor)
        return after

    def reject(self, *, by: str, decision: str) -> "PriceOverride":
        """Refuse the price, or take its approval back.

        Errors: PriceOverrideStateForbids.
        """
        return self._decided(State.REJECTED, by=by, decision=decision)

    def covers(self, wanted: Wanted, *, partner_id: str, project_id: str, on: date) -> bool:
        """Tell whether an order of a day may have the price it wants by this override."""
        return (
            self.state is State.APPROVED
            and (self.partner_id, self.product_id) == (partner_id, wanted.product_id)
            and self.project_id in ("", project_id)
            and self.unit_price == wanted.agreed
            and on in self.valid
        )

    def _decided(self, to: State, *, by: str, decision: str) -> "PriceOverride":
        if to not in MOVES[self.state]:
            raise PriceOverrideStateForbids(self.override_id, self.state, to)
        return replace(self, state=to, decided_by=by, decision=decision, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which overrides a list is to have; an empty text and None mean all."""

    partner_id: str = ""
    product_id: str = ""
    state: State | None = None


@dataclass(frozen=True, slots=True)
class PriceOverrideApproved:
    """A price other than that of the policies may be used."""

    override: PriceOverride


def agreed_line(
    line: PricedLine,
    wanted: Wanted,
    approved: Sequence[PriceOverride],
    *,
    partner_id: str,
    project_id: str,
    on: date,
) -> PricedLine:
    """Give a line the price that was agreed on.

    Errors: PriceOverrideMissing when nobody allowed it, CurrencyMismatch.
    Source: R-088.
    """
    if wanted.agreed is None or wanted.agreed == line.unit_price:
        return line
    if wanted.agreed.currency_code != line.unit_price.currency_code:
        raise CurrencyMismatch(line.unit_price.currency_code, wanted.agreed.currency_code)
    for one in approved:
        if one.covers(wanted, partner_id=partner_id, project_id=project_id, on=on):
            return overridden(line, one.unit_price, override_id=one.override_id)
    raise PriceOverrideMissing(line, wanted.agreed)


class PriceOverrideMissing(PermissionDenied):
    """Nobody allowed the price that was agreed on."""

    reason = "PRICE_OVERRIDE_MISSING"

    def __init__(self, line: PricedLine, agreed: UnitPrice) -> None:
        """Name the product and both prices."""
        policy_price = format_decimal(line.unit_price.amount)
        agreed_price = format_decimal(agreed.amount)
        super().__init__(
            f"product {line.product_id} costs {policy_price}, and nobody allowed {agreed_price}",
            productId=line.product_id,
            policyPrice=policy_price,
            agreedPrice=agreed_price,
        )


class PriceOverrideNotFound(NotFound):
    """No override has this id."""

    reason = "PRICE_OVERRIDE_NOT_FOUND"

    def __init__(self, override_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no price override {override_id}", overrideId=override_id)


class PriceOverrideStateForbids(FailedPrecondition):
    """The override's state does not allow the move."""

    reason = "PRICE_OVERRIDE_STATE_FORBIDS"

    def __init__(self, override_id: str, state: State, to: State) -> None:
        """Name the override and the move."""
        super().__init__(
            f"price override {override_id} is {state} and cannot become {to}",
            overrideId=override_id,
            state=state,
            to=to,
        )


class PriceBelowFloor(FailedPrecondition):
    """The price is lower than anybody may allow."""

    reason = "PRICE_BELOW_FLOOR"

    def __init__(self, override: PriceOverride, floor: Decimal) -> None:
        """Name the override, its price and the floor."""
        unit_price, floor_price = format_decimal(override.unit_price.amount), format(floor, "f")
        super().__init__(
            f"{unit_price} of price override {override.override_id} is below {floor_price}",
            overrideId=override.override_id,
            unitPrice=unit_price,
            floorPrice=floor_price,
        )


class PriceApproverIsRequester(PermissionDenied):
    """A second person must allow what one person asked for."""

    reason = "PRICE_APPROVER_IS_REQUESTER"

    def __init__(self, override_id: str, subject: str) -> None:
        """Name the override and the person."""
        super().__init__(
            f"{subject} asked for price override {override_id} and cannot allow it",
            overrideId=override_id,
            subject=subject,
        )
