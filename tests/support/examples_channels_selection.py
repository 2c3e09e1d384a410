"""One example of every write of the selection, and the steps that its tests are arranged with."""

from collections.abc import Sequence
from typing import Any

from mantle.channels.v1 import grading_pb2, partner_pb2, selection_pb2
from mantle.channels.v1 import selection_service_pb2 as pb
from mantle.process.v1 import process_service_pb2

from chassis.ids import new_id
from tests.support.examples import Example
from tests.support.examples_channels import a_world, cny, unique
from tests.support.server import ROOT_UNIT, World

PLACE = "A1-1"
CRITERIA = ("outlet_network", "finances", "channel_capability", "people")
# The fixture's substitute has 73.0 points; the applicant has 58.0.
GOOD = (80, 70, 60, 90)
POOR = (60, 55, 60, 60)
SECTIONS = {
    "basic": "name address legal_person founded registered_capital bank tax_number contact",
    "product": "main_lines competing_lines own_brands price_level",
    "sales": "last_year year_before outlets staff terms_given",
    "channel": "areas terminals hospitals pharmacies vehicles",
    "stock": "warehouse_area turnover_days cold_chain system",
    "licences": "business_licence trade_permit quality_certificate tax_registration",
}
FIELDS = {f"{part}.{name}": "said" for part, names in SECTIONS.items() for name in names.split()}
CHECKS = ("CREDIT", "LOCATION", "SALES_ABILITY")


def a_prospect(
    partner_id: str, *, area: str = "A1", willing: bool = True
) -> selection_pb2.Prospect:
    """Return a company that the research found."""
    return selection_pb2.Prospect(
        partner_id=partner_id,
        name=f"Company {partner_id}",
        kind=partner_pb2.PARTNER_KIND_DISTRIBUTOR,
        area=area,
        willing=willing,
    )


def a_place(
    place: str = PLACE, *, area: str = "A1", office: str = ROOT_UNIT
) -> selection_pb2.PlanPlace:
    """Return a place of the plan."""
    return selection_pb2.PlanPlace(place=place, area=area, office_unit_id=office)


def scores(points: Sequence[int] = GOOD) -> list[grading_pb2.CriterionScore]:
    """Return points, one for each criterion."""
    return [
        grading_pb2.CriterionScore(criterion=name, points=str(value), source=f"form:{name}")
        for name, value in zip(CRITERIA, points, strict=True)
    ]


def checks(*passed: str) -> list[selection_pb2.DossierCheck]:
    """Return passed checks of a dealer's dossier."""
    return [
        selection_pb2.DossierCheck(
            kind=selection_pb2.DossierCheck.Kind.Value(f"KIND_{name}"), passed=True
        )
        for name in passed or CHECKS
    ]


def items() -> list[selection_pb2.FinancialItem]:
    """Return the figures that a report rests on."""
    return [selection_pb2.FinancialItem(name="net_assets", value="1,200,000", source="form:basic")]


