"""Revenue share through the real server: from the draft of a scheme to the participants' cents."""

import threading
from datetime import timedelta

import pytest
from mantle.settlement.v1 import events_pb2, ledger_service_pb2, revenue_share_pb2
from mantle.settlement.v1 import revenue_share_service_pb2 as pb
from mantle.settlement.v1.revenue_share_pb2 import ShareDistribution, ShareScheme

from chassis.ids import new_id
from tests.support.facts_settlement import cny, events_of, open_units
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused, World

FOUNDERS = (("c1", 60_000_000), ("c2", 30_000_000), ("c3", 10_000_000))


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/")
    return world


def drafted(world: World) -> ShareScheme:
    request = pb.DraftShareSchemeRequest(
        unit_id=ROOT_UNIT,
        title="Extension services",
        steering_group=["li.wei"],
        currency_code="CNY",
    )
    scheme: ShareScheme = world.call(request, role="planning").scheme
    return scheme


def discuss(world: World, scheme_id: str, *, agreed: bool = True) -> ShareScheme:
    request = pb.DiscussShareSchemeRequest(scheme_id=scheme_id, agreed=agreed)
    scheme: ShareScheme = world.call(request, role="office_meeting").scheme
    return scheme


def on_trial(world: World) -> str:
    """Bring a scheme with its founders to the trial."""
    scheme_id = drafted(world).scheme_id
    discuss(world, scheme_id)
    world.call(pb.StartShareTrialRequest(scheme_id=scheme_id), role="decision_layer")
    for participant_id, capital_minor in FOUNDERS:
        admit(world, scheme_id, participant_id, capital_minor)
    return scheme_id


def admit(
    world: World,
    scheme_id: str,
    participant_id: str,
    capital_minor: int,
    *,
    score: str = "100",
    day: str = "2026-01-01",
) -> revenue_share_pb2.CapitalTable:
    request = pb.AdmitParticipantRequest(
        scheme_id=scheme_id,
        participant_id=participant_id,
        score=score,
        capital=cny(capital_minor),
        effective_date=day,
    )
    table: revenue_share_pb2.CapitalTable = world.call(request, role="finance").capital_table
    return table


def calculate(
    world: World, scheme_id: str, income_minor: int, cost_minor: int, *, month: str = "2026-02"
) -> ShareDistribution:
    scores = (("s1", "90"), ("s2", "80"), ("s3", "70"))
    request = pb.CalculateDistributionRequest(
        scheme_id=scheme_id,
        month=month,
        income=cny(income_minor),
        cost=cny(cost_minor),
        scores=[
            revenue_share_pb2.ServiceScore(participant_id=one, score=score) for one, score in scores
        ],
    )
    made: ShareDistribution = world.call(request, role="finance").distribution
    return made


def approve(world: World, made: ShareDistribution, **who: str) -> ShareDistribution:
    request = pb.ApproveDistributionRequest(distribution_id=made.distribution_id)
    done: ShareDistribution = world.call(
        request,
        role="marketing_vp",
        **who,  # type: ignore[arg-type]
    ).distribution
    return done


def balance(world: World, account_id: str) -> int:
    request = ledger_service_pb2.GetAccountRequest(account_id=account_id)
    found: int = world.call(request, role="finance").account.balance.amount_minor
    return found


@req("R-132")
def test_a_scheme_goes_from_the_draft_through_the_trial_into_effect(books: World) -> None:
    scheme_id = drafted(books).scheme_id
    admit(books, scheme_id, "c1", 1)
    with pytest.raises(Refused) as draft:
        calculate(books, scheme_id, 100, 0)
    sent_back = discuss(books, scheme_id, agreed=False)
    revision = pb.ReviseShareSchemeRequest(
        scheme_id=scheme_id, title="Second draft", steering_group=["li.wei", "zhang.min"]
    )
    revised = books.call(revision, role="planning").scheme

    agreed = discuss(books, scheme_id)
    trial = books.call(pb.StartShareTrialRequest(scheme_id=scheme_id), role="decision_layer").scheme
    request = pb.ReviewShareTrialRequest(scheme_id=scheme_id, effective=True)
    effective = books.call(request, role="decision_layer").scheme

    assert draft.value.reason == "SHARE_SCHEME_STATE_FORBIDS"
    assert (revised.title, list(revised.steering_group)) == (
        "Second draft",
        ["li.wei", "zhang.min"],
    )
    assert [one.state for one in (sent_back, revised, agreed, trial, effective)] == [
        ShareScheme.STATE_DRAFT,
        ShareScheme.STATE_DRAFT,
        ShareScheme.STATE_DISCUSSED,
        ShareScheme.STATE_TRIAL,
        ShareScheme.STATE_EFFECTIVE,
    ]
    assert [float(one.weight) for one in effective.weights] == [50, 30, 20]
    with pytest.raises(Refused) as over:
        discuss(books, scheme_id)
    assert over.value.reason == "STEP_NOT_OPEN"


