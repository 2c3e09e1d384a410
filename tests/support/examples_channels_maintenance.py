"""One example of every write of grades, the yearly maintenance and large customers."""

from itertools import count
from typing import Any

from mantle.channels.v1 import grading_service_pb2 as grading
from mantle.channels.v1 import key_account_service_pb2 as key_accounts
from mantle.channels.v1 import maintenance_service_pb2 as pb
from mantle.channels.v1 import partner_pb2, selection_pb2

from chassis.ids import new_id
from tests.support import partner_world as made
from tests.support.examples import Example
from tests.support.examples_channels import a_partner, a_world, unique
from tests.support.examples_channels_selection import scores
from tests.support.server import ROOT_UNIT, World

CHECKS = ("CREDIT", "ABILITY_TO_PAY", "PRODUCT_FIT")
# A unit has one maintenance and one ranking a year, so each example takes a year of its own.
_years = count(2100)


def a_check(kind: str = "CREDIT", *, passed: bool = True) -> selection_pb2.DossierCheck:
    """Return a check of an end customer's dossier."""
    number = selection_pb2.DossierCheck.Kind.Value(f"KIND_{kind}")
    return selection_pb2.DossierCheck(kind=number, passed=passed)


def a_proposal(world: World, partner_id: str, *points: int) -> Any:
    """Propose a credit change."""
    request = grading.ProposeCreditChangeRequest(
        partner_id=partner_id, scores=scores(points or (88, 88, 88, 88)), reason="A good year."
    )
    return world.call(request).change


def record(world: World, customer_id: str, *kinds: str) -> Any:
    """Record passed checks and return the customer."""
    for kind in kinds:
        request = key_accounts.RecordCustomerCheckRequest(
            customer_id=customer_id, unit_id=ROOT_UNIT, check=a_check(kind)
        )
        account = world.call(request, role="finance").key_account
    return account


def _cycle(world: World) -> str:
    """Begin the maintenance of a year in which one partner has an agreement."""
    year = next(_years)
    made.add_partner(a_world(world), unique("partner"), year=year)
    return str(made.start(world, year=year).maintenance.cycle_id)


def propose_credit_change(world: World) -> Example:
    """Propose another grade."""
    partner_id = a_partner(a_world(world))
    request = grading.ProposeCreditChangeRequest(
        request_id=new_id(), partner_id=partner_id, scores=scores(), reason="A good year."
    )
    return Example(request, "finance")


def review_credit_change(world: World) -> Example:
    """Review a proposal."""
    change = a_proposal(world, a_partner(a_world(world)))
    request = grading.ReviewCreditChangeRequest(
        request_id=new_id(), change_id=change.change_id, passed=True
    )
    return Example(request, "sales_development")


def decide_credit_change(world: World) -> Example:
    """Approve a reviewed change."""
    change = a_proposal(world, a_partner(a_world(world)))
    world.call(
        grading.ReviewCreditChangeRequest(change_id=change.change_id, passed=True),
        role="sales_development",
    )
    request = grading.DecideCreditChangeRequest(
        request_id=new_id(), change_id=change.change_id, approved=True
    )
    return Example(request, "marketing_vp")


def start_maintenance(world: World) -> Example:
    """Start the maintenance of a year."""
    a_world(world)
    request = pb.StartMaintenanceRequest(request_id=new_id(), unit_id=ROOT_UNIT, year=next(_years))
    return Example(request, "sales_director")


def decide_reviews(world: World) -> Example:
    """Accept what the rules propose."""
    request = pb.DecideReviewsRequest(request_id=new_id(), cycle_id=_cycle(world))
    return Example(request, "sales_director")


def approve_reviews(world: World) -> Example:
    """Approve what was decided."""
    cycle_id = _cycle(world)
    made.decide(world, cycle_id)
    request = pb.ApproveReviewsRequest(request_id=new_id(), cycle_id=cycle_id)
    return Example(request, "marketing_vp")


def close_maintenance(world: World) -> Example:
    """Close a maintenance with nothing to do."""
    a_world(world)
    cycle_id = made.start(world, year=next(_years)).maintenance.cycle_id
    request = pb.CloseMaintenanceRequest(request_id=new_id(), cycle_id=cycle_id)
    return Example(request, "sales_director")


def grant_awards(world: World) -> Example:
    """Rank a year in which nobody bought anything."""
    a_world(world)
    request = pb.GrantAwardsRequest(
        request_id=new_id(),
        unit_id=ROOT_UNIT,
        year=next(_years),
        kind=partner_pb2.PARTNER_KIND_FRANCHISEE,
    )
    return Example(request, "sales_director")


def record_customer_check(world: World) -> Example:
    """Record a check of a new customer."""
    a_world(world)
    request = key_accounts.RecordCustomerCheckRequest(
        request_id=new_id(), customer_id=unique("K"), unit_id=ROOT_UNIT, check=a_check()
    )
    return Example(request, "finance")


def approve_customer(world: World) -> Example:
    """Approve a customer with a whole dossier."""
    customer_id = unique("K")
    record(a_world(world), customer_id, *CHECKS)
    request = key_accounts.ApproveCustomerRequest(request_id=new_id(), customer_id=customer_id)
    return Example(request, "sales_director")


def assign_account_managers(world: World) -> Example:
    """Assign managers in a year without revenue."""
    a_world(world)
    request = key_accounts.AssignAccountManagersRequest(
        request_id=new_id(), unit_id=ROOT_UNIT, year=next(_years), managers=["li.wei"]
    )
    return Example(request, "sales_director")