class Desk:
    """Take one selection forward, step by step, each by the role that has it."""

    def __init__(
        self,
        world: World,
        *,
        places: Sequence[selection_pb2.PlanPlace] = (),
        prospects: Sequence[selection_pb2.Prospect] = (),
    ) -> None:
        """Start a selection of one place, with one prospect and one to take its place."""
        self.world = world
        self.places = list(places or [a_place()])
        self.found = list(prospects or [a_prospect(unique("D")) for _ in range(2)])
        request = pb.StartSelectionRequest(unit_id=ROOT_UNIT, year=2026, places=self.places)
        self.selection = world.call(request, role="sales_development").selection
        self.id = self.selection.selection_id

    def research(self) -> "Desk":
        """File the report."""
        request = pb.FileResearchRequest(selection_id=self.id, prospects=self.found)
        self.selection = self.world.call(request).selection
        return self

    def listing(self) -> "Desk":
        """Draw up the list."""
        self.research()
        request = pb.DrawUpProspectListRequest(selection_id=self.id)
        self.selection = self.world.call(request).selection
        return self

    def form(self, place: str = PLACE, *, without: Sequence[str] = ()) -> Any:
        """Submit the form of a place."""
        answers = {name: text for name, text in FIELDS.items() if name not in without}
        request = pb.SubmitInfoFormRequest(selection_id=self.id, place=place, fields=answers)
        return self.world.call(request).form

    def check(self, place: str = PLACE) -> Any:
        """Check the form of a place."""
        request = pb.CheckInfoFormRequest(selection_id=self.id, place=place, truthful=True)
        return self.world.call(request).form

    def analyse(self, points: Sequence[int] = GOOD, place: str = PLACE) -> Any:
        """Analyse the candidate of a place."""
        request = pb.AnalyseAbilityRequest(selection_id=self.id, place=place, scores=scores(points))
        return self.world.call(request).report

    def grade(self, place: str = PLACE) -> Any:
        """Grade the candidate of a place."""
        return self.world.call(pb.AssignGradeRequest(selection_id=self.id, place=place)).report

    def report(self, place: str = PLACE, **fields: Any) -> Any:
        """File the report on the candidate of a place."""
        return self.world.call(report_request(self.id, place, **fields)).report

    def report_of(self, report_id: str) -> Any:
        """Read a report."""
        return self.world.call(pb.GetEvaluationReportRequest(report_id=report_id)).report

    def evaluated(self, points: Sequence[int] = GOOD, place: str = PLACE) -> Any:
        """Take a place from the form to the report."""
        self.form(place)
        self.check(place)
        self.analyse(points, place)
        self.grade(place)
        return self.report(place)

    def decide(self, *, accepted: bool = True, place: str = PLACE) -> Any:
        """Accept the candidate of a place, or not."""
        request = pb.DecideCandidateRequest(
            selection_id=self.id, place=place, accepted=accepted, reason="said"
        )
        return self.world.call(request).report

    def substitute(self, partner_id: str = "", place: str = PLACE) -> Any:
        """Put another into a place, or leave it vacant."""
        known = {one.partner_id: one for one in self.found}
        request = pb.FindSubstituteRequest(
            selection_id=self.id, place=place, substitute=known.get(partner_id)
        )
        return self.world.call(request).selection

    def approve(self, *, approved: bool = True, place: str = PLACE) -> Any:
        """Approve the candidate of a place, or not."""
        request = pb.ApproveCandidateRequest(selection_id=self.id, place=place, approved=approved)
        return self.world.call(request, role="sales_director").report

    def sign(self, place: str = PLACE, **terms: Any) -> Any:
        """Sign the agreement of a place."""
        request = sign_request(self.id, place, **terms)
        return self.world.call(request, role="sales_director").selection

    def acknowledge(self, place: str = PLACE) -> None:
        """Let customer service and the regional manager take note."""
        for step, role in ((11, "customer_service"), (12, "regional_manager")):
            request = process_service_pb2.CompleteStepRequest(
                process_id=self.selection.process_id, step=step, key=place
            )
            self.world.call(request, role=role, service="channels")

    def file(self, place: str = PLACE) -> Any:
        """Confirm the file of a place."""
        request = pb.FileCandidateRequest(selection_id=self.id, place=place)
        return self.world.call(request).selection


def report_request(selection_id: str, place: str, **fields: Any) -> pb.FileEvaluationRequest:
    """Return the request of a whole report; the fixture's cost and contribution."""
    whole: dict[str, Any] = {
        "financial_items": items(),
        "checks": checks(),
        "development_cost": cny(4_500_000),
        "first_year_contribution": cny(2_220_000),
        "recommendation": "Sound.",
    }
    return pb.FileEvaluationRequest(selection_id=selection_id, place=place, **{**whole, **fields})


def sign_request(selection_id: str, place: str, **terms: Any) -> pb.SignCandidateAgreementRequest:
    """Return the request of an agreement."""
    whole: dict[str, Any] = {"target": cny(50_000_000)}
    return pb.SignCandidateAgreementRequest(
        selection_id=selection_id,
        place=place,
        terms=partner_pb2.AgreementTerms(**{**whole, **terms}),
    )


