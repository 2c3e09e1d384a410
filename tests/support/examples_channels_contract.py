"""Examples of contracts and their seals, of filings, visits, findings and diversion cases."""

from typing import Any

from mantle.channels.v1 import (
    contract_pb2,
    diversion_pb2,
    group_filing_pb2,
    inspection_pb2,
    order_pb2,
)
from mantle.channels.v1 import contract_service_pb2 as contracts
from mantle.channels.v1 import diversion_service_pb2 as diversion
from mantle.channels.v1 import group_filing_service_pb2 as filings
from mantle.channels.v1 import inspection_service_pb2 as inspections
from mantle.channels.v1 import shipment_service_pb2 as shipments
from mantle.type.v1 import money_pb2

from chassis.ids import new_id
from tests.support import examples_channels as made
from tests.support import examples_channels_fulfilment as goods
from tests.support.examples import Example
from tests.support.examples_planning import a_unit
from tests.support.server import ROOT_UNIT, World

SHA = "0f" * 32
DAYS = {"start_date": "2026-03-02", "end_date": "2026-12-31"}
Contract = contract_pb2.Contract
CHECKLIST = {"price": 26, "display": 21, "stock": 22, "service": 17}


def line(product_id: str, quantity: int, amount: str) -> contracts.NewContractLine:
    """Return a line of a contract."""
    price = money_pb2.UnitPrice(currency_code="CNY", amount=amount)
    return contracts.NewContractLine(product_id=product_id, quantity=quantity, unit_price=price)


def a_contract(
    world: World,
    partner_id: str,
    *lines: contracts.NewContractLine,
    kind: "Contract.Kind.ValueType" = Contract.KIND_SALES,
    **fields: Any,
) -> contract_pb2.Contract:
    """Propose a contract."""
    request = contracts.CreateContractRequest(
        kind=kind, partner_id=partner_id, title="Uniforms", lines=lines, **(DAYS | fields)
    )
    found: contract_pb2.Contract = world.call(request, role="sales_administration").contract
    return found


def attach(world: World, contract_id: str) -> contract_pb2.Contract:
    """Add a document."""
    request = contracts.AddContractAttachmentRequest(
        contract_id=contract_id, name="scan", reference="archive/7.pdf", sha256=SHA
    )
    found: contract_pb2.Contract = world.call(request, role="sales_administration").contract
    return found


def review(world: World, contract_id: str, *, passed: bool = True) -> contract_pb2.Contract:
    """Review a contract."""
    request = contracts.ReviewContractRequest(
        contract_id=contract_id, passed=passed, opinion="looked at it"
    )
    found: contract_pb2.Contract = world.call(request, role="group_uniform").contract
    return found


def request_seal(world: World, contract_id: str) -> contract_pb2.SealUse:
    """Ask for a seal."""
    request = contracts.RequestSealUseRequest(
        contract_id=contract_id, seal="contract seal", purpose="signature"
    )
    found: contract_pb2.SealUse = world.call(request, role="sales_administration").seal_use
    return found


def approve_seal(world: World, seal_use_id: str) -> contract_pb2.SealUse:
    """Allow the use of a seal."""
    request = contracts.ApproveSealUseRequest(seal_use_id=seal_use_id)
    found: contract_pb2.SealUse = world.call(request, role="sales_director").seal_use
    return found


def sign(world: World, contract_id: str) -> contract_pb2.Contract:
    """Sign a contract."""
    request = contracts.SignContractRequest(contract_id=contract_id)
    found: contract_pb2.Contract = world.call(request, role="sales_director").contract
    return found


def signed(world: World, contract_id: str) -> contract_pb2.Contract:
    """Take the terms of a contract from the proposal to the signature."""
    attach(world, contract_id)
    review(world, contract_id)
    approve_seal(world, request_seal(world, contract_id).seal_use_id)
    return sign(world, contract_id)


def file_of(client_id: str, *, unit_id: str = ROOT_UNIT) -> filings.FileClientRequest:
    """Return a filing of a client."""
    return filings.FileClientRequest(
        request_id=new_id(), unit_id=unit_id, client_id=client_id, project="500 uniforms"
    )


def a_filing(world: World, client_id: str) -> group_filing_pb2.GroupFiling:
    """File a client."""
    found: group_filing_pb2.GroupFiling = world.call(
        file_of(client_id), role="channel_manager"
    ).filing
    return found


