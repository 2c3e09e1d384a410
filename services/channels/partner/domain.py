"""A partner's states, its agreements and its credit terms.

What a partner owes is settlement's; here stands only what was agreed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.money import Money


class State(StrEnum):
    """How far a partner is on its way into the channel."""

    PROSPECT = "PROSPECT"
    APPROVED = "APPROVED"
    ACTIVE = "ACTIVE"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PROSPECT: frozenset({State.APPROVED}),
    State.APPROVED: frozenset({State.ACTIVE}),
    State.ACTIVE: frozenset(),
}


class Kind(StrEnum):
    """What a partner is in the channel."""

    DISTRIBUTOR = "DISTRIBUTOR"
    AGENT = "AGENT"
    FRANCHISEE = "FRANCHISEE"
    OWN_HALL = "OWN_HALL"
    FLAGSHIP_STORE = "FLAGSHIP_STORE"
    SPECIALITY_STORE = "SPECIALITY_STORE"
    PHARMACY = "PHARMACY"
    HOSPITAL = "HOSPITAL"
    ELECTRONIC = "ELECTRONIC"


class Grade(StrEnum):
    """How far a partner is trusted to pay, the best first."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


@dataclass(frozen=True, slots=True)
class Credit:
    """Hold what a partner may owe at most, and for how many days after the invoice."""

    limit: Money
    days: int


@dataclass(frozen=True, slots=True)
class Partner:
    """Hold a partner; it has no credit before its first agreement."""

    partner_id: str
    name: str
    kind: Kind
    unit_id: str
    state: State
    credit_grade: Grade
    credit: Credit | None
    version: int
    create_time: datetime

    def sign(self, agreement: "Agreement", *, current_year: int) -> "Partner":
        """Take over what was agreed; the terms of a year that has not begun change nothing yet."""
        takes_over = self.credit is None or agreement.year == current_year
        return replace(
            self,
            state=State.APPROVED if self.state is State.PROSPECT else self.state,
            credit=agreement.credit if takes_over else self.credit,
            version=self.version + 1,
        )

    def activate(self) -> "Partner":
        """Let the partner order.

        Errors: PartnerStateForbids.
        """
        if State.ACTIVE not in MOVES[self.state]:
            raise PartnerStateForbids(self, State.APPROVED)
        return replace(self, state=State.ACTIVE, version=self.version + 1)

    def change_grade(self, grade: Grade, credit: Credit) -> "Partner":
        """Change how far the partner is trusted.

        Errors: PartnerStateForbids before the first agreement.
        """
        if self.credit is None:
            raise PartnerStateForbids(self, State.APPROVED)
        return replace(self, credit_grade=grade, credit=credit, version=self.version + 1)

    def require_active(self) -> None:
        """Refuse a partner that may not order.

        Errors: PartnerStateForbids.
        """
        if self.state is not State.ACTIVE:
            raise PartnerStateForbids(self, State.ACTIVE)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Hold what was agreed on for a calendar year."""

    agreement_id: str
    partner_id: str
    year: int
    credit: Credit
    territory: str
    sign_time: datetime


@dataclass(frozen=True, slots=True)
class YearPurchases:
    """Hold what a partner bought in a calendar year."""

    partner_id: str
    year: int
    amount: Money


@dataclass(frozen=True, slots=True)
class PartnerFile:
    """Hold a partner with all its agreements and purchases, each by year."""

    partner: Partner
    agreements: Sequence[Agreement] = ()
    purchases: Sequence[YearPurchases] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold what an order has to know of a partner: whether it signed for the order's year, and what
    it bought in the year before, in minor units."""

    partner: Partner
    signed: bool
    purchases_minor: int


@dataclass(frozen=True, slots=True)
class PartnerActivated:
    """A partner may order from now on."""

    partner: Partner


@dataclass(frozen=True, slots=True)
class CreditGradeChanged:
    """A partner's grade or credit terms changed."""

    partner: Partner


class PartnerNotFound(NotFound):
    """No partner has this id."""

    reason = "PARTNER_NOT_FOUND"

    def __init__(self, partner_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no partner {partner_id}", partnerId=partner_id)


class PartnerExists(AlreadyExists):
    """Another partner has this id."""

    reason = "PARTNER_EXISTS"

    def __init__(self, partner_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is a partner {partner_id} already", partnerId=partner_id)


class PartnerStateForbids(FailedPrecondition):
    """The partner's state does not allow it."""

    reason = "PARTNER_STATE_FORBIDS"

    def __init__(self, partner: Partner, needs: State) -> None:
        """Name the partner, its state and the one that is needed."""
        super().__init__(
            f"partner {partner.partner_id} is {partner.state}, not {needs}",
            partnerId=partner.partner_id,
            state=partner.state,
            needs=needs,
        )


class AgreementExists(AlreadyExists):
    """The partner has an agreement for this year already."""

    reason = "AGREEMENT_EXISTS"

    def __init__(self, partner_id: str, year: int) -> None:
        """Name partner and year."""
        super().__init__(
            f"partner {partner_id} has signed for {year} already", partnerId=partner_id, year=year
        )


class AgreementMissing(FailedPrecondition):
    """The partner has no agreement for this year."""

    reason = "AGREEMENT_MISSING"

    def __init__(self, partner_id: str, year: int) -> None:
        """Name partner and year."""
        super().__init__(
            f"partner {partner_id} has signed nothing for {year}", partnerId=partner_id, year=year
        )