def _desk(world: World) -> Desk:
    return Desk(a_world(world))


def start_selection(world: World) -> Example:
    """Start a selection."""
    a_world(world)
    request = pb.StartSelectionRequest(
        request_id=new_id(), unit_id=ROOT_UNIT, year=2026, places=[a_place()]
    )
    return Example(request, "sales_development")


def file_research(world: World) -> Example:
    """File the research of a new selection."""
    desk = _desk(world)
    request = pb.FileResearchRequest(
        request_id=new_id(), selection_id=desk.id, prospects=desk.found
    )
    return Example(request, "sales_development")


def draw_up_prospect_list(world: World) -> Example:
    """List what was researched."""
    desk = _desk(world).research()
    request = pb.DrawUpProspectListRequest(request_id=new_id(), selection_id=desk.id)
    return Example(request, "sales_development")


def submit_info_form(world: World) -> Example:
    """Submit a form."""
    desk = _desk(world).listing()
    request = pb.SubmitInfoFormRequest(
        request_id=new_id(), selection_id=desk.id, place=PLACE, fields=FIELDS
    )
    return Example(request, "channel_manager")


def check_info_form(world: World) -> Example:
    """Check a form."""
    desk = _desk(world).listing()
    desk.form()
    request = pb.CheckInfoFormRequest(
        request_id=new_id(), selection_id=desk.id, place=PLACE, truthful=True
    )
    return Example(request, "customer_service")


def analyse_ability(world: World) -> Example:
    """Analyse a candidate."""
    desk = _desk(world).listing()
    desk.form()
    desk.check()
    request = pb.AnalyseAbilityRequest(
        request_id=new_id(), selection_id=desk.id, place=PLACE, scores=scores()
    )
    return Example(request, "finance")


def assign_grade(world: World) -> Example:
    """Grade a candidate."""
    desk = _desk(world).listing()
    desk.form()
    desk.check()
    desk.analyse()
    request = pb.AssignGradeRequest(request_id=new_id(), selection_id=desk.id, place=PLACE)
    return Example(request, "finance")


def file_evaluation(world: World) -> Example:
    """File a report."""
    desk = _desk(world).listing()
    desk.form()
    desk.check()
    desk.analyse()
    desk.grade()
    request = report_request(desk.id, PLACE)
    request.request_id = new_id()
    return Example(request, "finance")


def decide_candidate(world: World) -> Example:
    """Accept a candidate."""
    desk = _desk(world).listing()
    desk.evaluated()
    request = pb.DecideCandidateRequest(
        request_id=new_id(), selection_id=desk.id, place=PLACE, accepted=True
    )
    return Example(request, "sales_development")


def find_substitute(world: World) -> Example:
    """Replace a candidate."""
    desk = _desk(world).listing()
    desk.evaluated(POOR)
    desk.decide(accepted=False)
    request = pb.FindSubstituteRequest(
        request_id=new_id(), selection_id=desk.id, place=PLACE, substitute=desk.found[1]
    )
    return Example(request, "sales_development")


def approve_candidate(world: World) -> Example:
    """Approve a candidate."""
    desk = _desk(world).listing()
    desk.evaluated()
    desk.decide()
    request = pb.ApproveCandidateRequest(
        request_id=new_id(), selection_id=desk.id, place=PLACE, approved=True
    )
    return Example(request, "sales_director")


def sign_candidate_agreement(world: World) -> Example:
    """Sign with a candidate."""
    desk = _desk(world).listing()
    desk.evaluated()
    desk.decide()
    desk.approve()
    request = sign_request(desk.id, PLACE)
    request.request_id = new_id()
    return Example(request, "sales_director")


def file_candidate(world: World) -> Example:
    """Confirm the file of a new distributor."""
    desk = _desk(world).listing()
    desk.evaluated()
    desk.decide()
    desk.approve()
    desk.sign()
    desk.acknowledge()
    request = pb.FileCandidateRequest(request_id=new_id(), selection_id=desk.id, place=PLACE)
    return Example(request, "customer_service")