def a_confirmed_filing(world: World, client_id: str) -> group_filing_pb2.GroupFiling:
    """File a client and confirm it."""
    filing_id = a_filing(world, client_id).filing_id
    found: group_filing_pb2.GroupFiling = world.call(
        filings.ConfirmFilingRequest(filing_id=filing_id), role="group_uniform"
    ).filing
    return found


def measure_of(filing_id: str, planned: int, **sizes: int) -> filings.RecordMeasuringRequest:
    """Return what was measured."""
    counts = [
        group_filing_pb2.SizeCount(size=size, people=people) for size, people in sizes.items()
    ]
    return filings.RecordMeasuringRequest(filing_id=filing_id, planned=planned, sizes=counts)


def a_plan(
    world: World,
    partner_id: str,
    visits: int,
    *,
    kind: "inspection_pb2.VisitPlan.Kind.ValueType" = inspection_pb2.VisitPlan.KIND_INSPECTION,
    unit_id: str = ROOT_UNIT,
) -> Any:
    """Plan visits to a partner."""
    planned = [
        inspections.NewVisit(partner_id=partner_id, visitor="ada", visit_date="2026-03-02")
    ] * visits
    request = inspections.CreateVisitPlanRequest(
        unit_id=unit_id, kind=kind, title="first quarter", visits=planned, **DAYS
    )
    return world.call(request, role="supervision", unit_id=unit_id)


def report_of(
    visit_id: str, product_id: str, points: dict[str, int] | None = None
) -> inspections.RecordVisitRequest:
    """Return the report of an inspection, or of a visit without points."""
    scores = CHECKLIST if points is None else points
    return inspections.RecordVisitRequest(
        request_id=new_id(),
        visit_id=visit_id,
        visit_date="2026-03-02",
        stock_counts=[inspection_pb2.ProductCount(product_id=product_id, quantity=40)],
        display="two shelves",
        orders=[inspection_pb2.ProductCount(product_id=product_id, quantity=10)],
        competitor_note="a rival gives 5 %",
        scores=[inspection_pb2.ChecklistScore(name=name, points=n) for name, n in scores.items()],
    )


def a_visit(world: World, product_id: str, partner_id: str, *, unit_id: str = ROOT_UNIT) -> str:
    """Make an inspection."""
    visit_id: str = a_plan(world, partner_id, 1, unit_id=unit_id).visits[0].visit_id
    world.call(report_of(visit_id, product_id), role="supervision", unit_id=unit_id)
    return visit_id


def a_finding(
    world: World, visit_id: str, *, batch: str = "", unit_id: str = ROOT_UNIT
) -> inspection_pb2.Finding:
    """Write down that something is wrong."""
    request = inspections.RaiseFindingRequest(
        visit_id=visit_id, description="goods of elsewhere", batch=batch
    )
    found: inspection_pb2.Finding = world.call(request, role="supervision", unit_id=unit_id).finding
    return found


def correct(world: World, finding_id: str) -> inspection_pb2.Finding:
    """Say that something is right now."""
    request = inspections.RecordCorrectionRequest(finding_id=finding_id, correction="taken away")
    found: inspection_pb2.Finding = world.call(request, role="channel_manager").finding
    return found


def send_batch(world: World, order: order_pb2.Order, quantity: int, batch: str) -> None:
    """Send pieces of a batch for an order."""
    shipment = world.call(goods.pick_of(order, quantity, batch=batch), role="logistics").shipment
    request = shipments.DispatchShipmentRequest(shipment_id=shipment.shipment_id)
    world.call(request, role="logistics")


def scan_of(
    batch: str, product_id: str, found_unit_id: str, quantity: int = 200, **fields: str
) -> diversion.ScanBatchRequest:
    """Return the scan of a batch."""
    return diversion.ScanBatchRequest(
        request_id=new_id(),
        batch=batch,
        product_id=product_id,
        quantity=quantity,
        found_unit_id=found_unit_id,
        evidence="photo 7",
        **fields,
    )


def a_case(world: World) -> diversion_pb2.DiversionCase:
    """Find goods of a unit below the root in the root."""
    found: diversion_pb2.DiversionCase = world.call(
        scan_batch(world).request, role="supervision"
    ).diversion_case
    return found


