"""Prospects, the places of the plan, information forms and evaluation reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import IntEnum, StrEnum
from typing import Final

from channels.grading.domain import Rating
from channels.partner.domain import Kind
from channels.selection.errors import (
    DossierIncomplete,
    FormIncomplete,
    PlaceNotFound,
    ProspectNotEligible,
    ProspectsTooFew,
    ReportWithoutFinancialData,
)
from chassis.money import Money

PROCESS: Final = "selection"
HUNDREDTH: Final = Decimal("0.01")


class State(StrEnum):
    """How far a selection is: the last milestone of its process."""

    OPEN = "OPEN"
    RESEARCHED = "RESEARCHED"
    LISTED = "LISTED"
    APPROVED = "APPROVED"
    SIGNED = "SIGNED"
    FILED = "FILED"


class Step(IntEnum):
    """The steps that have an RPC."""

    RESEARCH = 1
    LIST = 2
    FORM = 3
    CHECK = 4
    ANALYSE = 5
    GRADE = 6
    REPORT = 7
    DECIDE = 8
    SUBSTITUTE = 9
    APPROVE = 10
    SIGN = 13
    FILE = 14


@dataclass(frozen=True, slots=True)
class Prospect:
    """Hold a company that the research found."""

    partner_id: str
    name: str
    kind: Kind
    area: str
    willing: bool
    note: str


@dataclass(frozen=True, slots=True)
class Place:
    """Hold a distributor that the plan wants, and who is to be it.

    Shape: `partner_id` is empty while there is no candidate; `replaced` are those before it.
    """

    place: str
    area: str
    office_unit_id: str
    partner_id: str = ""
    replaced: tuple[str, ...] = ()
    report_id: str = ""
    vacant: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Hold a selection; prospects in the order of the research, places by name."""

    selection_id: str
    unit_id: str
    year: int
    state: State
    process_id: str
    places: tuple[Place, ...]
    create_time: datetime
    prospects: tuple[Prospect, ...] = ()
    listed: tuple[str, ...] = ()
    version: int = 1

    @property
    def loops(self) -> int:
        """Return how often a substitute was taken through the steps again."""
        return sum(len(place.replaced) - place.vacant for place in self.places)

    def place(self, name: str) -> Place:
        """Return a place.

        Errors: PlaceNotFound.
        """
        for place in self.places:
            if place.place == name:
                return place
        raise PlaceNotFound(self.selection_id, name)

    def with_place(self, changed: Place) -> "Selection":
        """Replace a place by its changed self."""
        places = tuple(changed if one.place == changed.place else one for one in self.places)
        return replace(self, places=places)

    def with_prospects(self, found: Sequence[Prospect]) -> "Selection":
        """Add prospects to the research; one that is known is replaced by what is found now."""
        known = {one.partner_id: one for one in (*self.prospects, *found)}
        return replace(self, prospects=tuple(known.values()))

    def prospect(self, partner_id: str) -> Prospect:
        """Return a prospect that may be listed: known, willing, and in an area of the plan.

        Errors: ProspectNotEligible.
        Source: R-060.
        """
        for one in self.prospects:
            if one.partner_id == partner_id:
                self._require_eligible(one)
                return one
        raise ProspectNotEligible(partner_id, "is not known to the research")

    def draw_up(self, partner_ids: Sequence[str]) -> "Selection":
        """List prospects, all eligible ones when none is named, and give each place its candidate:
        the first listed one of its area that no place before it has.

        Errors: ProspectNotEligible, ProspectsTooFew.
        Source: R-060.
        """
        areas = {place.area for place in self.places}
        wanted = set(partner_ids) or {
            one.partner_id for one in self.prospects if one.willing and one.area in areas
        }
        for partner_id in sorted(wanted):
            self.prospect(partner_id)
        listed = [one for one in self.prospects if one.partner_id in wanted]
        left = list(listed)
        places = []
        for place in self.places:
            fitting = [one for one in left if one.area == place.area]
            if not fitting:
                raise ProspectsTooFew(place.place, place.area)
            left.remove(fitting[0])
            places.append(replace(place, partner_id=fitting[0].partner_id))
        return replace(self, listed=tuple(one.partner_id for one in listed), places=tuple(places))

    def substitute(self, name: str, partner_id: str) -> "Selection":
        """Put a prospect into the place of a refused candidate; without one it stays vacant.

        Errors: PlaceNotFound, ProspectNotEligible.
        Source: R-066.
        """
        place = self.place(name)
        taken = {one.partner_id for one in self.places} | {
            gone for one in self.places for gone in one.replaced
        }
        if partner_id in taken:
            raise ProspectNotEligible(partner_id, "is or was the candidate of a place")
        if partner_id and self.prospect(partner_id).area != place.area:
            raise ProspectNotEligible(partner_id, f"is not in area {place.area}")
        changed = replace(
            place,
            partner_id=partner_id,
            replaced=(*place.replaced, place.partner_id),
            report_id="",
            vacant=not partner_id,
        )
        listed = (*self.listed, *((partner_id,) if partner_id not in self.listed else ()))
        return replace(self.with_place(changed), listed=tuple(one for one in listed if one))

    def _require_eligible(self, one: Prospect) -> None:
        if not one.willing:
            raise ProspectNotEligible(one.partner_id, "is not willing")
        if one.area not in {place.area for place in self.places}:
            raise ProspectNotEligible(one.partner_id, "is in no area of the plan")


