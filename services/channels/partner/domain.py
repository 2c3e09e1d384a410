"""A partner's states, its agreements and its credit terms.

What a partner owes is settlement's; here stands only what was agreed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.money import Money
from chassis.period import DateRange


class State(StrEnum):
    """How far a partner is on its way into the channel."""

    PROSPECT = "PROSPECT"
    CANDIDATE = "CANDIDATE"
    EVALUATED = "EVALUATED"
    APPROVED = "APPROVED"
    ACTIVE = "ACTIVE"
    UNDER_REVIEW = "UNDER_REVIEW"
    TERMINATED = "TERMINATED"
    REPLACED = "REPLACED"


# The selection is the normal way from PROSPECT on. A prospect that no selection looks at may also
# be taken in directly, by its signed agreement: own halls and other partners that nobody selects.
# A returned form makes an evaluated one a candidate again.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PROSPECT: frozenset({State.CANDIDATE, State.APPROVED}),
    State.CANDIDATE: frozenset({State.EVALUATED, State.REPLACED}),
    State.EVALUATED: frozenset({State.CANDIDATE, State.APPROVED, State.REPLACED}),
    State.APPROVED: frozenset({State.ACTIVE}),
    State.ACTIVE: frozenset({State.UNDER_REVIEW}),
    State.UNDER_REVIEW: frozenset({State.ACTIVE, State.TERMINATED}),
    State.TERMINATED: frozenset(),
    State.REPLACED: frozenset(),
}

# Those that order: being looked at in the yearly maintenance stops nobody's business.
ORDERING: Final = frozenset({State.ACTIVE, State.UNDER_REVIEW})
# Those that an agreement can be signed with outside of a selection.
SIGNING: Final = frozenset({State.PROSPECT, State.APPROVED, *ORDERING})


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
    # Scope of the prices that were agreed, and the year of the terms that are in force.
    price_policy: str = ""
    terms_year: int = 0

    def sign(self, agreement: "Agreement", *, current_year: int) -> "Partner":
        """Take over what was agreed; the terms of a year that has not begun change nothing yet.

        Errors: PartnerStateForbids in the middle of a selection, and at the end.
        """
        if self.state not in SIGNING:
            raise PartnerStateForbids(self, State.APPROVED)
        after = replace(
            self,
            state=State.APPROVED if self.state is State.PROSPECT else self.state,
            version=self.version + 1,
        )
        takes_over = self.credit is None or agreement.year == current_year
        return after.take_over(agreement) if takes_over else after

    def take_over(self, agreement: "Agreement") -> "Partner":
        """Let the terms of an agreement hold."""
        return replace(
            self,
            credit=agreement.credit,
            price_policy=agreement.terms.price_policy,
            terms_year=agreement.year,
        )

    def move(self, to: State) -> "Partner":
        """Change the state along the table.

        Errors: PartnerStateForbids.
        """
        if to not in MOVES[self.state]:
            raise PartnerStateForbids(self, to)
        return replace(self, state=to, version=self.version + 1)

    def activate(self) -> "Partner":
        """Let an approved partner order; the end of a review is another matter.

        Errors: PartnerStateForbids.
        """
        if self.state is not State.APPROVED:
            raise PartnerStateForbids(self, State.APPROVED)
        return self.move(State.ACTIVE)

    def change_grade(self, grade: Grade, credit: Credit) -> "Partner":
        """Change how far the partner is trusted.

        Errors: PartnerStateForbids before the first agreement, and after the last.
        """
        if self.credit is None or self.state is State.TERMINATED:
            raise PartnerStateForbids(self, State.APPROVED)
        return replace(self, credit_grade=grade, credit=credit, version=self.version + 1)

    def require_active(self) -> None:
        """Refuse a partner that may not order.

        Errors: PartnerStateForbids.
        """
        if self.state not in ORDERING:
            raise PartnerStateForbids(self, State.ACTIVE)


class AgreementState(StrEnum):
    """How far an agreement is."""

    SIGNED = "SIGNED"
    ACTIVE = "ACTIVE"
    RENEWED = "RENEWED"
    ADJUSTED = "ADJUSTED"
    TERMINATED = "TERMINATED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Territory:
    """Hold an area that an agreement names; an exclusive one has no other partner of the kind."""

    area: str
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold what an agreement says beside its credit.

    Shape: no target when nothing was agreed; the policies are scopes, empty for the nearest one.
    """

    target: Money | None = None
    rebate_policy: str = ""
    price_policy: str = ""
    territories: tuple[Territory, ...] = ()
    report_id: str = ""

    def reported(self, report_id: str) -> "Terms":
        """Name the evaluation report behind the agreement."""
        return replace(self, report_id=report_id)


@dataclass(frozen=True, slots=True)
class Ending:
    """Hold what ended an agreement, or what follows it; `end_date` is the first day without it."""

    state: AgreementState
    end_date: date
    reason: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Hold what was agreed on for a calendar year."""

    agreement_id: str
    partner_id: str
    year: int
    credit: Credit
    territory: str
    sign_time: datetime
    terms: Terms = field(default_factory=Terms)
    ending: Ending | None = None

    @property
    def year_range(self) -> DateRange:
        """Return the days of the agreed year."""
        return DateRange(date(self.year, 1, 1), date(self.year + 1, 1, 1))

    @property
    def end_date(self) -> date:
        """Return the first day that the agreement does not hold any more."""
        if self.ending is not None and self.ending.state is AgreementState.TERMINATED:
            return self.ending.end_date
        return date(self.year + 1, 1, 1)

    def state(self, on: date) -> AgreementState:
        """Tell how far the agreement is on a day."""
        if self.ending is not None:
            return self.ending.state
        if on.year < self.year:
            return AgreementState.SIGNED
        return AgreementState.ACTIVE if on.year == self.year else AgreementState.EXPIRED


@dataclass(frozen=True, slots=True)
class YearPurchases:
    """Hold what a partner bought in a calendar year."""

    partner_id: str
    year: int
    amount: Money


@dataclass(frozen=True, slots=True)
class PartnerFile:
    """Hold a partner with all its agreements and purchases, each by year, as of a day."""

    partner: Partner
    agreements: Sequence[Agreement] = ()
    purchases: Sequence[YearPurchases] = ()
    on: date = date.min


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


@dataclass(frozen=True, slots=True)
class AgreementSigned:
    """A partner signed for a year."""

    partner: Partner
    agreement: Agreement
    selection_id: str = ""


@dataclass(frozen=True, slots=True)
class AgreementTerminated:
    """An agreement ended before its year was over, and the partner with it."""

    partner: Partner
    agreement: Agreement


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


class TerritoryTaken(FailedPrecondition):
    """Another agreement has an area that one of the two wants for itself alone."""

    reason = "TERRITORY_TAKEN"

    def __init__(self, area: str, year: int) -> None:
        """Name the area and the year."""
        super().__init__(
            f"area {area} is taken in {year}: one of the agreements is exclusive",
            area=area,
            year=year,
        )