def _a_draft(world: World) -> contract_pb2.Contract:
    partner_id = made.a_partner(made.a_world(world))
    return a_contract(world, partner_id, line(made.a_product(world), 10, "10.00"))


def _a_reviewed(world: World) -> contract_pb2.Contract:
    found = _a_draft(world)
    attach(world, found.contract_id)
    return review(world, found.contract_id)


def _a_signed(world: World) -> contract_pb2.Contract:
    return signed(world, _a_draft(world).contract_id)


def _a_performing(world: World) -> contract_pb2.Contract:
    request = add_contract_order(world).request
    found: contract_pb2.Contract = world.call(request, role="sales_administration").contract
    return found


def _a_done_visit(world: World) -> str:
    partner_id = made.a_partner(made.a_world(world))
    return a_visit(world, made.a_product(world), partner_id)


def publish_contract_template(world: World) -> Example:
    """Publish the first template of a product."""
    product_id = made.a_product(made.a_world(world))
    request = contracts.PublishContractTemplateRequest(
        request_id=new_id(), product_id=product_id, reference="templates/1.docx", sha256=SHA
    )
    return Example(request, "product_manager")


def create_contract(world: World) -> Example:
    """Propose a contract."""
    partner_id = made.a_partner(made.a_world(world))
    request = contracts.CreateContractRequest(
        request_id=new_id(),
        kind=Contract.KIND_SALES,
        partner_id=partner_id,
        title="Ten pieces",
        lines=[line(made.a_product(world), 10, "10.00")],
        **DAYS,
    )
    return Example(request, "sales_director")


def add_contract_attachment(world: World) -> Example:
    """Add a document to a draft."""
    request = contracts.AddContractAttachmentRequest(
        request_id=new_id(),
        contract_id=_a_draft(world).contract_id,
        name="scan",
        reference="archive/8.pdf",
        sha256=SHA,
    )
    return Example(request, "finance")


def review_contract(world: World) -> Example:
    """Pass a draft."""
    request = contracts.ReviewContractRequest(
        request_id=new_id(), contract_id=_a_draft(world).contract_id, passed=True, opinion="good"
    )
    return Example(request, "group_uniform")


def request_seal_use(world: World) -> Example:
    """Ask for a seal on a reviewed contract."""
    request = contracts.RequestSealUseRequest(
        request_id=new_id(),
        contract_id=_a_reviewed(world).contract_id,
        seal="contract seal",
        purpose="signature",
    )
    return Example(request, "sales_administration")


def approve_seal_use(world: World) -> Example:
    """Allow the use of a seal."""
    use = request_seal(world, _a_reviewed(world).contract_id)
    request = contracts.ApproveSealUseRequest(request_id=new_id(), seal_use_id=use.seal_use_id)
    return Example(request, "sales_director")


def sign_contract(world: World) -> Example:
    """Sign a contract with an allowed seal."""
    found = _a_reviewed(world)
    approve_seal(world, request_seal(world, found.contract_id).seal_use_id)
    request = contracts.SignContractRequest(request_id=new_id(), contract_id=found.contract_id)
    return Example(request, "sales_director")


def add_contract_order(world: World) -> Example:
    """Put an order under a signed contract."""
    found = _a_signed(world)
    world.settle()
    order = world.call(
        made.order_of(found.partner_id, found.terms.lines[0].product_id, 10),
        role="sales_administration",
    ).order
    request = contracts.AddContractOrderRequest(
        request_id=new_id(), contract_id=found.contract_id, order_id=order.order_id
    )
    return Example(request, "sales_administration")


def change_contract(world: World) -> Example:
    """Change a signed contract."""
    found = _a_signed(world)
    request = contracts.ChangeContractRequest(
        request_id=new_id(),
        contract_id=found.contract_id,
        lines=[line(found.terms.lines[0].product_id, 20, "10.00")],
        reason="twice as many",
        **DAYS,
    )
    return Example(request, "sales_administration")


def complete_contract(world: World) -> Example:
    """Complete a contract with an order."""
    found = _a_performing(world)
    request = contracts.CompleteContractRequest(request_id=new_id(), contract_id=found.contract_id)
    return Example(request, "finance")


def terminate_contract(world: World) -> Example:
    """Give a draft up."""
    found = _a_draft(world)
    request = contracts.TerminateContractRequest(
        request_id=new_id(), contract_id=found.contract_id, reason="no money"
    )
    return Example(request, "sales_director")