class FormState(StrEnum):
    """How far an information form is."""

    SUBMITTED = "SUBMITTED"
    CHECKED = "CHECKED"
    RETURNED = "RETURNED"


class Holder(StrEnum):
    """Who keeps a copy of a form."""

    HEADQUARTERS = "HEADQUARTERS"
    OFFICE = "OFFICE"


@dataclass(frozen=True, slots=True)
class InfoForm:
    """Hold one holder's copy of a form, with what it lacks of `mandatory_count` fields."""

    form_id: str
    selection_id: str
    place: str
    partner_id: str
    state: FormState
    fields: Mapping[str, str]
    missing: tuple[str, ...]
    mandatory_count: int
    note: str
    submit_time: datetime
    holder: Holder
    holder_unit_id: str

    @property
    def answered_count(self) -> int:
        """Return how many mandatory fields are answered."""
        return self.mandatory_count - len(self.missing)


def missing_fields(fields: Mapping[str, str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the wanted fields that have no answer, in their order.

    Source: R-062.
    """
    return tuple(name for name in wanted if not fields.get(name, "").strip())


def require_documents(fields: Mapping[str, str], documents: Sequence[str], *, place: str) -> None:
    """Refuse a form without the documents that it needs to be submitted.

    Errors: FormIncomplete.
    Source: R-061.
    """
    missing = missing_fields(fields, documents)
    if missing:
        raise FormIncomplete(place, missing)


class EvaluationState(StrEnum):
    """How far an evaluation is."""

    DRAFT = "DRAFT"
    REPORTED = "REPORTED"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    APPROVED = "APPROVED"


EVALUATION_MOVES: Final[Mapping[EvaluationState, frozenset[EvaluationState]]] = {
    EvaluationState.DRAFT: frozenset({EvaluationState.REPORTED}),
    EvaluationState.REPORTED: frozenset({EvaluationState.ACCEPTED, EvaluationState.REFUSED}),
    EvaluationState.ACCEPTED: frozenset({EvaluationState.APPROVED, EvaluationState.REPORTED}),
    EvaluationState.REFUSED: frozenset(),
    EvaluationState.APPROVED: frozenset(),
}


class CheckKind(StrEnum):
    """What a dossier is checked for."""

    CREDIT = "CREDIT"
    LOCATION = "LOCATION"
    SALES_ABILITY = "SALES_ABILITY"
    ABILITY_TO_PAY = "ABILITY_TO_PAY"
    PRODUCT_FIT = "PRODUCT_FIT"


DEALER_CHECKS: Final = (CheckKind.CREDIT, CheckKind.LOCATION, CheckKind.SALES_ABILITY)
CUSTOMER_CHECKS: Final = (CheckKind.CREDIT, CheckKind.ABILITY_TO_PAY, CheckKind.PRODUCT_FIT)


@dataclass(frozen=True, slots=True)
class DossierCheck:
    """Hold a check of a dossier."""

    kind: CheckKind
    passed: bool
    note: str


def require_dossier(
    checks: Sequence[DossierCheck], wanted: Sequence[CheckKind], *, subject_id: str
) -> None:
    """Refuse a dossier in which a check is missing or was not passed.

    Errors: DossierIncomplete.
    Source: R-071.
    """
    passed = {check.kind for check in checks if check.passed}
    missing = [kind for kind in wanted if kind not in passed]
    if missing:
        raise DossierIncomplete(subject_id, missing)


@dataclass(frozen=True, slots=True)
class FinancialItem:
    """Hold a figure that a report rests on, with where it was found."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Benefit:
    """Hold what a partner costs to develop, and what it brings in its first year."""

    cost: Money
    contribution: Money

    @property
    def ratio(self) -> Decimal | None:
        """Return contribution over cost with two digits, None when it costs nothing.

        Source: R-072.
        """
        if self.cost.amount_minor == 0:
            return None
        share = Decimal(self.contribution.amount_minor) / Decimal(self.cost.amount_minor)
        return share.quantize(HUNDREDTH, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Hold a distributor evaluation report; no benefit before it is reported."""

    report_id: str
    selection_id: str
    place: str
    partner_id: str
    unit_id: str
    state: EvaluationState
    rating: Rating
    create_time: datetime
    items: tuple[FinancialItem, ...] = ()
    checks: tuple[DossierCheck, ...] = ()
    benefit: Benefit | None = None
    recommendation: str = ""

    def move(self, to: EvaluationState) -> "Evaluation":
        """Change the state along the table; the process sees to it that nobody asks for more."""
        assert to in EVALUATION_MOVES[self.state], "the process opens no other step"
        return replace(self, state=to)

    def report(
        self,
        *,
        items: tuple[FinancialItem, ...],
        checks: tuple[DossierCheck, ...],
        benefit: Benefit,
        recommendation: str,
    ) -> "Evaluation":
        """Fill the report in.

        Errors: ReportWithoutFinancialData.
        Source: R-065.
        """
        if not items:
            raise ReportWithoutFinancialData(self.place)
        return replace(
            self.move(EvaluationState.REPORTED),
            items=items,
            checks=checks,
            benefit=benefit,
            recommendation=recommendation,
        )


@dataclass(frozen=True, slots=True)
class SelectionNotified:
    """Somebody has to know that a candidate was approved."""

    selection_id: str
    place: str
    partner_id: str
    unit_id: str
    report_id: str
    role: str