@req("R-126", "R-128", "R-129")
def test_net_income_reaches_every_participant_to_the_cent(books: World) -> None:
    scheme_id = on_trial(books)
    made = calculate(books, scheme_id, 160_000_000, 60_000_000)
    with pytest.raises(Refused) as alone:
        approve(books, made, subject=made.calculated_by)

    approved = approve(books, made)
    paid = books.call(
        pb.PayDistributionRequest(distribution_id=made.distribution_id), role="finance"
    ).distribution

    assert [(one.participant_id, one.amount.amount_minor) for one in made.lines] == [
        (ROOT_UNIT, 50_000_000),
        ("c1", 18_000_000),
        ("c2", 9_000_000),
        ("c3", 3_000_000),
        ("s1", 7_500_000),
        ("s2", 6_666_667),
        ("s3", 5_833_333),
    ]
    assert alone.value.reason == "DISTRIBUTION_NEEDS_ANOTHER_PERSON"
    assert [one.state for one in (made, approved, paid)] == [
        ShareDistribution.STATE_CALCULATED,
        ShareDistribution.STATE_APPROVED,
        ShareDistribution.STATE_PAID,
    ]
    assert balance(books, "revenue_share_expense:hq:CNY") == 100_000_000
    assert balance(books, "revenue_share_payable:s2:CNY") == 0
    request = pb.GetShareStatementRequest(scheme_id=scheme_id, participant_id="s2")
    statement = books.call(request, role="finance").statement
    assert (statement.total, statement.paid) == (cny(6_666_667), cny(6_666_667))
    [fact] = events_of(books, events_pb2.RevenueShared)
    assert (fact.month, fact.amount) == ("2026-02", cny(100_000_000))


@req("R-130")
def test_an_odd_cent_is_not_lost(books: World) -> None:
    scheme_id = on_trial(books)

    made = calculate(books, scheme_id, 10_001, 0)

    sides: dict[int, int] = {}
    for one in made.lines:
        sides[one.pool] = sides.get(one.pool, 0) + one.amount.amount_minor
    assert list(sides.values()) == [5_001, 3_000, 2_000]


@req("R-131")
def test_a_loss_is_covered_by_the_next_month(books: World) -> None:
    scheme_id = on_trial(books)

    lost = calculate(books, scheme_id, 0, 5_000_000, month="2026-01")
    approve(books, lost)
    gained = calculate(books, scheme_id, 15_000_000, 0, month="2026-02")

    wanted = pb.GetShareSchemeRequest(scheme_id=scheme_id)
    scheme = books.call(wanted, role="finance").scheme
    assert (lost.distributable, lost.loss_after, list(lost.lines)) == (cny(0), cny(5_000_000), [])
    assert (gained.loss_before, gained.distributable) == (cny(5_000_000), cny(10_000_000))
    assert sum(one.amount.amount_minor for one in gained.lines) == 10_000_000
    assert scheme.loss_carried == cny(0)
    with pytest.raises(Refused) as late:
        calculate(books, scheme_id, 1, 0, month="2025-12")
    assert late.value.reason == "DISTRIBUTION_OUT_OF_ORDER"
    listed = books.call(pb.ListDistributionsRequest(scheme_id=scheme_id), role="finance")
    assert [one.month for one in listed.distributions] == ["2026-01", "2026-02"]


def reject(world: World, made: ShareDistribution) -> ShareDistribution:
    request = pb.RejectDistributionRequest(
        distribution_id=made.distribution_id, reason="a wrong income"
    )
    done: ShareDistribution = world.call(request, role="marketing_vp").distribution
    return done


