"""One example of every write of settlement on parts of commission, awards and revenue share."""

from itertools import count

from mantle.settlement.v1 import award_pb2, revenue_share_pb2
from mantle.settlement.v1 import award_service_pb2 as awards
from mantle.settlement.v1 import commission_service_pb2 as commission
from mantle.settlement.v1 import revenue_share_service_pb2 as shares
from mantle.settlement.v1.commission_pb2 import CommissionShare

from chassis.ids import new_id
from tests.support.examples import Example
from tests.support.examples_channels import a_partner, a_product, a_world, cny, order_of, unique
from tests.support.server import ROOT_UNIT, World

MONTH = "2026-02"
_months = count()


def settle_commission(world: World) -> Example:
    """State the commission of last month; nobody earned any."""
    a_world(world)
    return Example(commission.SettleCommissionRequest(request_id=new_id(), month=MONTH), "finance")


def split_commission(world: World) -> Example:
    """Share what a partner earned with an offer."""
    a_world(world)
    first, second = a_partner(world), a_partner(world)
    product_id = a_product(world)
    world.settle()
    request = order_of(first, product_id, offer_id=new_id())
    order_id = world.call(request, role="sales_administration").order.order_id
    world.settle()
    wanted = commission.ListCommissionEntriesRequest(order_id=order_id)
    [entry] = world.call(wanted, role="finance").entries
    parts = [CommissionShare(partner_id=one, weight=1) for one in (first, second)]
    return Example(
        commission.SplitCommissionRequest(
            request_id=new_id(), entry_id=entry.entry_id, shares=parts
        ),
        "finance",
    )


def propose_award(world: World) -> Example:
    """Propose an award of a person."""
    a_world(world)
    request = awards.ProposeAwardRequest(
        request_id=new_id(),
        kind=award_pb2.Award.KIND_AWARD,
        beneficiary_kind=award_pb2.BENEFICIARY_KIND_PERSON,
        beneficiary_id=unique("person"),
        unit_id=ROOT_UNIT,
        amount=cny(50_000),
        reason="best of the month",
        award_date="2026-03-02",
    )
    return Example(request, "sales_director")


def approve_award(world: World) -> Example:
    """Approve it as another person."""
    award = world.call(propose_award(world).request, role="sales_director").award
    return Example(
        awards.ApproveAwardRequest(request_id=new_id(), award_id=award.award_id), "marketing_vp"
    )


def book_award(world: World) -> Example:
    """Book it."""
    award = world.call(approve_award(world).request, role="marketing_vp").award
    return Example(awards.BookAwardRequest(request_id=new_id(), award_id=award.award_id), "finance")


def create_ranking(world: World) -> Example:
    """Rank two people in a month that is not ranked yet."""
    a_world(world)
    number = next(_months)
    scores = [awards.PersonScore(person_id=f"p{place}", score="80.5") for place in range(2)]
    request = awards.CreateRankingRequest(
        request_id=new_id(),
        unit_id=ROOT_UNIT,
        month=f"{2021 + number // 12}-{number % 12 + 1:02}",
        scores=scores,
    )
    return Example(request, "sales_director")


def draft_share_scheme(world: World) -> Example:
    """Draft a scheme."""
    a_world(world)
    request = shares.DraftShareSchemeRequest(
        request_id=new_id(),
        unit_id=ROOT_UNIT,
        title="Extension services",
        steering_group=["li.wei", "zhang.min"],
        currency_code="CNY",
    )
    return Example(request, "planning")


def discuss_share_scheme(world: World) -> Example:
    """Agree on it."""
    scheme = world.call(draft_share_scheme(world).request, role="planning").scheme
    return Example(_discussed(scheme.scheme_id, agreed=True), "office_meeting")


def revise_share_scheme(world: World) -> Example:
    """Revise one that was sent back."""
    scheme = world.call(draft_share_scheme(world).request, role="planning").scheme
    world.call(_discussed(scheme.scheme_id, agreed=False), role="office_meeting")
    request = shares.ReviseShareSchemeRequest(
        request_id=new_id(),
        scheme_id=scheme.scheme_id,
        title="Extension services, revised",
        steering_group=["li.wei"],
    )
    return Example(request, "planning")


def start_share_trial(world: World) -> Example:
    """Begin the trial of an agreed scheme."""
    scheme = world.call(discuss_share_scheme(world).request, role="office_meeting").scheme
    return Example(
        shares.StartShareTrialRequest(request_id=new_id(), scheme_id=scheme.scheme_id),
        "decision_layer",
    )


def review_share_trial(world: World) -> Example:
    """Put a scheme on trial into effect."""
    request = shares.ReviewShareTrialRequest(
        request_id=new_id(), scheme_id=_on_trial(world), effective=True
    )
    return Example(request, "decision_layer")


def admit_participant(world: World) -> Example:
    """Admit a participant who reaches the standard."""
    scheme = world.call(draft_share_scheme(world).request, role="planning").scheme
    return Example(_admission(scheme.scheme_id), "finance")


def calculate_distribution(world: World) -> Example:
    """Share the net income of a month."""
    scheme_id = _on_trial(world)
    world.call(_admission(scheme_id), role="finance")
    request = shares.CalculateDistributionRequest(
        request_id=new_id(),
        scheme_id=scheme_id,
        month=MONTH,
        income=cny(160_000),
        cost=cny(60_000),
        scores=[revenue_share_pb2.ServiceScore(participant_id="s1", score="90")],
    )
    return Example(request, "finance")


def approve_distribution(world: World) -> Example:
    """Approve it as another person."""
    made = world.call(calculate_distribution(world).request, role="finance").distribution
    request = shares.ApproveDistributionRequest(
        request_id=new_id(), distribution_id=made.distribution_id
    )
    return Example(request, "marketing_vp")


def reject_distribution(world: World) -> Example:
    """Reject it."""
    made = world.call(calculate_distribution(world).request, role="finance").distribution
    request = shares.RejectDistributionRequest(
        request_id=new_id(), distribution_id=made.distribution_id, reason="a wrong income"
    )
    return Example(request, "marketing_vp")


def pay_distribution(world: World) -> Example:
    """Pay it out."""
    made = world.call(approve_distribution(world).request, role="marketing_vp").distribution
    request = shares.PayDistributionRequest(
        request_id=new_id(), distribution_id=made.distribution_id
    )
    return Example(request, "finance")


def _on_trial(world: World) -> str:
    scheme = world.call(start_share_trial(world).request, role="decision_layer").scheme
    return str(scheme.scheme_id)


def _discussed(scheme_id: str, *, agreed: bool) -> shares.DiscussShareSchemeRequest:
    return shares.DiscussShareSchemeRequest(
        request_id=new_id(), scheme_id=scheme_id, agreed=agreed, comment="as discussed"
    )


def _admission(scheme_id: str) -> shares.AdmitParticipantRequest:
    return shares.AdmitParticipantRequest(
        request_id=new_id(),
        scheme_id=scheme_id,
        participant_id="c1",
        score="100",
        capital=cny(60_000_000),
        effective_date="2026-01-01",
    )
