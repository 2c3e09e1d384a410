"""The small company that the trials work with, made through the public API alone.

One partner has a limit that a few orders fill, one product a stock that soon runs short, so that
refusals and holds are as frequent as successes.
"""

from dataclasses import dataclass, field

from mantle.crm.v1 import customer_service_pb2 as customers
from mantle.planning.v1 import campaign_service_pb2 as campaigns

from chassis.ids import new_id
from tests.faults.stage import Stage
from tests.support import expense_desk
from tests.support.examples_channels import a_partner, a_product
from tests.support.examples_planning import (
    TEAM,
    a_line,
    a_plan,
    a_signed_campaign,
    an_offer,
)
from tests.support.server import ROOT_UNIT, Refused
from tests.support.waiting import until

WIDE_MINOR = 20_000_000
TIGHT_MINOR = 40_000
BUDGET_MINOR = 100_000
# One line for all that is wanted, and one that a few expenses use up.
EXPENSES_MINOR = (1_000_000_000, 4_000_000)
IMPORT_MAX = 500

# Of whom no client orders, so that what waits behind its poisoned fact is known.
POISONED = "POISONED"
KIT, CARD, TARIFF = "KIT", "CARD-1", "TARIFF"


@dataclass(slots=True)
class Company:
    """Name what there is: the campaign, the budget lines of expenses, the partners with their
    limits."""

    campaign_id: str
    expense_lines: tuple[str, ...]
    partners: dict[str, int] = field(
        default_factory=lambda: {
            "WIDE-1": WIDE_MINOR,
            "WIDE-2": WIDE_MINOR,
            "TIGHT": TIGHT_MINOR,
            POISONED: WIDE_MINOR,
        }
    )


def found(stage: Stage) -> Company:
    """Make the company and wait until every service knows of it."""
    known = "SELECT 1 FROM org_unit_copy WHERE unit_id = %(id)s"
    for service in ("channels", "settlement", "crm"):
        until(lambda s=service: bool(stage.rows(s, known, id=ROOT_UNIT)), f"{service} to know hq")
    for product_id, kept in ((KIT, True), (CARD, False), (TARIFF, False)):
        a_product(stage, product_id, stock_kept=kept)
    lines = tuple(expense_desk.a_line(stage, minor) for minor in EXPENSES_MINOR)
    company = Company(_campaign(stage), lines)
    for partner_id, limit_minor in company.partners.items():
        a_partner(stage, partner_id, limit_minor=limit_minor)
    stage.settle()
    return company


def import_customers(stage: Stage, customer_ids: list[str]) -> None:
    """Import customers who allow everything that is asked of them."""
    for begin in range(0, len(customer_ids), IMPORT_MAX):
        rows = [
            customers.CustomerRow(row_number=number, customer_id=one, display_name="Li Wei")
            for number, one in enumerate(customer_ids[begin : begin + IMPORT_MAX], 1)
        ]
        request = customers.ImportCustomersRequest(import_id=new_id(), unit_id=ROOT_UNIT, rows=rows)
        reply = stage.call(request, role="customer_service")
        assert not reply.errors, reply.errors


def _campaign(stage: Stage) -> str:
    """Take a campaign live that offers the tariff to everybody."""
    line_id = a_line(stage, 2 * BUDGET_MINOR)
    campaign_id = ""

    def is_planned() -> bool:
        nonlocal campaign_id
        plan = a_plan(stage, offers=[an_offer(TARIFF)], budget_minor=BUDGET_MINOR)
        try:
            campaign_id = a_signed_campaign(stage, plan, line_id=line_id)
        except Refused as refused:
            if refused.reason != "PRODUCT_UNKNOWN":
                raise
        return bool(campaign_id)

    until(is_planned, "planning to know the product", within_s=20)
    agree = campaigns.ApproveCampaignRequest.DECISION_AGREE
    stage.call(
        campaigns.ApproveCampaignRequest(campaign_id=campaign_id, decision=agree),
        role="office_meeting",
    )
    stage.call(campaigns.StartCampaignRequest(campaign_id=campaign_id), role=TEAM)
    live = "SELECT 1 FROM campaign_copy WHERE campaign_id = %(id)s AND state = 'LIVE'"
    until(lambda: bool(stage.rows("crm", live, id=campaign_id)), "crm to know the campaign")
    return campaign_id