@req("R-131", "R-132")
def test_a_month_that_was_rejected_is_calculated_anew_with_its_loss(books: World) -> None:
    scheme_id = on_trial(books)
    books.clock.advance(timedelta(days=31))
    approve(books, calculate(books, scheme_id, 0, 5_000_000, month="2026-01"))
    lost = calculate(books, scheme_id, 0, 7_000_000)
    gained = calculate(books, scheme_id, 15_000_000, 0, month="2026-03")
    with pytest.raises(Refused) as counted:
        reject(books, lost)

    rejected = [reject(books, gained), reject(books, lost)]
    anew = calculate(books, scheme_id, 15_000_000, 0)
    approved = approve(books, anew)

    refused = []
    for act, made in ((approve, rejected[0]), (reject, rejected[0]), (reject, approved)):
        with pytest.raises(Refused) as found:
            act(books, made)
        refused.append(found.value.reason)
    assert counted.value.reason == "DISTRIBUTION_OUT_OF_ORDER"
    assert refused == ["DISTRIBUTION_STATE_FORBIDS"] * 3
    assert [one.state for one in rejected] == [ShareDistribution.STATE_REJECTED] * 2
    assert [(one.reject_reason, one.reject_date, one.approve_date) for one in rejected] == [
        ("a wrong income", "2026-04-02", "")
    ] * 2
    assert (anew.loss_before, anew.distributable) == (cny(5_000_000), cny(10_000_000))
    assert balance(books, "revenue_share_expense:hq:CNY") == 10_000_000
    listed = books.call(pb.ListDistributionsRequest(scheme_id=scheme_id), role="finance")
    assert sorted(one.month for one in listed.distributions) == [
        "2026-01", "2026-02", "2026-02", "2026-03",
    ]  # fmt: skip
    wanted = pb.GetShareStatementRequest(scheme_id=scheme_id, participant_id="c1")
    assert books.call(wanted, role="finance").statement.total == cny(1_800_000)


@req("R-127", "R-128")
def test_who_reaches_the_standard_is_admitted_and_shares_from_its_day_on(books: World) -> None:
    scheme_id = on_trial(books)
    refused = []
    for score, participant_id, day in (
        ("80", "c4", "2026-02-01"),
        ("100", "c1", "2026-02-01"),
        ("100", "c4", "2025-01-01"),
    ):
        with pytest.raises(Refused) as found:
            admit(books, scheme_id, participant_id, 20_000_000, score=score, day=day)
        refused.append(found.value.reason)

    table = admit(books, scheme_id, "c4", 20_000_000, day="2026-02-01")

    before = calculate(books, scheme_id, 100_000_000, 0, month="2026-01")
    after = calculate(books, scheme_id, 100_000_000, 0, month="2026-02")
    company = revenue_share_pb2.SHARE_POOL_COMPANY
    shares = [
        [one.amount.amount_minor for one in made.lines if one.pool == company]
        for made in (before, after)
    ]
    assert refused == ["ADMISSION_TARGET_MISSED", "SHARE_PARTICIPANT_EXISTS", "CAPITAL_DATE_PASSED"]
    assert (table.version, before.capital_version, after.capital_version) == (4, 3, 4)
    assert shares == [
        [18_000_000, 9_000_000, 3_000_000],
        [15_000_000, 7_500_000, 2_500_000, 5_000_000],
    ]
    old = pb.GetCapitalTableRequest(scheme_id=scheme_id, as_of_date="2026-01-31")
    assert books.call(old, role="finance").capital_table.version == 3


def test_a_month_is_distributed_once_whoever_asks(books: World) -> None:
    scheme_id = on_trial(books)
    barrier, answers = threading.Barrier(2), []

    def run() -> None:
        barrier.wait()
        try:
            answers.append(calculate(books, scheme_id, 100, 0).month)
        except Refused as error:
            answers.append(error.reason)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["2026-02", "DISTRIBUTION_EXISTS"]


def test_a_month_that_is_not_over_is_not_distributed(books: World) -> None:
    """A later month shuts all earlier ones out, so a slip of the year would end the scheme."""
    scheme_id = on_trial(books)

    with pytest.raises(Refused) as refused:
        calculate(books, scheme_id, 100, 0, month="2026-03")

    assert refused.value.reason == "DISTRIBUTION_MONTH_NOT_OVER"
    assert calculate(books, scheme_id, 100, 0).month == "2026-02"


@req("R-183")
def test_another_region_sees_no_scheme(books: World) -> None:
    scheme_id = on_trial(books)

    for request in (
        pb.GetShareSchemeRequest(scheme_id=scheme_id),
        pb.ListDistributionsRequest(scheme_id=scheme_id),
        pb.GetShareStatementRequest(scheme_id=scheme_id, participant_id="c1"),
    ):
        with pytest.raises(Refused) as found:
            books.call(request, role="finance", unit_id="r1")
        assert found.value.reason == "OUT_OF_SCOPE"
    listed = books.call(pb.ListShareSchemesRequest(), role="finance", unit_id="r1").schemes
    assert list(listed) == []
    with pytest.raises(Refused) as missing:
        books.call(pb.GetShareSchemeRequest(scheme_id=new_id()), role="finance")
    assert missing.value.reason == "SHARE_SCHEME_NOT_FOUND"
    with pytest.raises(Refused) as none:
        books.call(pb.GetDistributionRequest(distribution_id=new_id()), role="finance")
    assert none.value.reason == "DISTRIBUTION_NOT_FOUND"
