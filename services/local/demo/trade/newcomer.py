"""T6: a new distributor. The applicant is not good enough, a substitute comes in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from mantle.channels.v1 import grading_pb2, partner_pb2, selection_pb2
from mantle.channels.v1 import selection_service_pb2 as rpc
from mantle.crm.v1 import partner_file_pb2
from mantle.crm.v1 import partner_file_service_pb2 as file_rpc
from mantle.process.v1 import process_service_pb2
from mantle.settlement.v1 import credit_service_pb2 as credit_rpc

from local.demo.narrator import cny, money_text
from local.demo.scene import Scene
from local.demo.trade.ground import UNIT, Year

PLACE: Final = "east-1"
AREA: Final = "E1"
CRITERIA: Final = ("outlet_network", "finances", "channel_capability", "people")
# 58.0 and 73.0 points by the weights 30, 40, 20, 10.
POOR: Final = (60, 55, 60, 60)
GOOD: Final = (80, 70, 60, 90)
SECTIONS: Final = {
    "basic": "name address legal_person founded registered_capital bank tax_number contact",
    "product": "main_lines competing_lines own_brands price_level",
    "sales": "last_year year_before outlets staff terms_given",
    "channel": "areas terminals hospitals pharmacies vehicles",
    "stock": "warehouse_area turnover_days cold_chain system",
    "licences": "business_licence trade_permit quality_certificate tax_registration",
}
CHECKS: Final = (
    selection_pb2.DossierCheck.KIND_CREDIT,
    selection_pb2.DossierCheck.KIND_LOCATION,
    selection_pb2.DossierCheck.KIND_SALES_ABILITY,
)
TARGET_MINOR: Final = 50_000_000
NOT_FILED: Final = frozenset({"CUSTOMER_FILE_NOT_FOUND", "CREDIT_ACCOUNT_NOT_FOUND"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Act on a selection with one place."""

    scene: Scene
    selection: selection_pb2.Selection

    def ask(self, request: Message, role: str) -> Any:
        """Send a request about the selection, and about its place where it has one."""
        request.selection_id = self.selection.selection_id  # type: ignore[attr-defined]
        if "place" in request.DESCRIPTOR.fields_by_name:
            request.place = PLACE  # type: ignore[attr-defined]
        return self.scene.desk.person(role).ask(request)

    def evaluate(self, points: Sequence[int]) -> selection_pb2.EvaluationReport:
        """Visit the candidate of the place, check, analyse, grade, and file the report."""
        answers = {
            f"{part}.{name}": "as visited"
            for part, names in SECTIONS.items()
            for name in names.split()
        }
        self.ask(rpc.SubmitInfoFormRequest(fields=answers), "channel_manager")
        self.ask(rpc.CheckInfoFormRequest(truthful=True), "customer_service")
        scores = [
            grading_pb2.CriterionScore(criterion=name, points=str(value), source=f"form:{name}")
            for name, value in zip(CRITERIA, points, strict=True)
        ]
        self.ask(rpc.AnalyseAbilityRequest(scores=scores), "finance")
        self.ask(rpc.AssignGradeRequest(), "finance")
        report = rpc.FileEvaluationRequest(
            financial_items=[
                selection_pb2.FinancialItem(
                    name="net_assets", value="1,200,000", source="form:basic"
                )
            ],
            checks=[selection_pb2.DossierCheck(kind=kind, passed=True) for kind in CHECKS],
            development_cost=cny(4_500_000),
            first_year_contribution=cny(2_220_000),
            recommendation="see the points",
        )
        found: selection_pb2.EvaluationReport = self.ask(report, "finance").report
        return found

    def note(self) -> None:
        """Let customer service and the regional manager take note."""
        for step, role in ((11, "customer_service"), (12, "regional_manager")):
            request = process_service_pb2.CompleteStepRequest(
                process_id=self.selection.process_id, step=step, key=PLACE
            )
            self.scene.desk.person(role).ask(request, service="channels")


def play(scene: Scene, year: Year) -> None:
    """Play the fourteen steps, with one candidate refused and replaced."""
    narrator = scene.narrator
    narrator.chapter("A new distributor")
    chosen = _listed(scene, year)
    first = chosen.evaluate(POOR)
    refusal = rpc.DecideCandidateRequest(accepted=False, reason="below the lowest grade")
    chosen.ask(refusal, "sales_development")
    narrator.tell(
        f"{year.applicant}: {first.rating.points} points, refused", "below the lowest grade"
    )
    found = chosen.ask(
        rpc.FindSubstituteRequest(substitute=_prospect(year.substitute)), "sales_development"
    )
    narrator.tell(
        f"Substitute {year.substitute}", f"loop {found.selection.loops}; steps 3 to 8 again"
    )
    second = chosen.evaluate(GOOD)
    chosen.ask(rpc.DecideCandidateRequest(accepted=True, reason="sound"), "sales_development")
    chosen.ask(rpc.ApproveCandidateRequest(approved=True), "sales_director")
    chosen.note()
    terms = partner_pb2.AgreementTerms(target=cny(TARGET_MINOR))
    chosen.ask(rpc.SignCandidateAgreementRequest(terms=terms), "sales_director")
    filed = chosen.ask(rpc.FileCandidateRequest(), "customer_service").selection
    grade = partner_pb2.CreditGrade.Name(second.rating.credit_grade).removeprefix("CREDIT_GRADE_")
    narrator.tell(
        f"{year.substitute}: {second.rating.points} points, grade {grade}, approved and signed",
        f"selection {selection_pb2.Selection.State.Name(filed.state).removeprefix('STATE_')}",
    )
    _print_files(scene, year.substitute)


def _listed(scene: Scene, year: Year) -> Selection:
    developer = scene.desk.person("sales_development")
    place = selection_pb2.PlanPlace(place=PLACE, area=AREA, office_unit_id=UNIT)
    start = rpc.StartSelectionRequest(unit_id=UNIT, year=year.year, places=[place])
    chosen = Selection(scene, developer.ask(start).selection)
    prospects = [_prospect(one) for one in (year.applicant, year.substitute)]
    chosen.ask(rpc.FileResearchRequest(prospects=prospects), "sales_development")
    chosen.ask(rpc.DrawUpProspectListRequest(), "sales_development")
    scene.narrator.tell("Researched, listed: two companies for one place of the plan")
    return chosen


def _prospect(partner_id: str) -> selection_pb2.Prospect:
    return selection_pb2.Prospect(
        partner_id=partner_id,
        name=f"Distributor {partner_id}",
        kind=partner_pb2.PARTNER_KIND_DISTRIBUTOR,
        area=AREA,
        willing=True,
    )


def _print_files(scene: Scene, partner_id: str) -> None:
    """Show what others made of it: the credit account and the customer file."""
    asked = credit_rpc.GetCreditAccountRequest(partner_id=partner_id)
    account = scene.desk.person("finance").ask_when_told(asked, reasons=NOT_FILED).account
    request = file_rpc.GetCustomerFileRequest(customer_id=partner_id)
    found = scene.desk.person("customer_service").ask_when_told(request, reasons=NOT_FILED).file
    state = partner_file_pb2.CustomerFile.State.Name(found.state).removeprefix("STATE_")
    scene.narrator.tell(
        f"Credit {money_text(account.limit)} for {account.credit_days} days, customer file {state}",
        f"{len(found.report_ids)} evaluation report in it",
    )
