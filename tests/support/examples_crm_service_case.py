"""Examples of the cases of customers, and the small steps that their tests are arranged with."""

from typing import Any

from google.protobuf.message import Message
from mantle.crm.v1 import service_case_pb2
from mantle.crm.v1 import service_case_service_pb2 as pb

from tests.support import examples_channels as made
from tests.support.examples import Example
from tests.support.examples_channels_returns import a_delivered_order
from tests.support.examples_crm import a_customer
from tests.support.server import World

Case = service_case_pb2.ServiceCase
SERVES = "customer_service"


def case_of(
    customer_id: str, kind: Case.Kind.ValueType = Case.KIND_COMPLAINT, **fields: Any
) -> pb.OpenCaseRequest:
    """Return a request to take a case at the hotline."""
    subject = fields.pop("subject", "the boxes are crushed")
    return pb.OpenCaseRequest(
        customer_id=customer_id, kind=kind, subject=subject, touchpoint_id="hotline", **fields
    )


def call(world: World, request: Message) -> service_case_pb2.ServiceCase:
    """Send a request as customer service, and return the case that it speaks of."""
    reply: Any = world.call(request, role=SERVES)
    found: service_case_pb2.ServiceCase = reply.case
    return found


def a_case(world: World, customer_id: str = "") -> str:
    """Take a case of a customer, a new one when nobody is named."""
    return str(call(world, case_of(customer_id or a_customer(world))).case_id)


def an_assigned_case(world: World, customer_id: str = "") -> str:
    """Take a case and give it to a department."""
    case_id = a_case(world, customer_id)
    call(world, assignment(case_id))
    return case_id


def a_solved_case(world: World, customer_id: str = "") -> str:
    """Take a case as far as its solution."""
    case_id = an_assigned_case(world, customer_id)
    call(world, pb.SolveCaseRequest(case_id=case_id, solution="replaced"))
    return case_id


def assignment(case_id: str) -> pb.AssignCaseRequest:
    """Return a request to give a case to logistics."""
    return pb.AssignCaseRequest(
        case_id=case_id, category="DAMAGED_GOODS", department="storage and transport"
    )


def open_case(world: World) -> Example:
    """Take a complaint."""
    return Example(case_of(a_customer(world)), SERVES)


def assign_case(world: World) -> Example:
    """Classify a complaint."""
    return Example(assignment(a_case(world)), SERVES)


def place_case_order(world: World) -> Example:
    """Order what a caller wants, at a partner."""
    partner_id = made.a_partner(made.a_world(world))
    product_id = made.a_product(world)
    world.settle()
    request = pb.PlaceCaseOrderRequest(
        case_id=a_case(world),
        partner_id=partner_id,
        lines=[pb.CaseLine(product_id=product_id, quantity=2)],
    )
    return Example(request, SERVES)


def request_case_return(world: World) -> Example:
    """Ask for a piece to be taken back that a partner complains of."""
    order = a_delivered_order(world)
    world.start("crm").settle()
    request = pb.RequestCaseReturnRequest(
        case_id=a_case(world, order.partner_id),
        order_id=order.order_id,
        lines=[pb.CaseLine(product_id=order.lines[0].priced.product_id, quantity=1)],
        reason_code="DEFECT",
    )
    return Example(request, SERVES)


def solve_case(world: World) -> Example:
    """Solve a complaint."""
    request = pb.SolveCaseRequest(case_id=an_assigned_case(world), solution="replaced")
    return Example(request, SERVES)


def record_callback(world: World) -> Example:
    """Call a customer back."""
    request = pb.RecordCallbackRequest(case_id=a_solved_case(world), satisfied=True, note="fine")
    return Example(request, SERVES)


def close_case(world: World) -> Example:
    """End a case whose customer cannot be reached."""
    return Example(pb.CloseCaseRequest(case_id=a_solved_case(world)), SERVES)