def file_client(world: World) -> Example:
    """File a new client."""
    made.a_world(world)
    return Example(file_of(made.unique("client")), "channel_manager")


def confirm_filing(world: World) -> Example:
    """Confirm a filing."""
    filing = a_filing(made.a_world(world), made.unique("client"))
    request = filings.ConfirmFilingRequest(request_id=new_id(), filing_id=filing.filing_id)
    return Example(request, "group_uniform")


def record_measuring(world: World) -> Example:
    """Measure some people."""
    filing = a_confirmed_filing(made.a_world(world), made.unique("client"))
    request = measure_of(filing.filing_id, 500, M=480)
    request.request_id = new_id()
    return Example(request, "group_uniform")


def waive_measuring(world: World) -> Example:
    """Let production begin without the rest."""
    filing = a_confirmed_filing(made.a_world(world), made.unique("client"))
    world.call(measure_of(filing.filing_id, 500, M=480), role="group_uniform")
    request = filings.WaiveMeasuringRequest(
        request_id=new_id(), filing_id=filing.filing_id, reason="on leave", reference="letter 3"
    )
    return Example(request, "sales_director")


def create_visit_plan(world: World) -> Example:
    """Plan a visit."""
    partner_id = made.a_partner(made.a_world(world))
    visit = inspections.NewVisit(partner_id=partner_id, visitor="ada", visit_date="2026-03-03")
    request = inspections.CreateVisitPlanRequest(
        request_id=new_id(),
        unit_id=ROOT_UNIT,
        kind=inspection_pb2.VisitPlan.KIND_PARTNER,
        title="March",
        visits=[visit],
        **DAYS,
    )
    return Example(request, "supervision")


def record_visit(world: World) -> Example:
    """Report an inspection."""
    partner_id = made.a_partner(made.a_world(world))
    [visit] = a_plan(world, partner_id, 1).visits
    return Example(report_of(visit.visit_id, made.a_product(world)), "supervision")


def miss_visit(world: World) -> Example:
    """Give a visit up."""
    partner_id = made.a_partner(made.a_world(world))
    [visit] = a_plan(world, partner_id, 1).visits
    request = inspections.MissVisitRequest(
        request_id=new_id(), visit_id=visit.visit_id, reason="closed"
    )
    return Example(request, "supervision")


def raise_finding(world: World) -> Example:
    """Write down what is wrong."""
    request = inspections.RaiseFindingRequest(
        request_id=new_id(), visit_id=_a_done_visit(world), description="empty shelf"
    )
    return Example(request, "supervision")


def record_correction(world: World) -> Example:
    """Put something right."""
    finding = a_finding(world, _a_done_visit(world))
    request = inspections.RecordCorrectionRequest(
        request_id=new_id(), finding_id=finding.finding_id, correction="filled"
    )
    return Example(request, "channel_manager")


def recheck_finding(world: World) -> Example:
    """Look whether it is right."""
    finding = a_finding(world, _a_done_visit(world))
    correct(world, finding.finding_id)
    request = inspections.RecheckFindingRequest(
        request_id=new_id(), finding_id=finding.finding_id, passed=True, note="full"
    )
    return Example(request, "supervision")


def scan_batch(world: World) -> Example:
    """Find goods in the root that were sent to a unit below it."""
    made.a_world(world)
    unit_id = a_unit(world)
    world.settle()
    partner_id = made.a_partner(world, unit_id=unit_id)
    product_id = made.a_product(world, stock_kept=True)
    goods.receive(world, product_id, 300)
    world.settle()
    request = made.order_of(partner_id, product_id, 300)
    order = world.call(request, role="sales_administration").order
    batch = made.unique("batch")
    send_batch(world, order, 300, batch)
    return Example(scan_of(batch, product_id, ROOT_UNIT), "supervision")


def confirm_diversion(world: World) -> Example:
    """Confirm a case."""
    request = diversion.ConfirmDiversionRequest(
        request_id=new_id(), case_id=a_case(world).case_id, decision="the code says so"
    )
    return Example(request, "sales_director")


def dismiss_diversion(world: World) -> Example:
    """Dismiss a case."""
    request = diversion.DismissDiversionRequest(
        request_id=new_id(), case_id=a_case(world).case_id, decision="a gift"
    )
    return Example(request, "sales_director")
