"""Awards, penalties and rankings through the real server."""

import threading

import grpc
import pytest
from mantle.channels.v1 import events_pb2 as channels
from mantle.settlement.v1 import award_pb2, events_pb2, ledger_service_pb2
from mantle.settlement.v1 import award_service_pb2 as pb
from mantle.settlement.v1.award_pb2 import Award
from mantle.type.v1.money_pb2 import Money as Amount

from chassis.ids import new_id
from chassis.money import Money
from settlement.award import usecases
from settlement.award.domain import Granted, Kind
from tests.support.facts_settlement import activate, cny, events_of, open_units, tell
from tests.support.policies_settlement import in_force
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused, World


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/", "hq/r1/p7/", "hq/r2/")
    return world


def proposed(
    world: World,
    amount_minor: int = 50_000,
    *,
    kind: "Award.Kind.ValueType" = Award.KIND_AWARD,
    person: str = "ada",
    partner: str = "",
    unit_id: str = ROOT_UNIT,
    incentive: bool = False,
    currency_code: str = "CNY",
) -> Award:
    who = award_pb2.BENEFICIARY_KIND_PARTNER if partner else award_pb2.BENEFICIARY_KIND_PERSON
    request = pb.ProposeAwardRequest(
        kind=kind,
        beneficiary_kind=who,
        beneficiary_id=partner or person,
        unit_id=unit_id,
        amount=Amount(currency_code=currency_code, amount_minor=amount_minor),
        reason="as agreed",
        award_date="2026-03-02",
        incentive=incentive,
    )
    award: Award = world.call(request, role="sales_director").award
    return award


def booked(world: World, award: Award) -> Award:
    world.call(pb.ApproveAwardRequest(award_id=award.award_id), role="marketing_vp")
    done: Award = world.call(pb.BookAwardRequest(award_id=award.award_id), role="finance").award
    return done


def balance(world: World, account_id: str) -> int:
    request = ledger_service_pb2.GetAccountRequest(account_id=account_id)
    found: int = world.call(request, role="finance").account.balance.amount_minor
    return found


@req("R-123")
def test_an_award_and_a_violation_of_one_month_leave_two_rows_and_their_net(books: World) -> None:
    done = [
        booked(books, proposed(books, 50_000)),
        booked(books, proposed(books, 20_000, kind=Award.KIND_PENALTY)),
    ]

    request = pb.GetAwardStatementRequest(
        beneficiary_kind=award_pb2.BENEFICIARY_KIND_PERSON, beneficiary_id="ada", month="2026-03"
    )
    statement = books.call(request, role="finance").statement

    assert (statement.award_amount, statement.penalty_amount) == (cny(50_000), cny(20_000))
    assert (statement.net_amount, list(statement.awards)) == (cny(30_000), done)
    assert balance(books, "award_payable:person.ada:CNY") == 30_000
    query = "SELECT subject FROM audit_entry WHERE method = %(method)s"
    audited = books.rows("settlement", query, method="BookAward")
    assert len(audited) == 2
    assert [one.penalty for one in events_of(books, events_pb2.AwardBooked)] == [False, True]


@req("R-123")
def test_a_statement_sums_each_currency_by_itself(books: World) -> None:
    for minor, kind, code in (
        (50_000, Award.KIND_AWARD, "CNY"),
        (700, Award.KIND_AWARD, "USD"),
        (900, Award.KIND_PENALTY, "USD"),
    ):
        booked(books, proposed(books, minor, kind=kind, currency_code=code))

    request = pb.GetAwardStatementRequest(
        beneficiary_kind=award_pb2.BENEFICIARY_KIND_PERSON, beneficiary_id="ada", month="2026-03"
    )
    statement = books.call(request, role="finance").statement

    amounts = [(one.award_amount, one.penalty_amount, one.net_amount) for one in statement.sums]
    assert amounts == [
        (cny(50_000), cny(0), cny(50_000)),
        (usd(700), usd(900), usd(-200)),
    ]
    assert not statement.HasField("net_amount")


def usd(amount_minor: int) -> Amount:
    return Amount(currency_code="USD", amount_minor=amount_minor)


def test_a_partners_penalty_is_owed_and_needs_a_partner_that_is_known(books: World) -> None:
    with pytest.raises(Refused) as unknown:
        proposed(books, partner="D1")
    activate(books, "D1")

    booked(books, proposed(books, 20_000, kind=Award.KIND_PENALTY, partner="D1"))

    assert unknown.value.reason == "CREDIT_ACCOUNT_NOT_FOUND"
    assert balance(books, "penalty_receivable:D1:CNY") == 20_000
    assert balance(books, "penalty_income:hq:CNY") == 20_000


def test_an_award_is_booked_once_and_not_before_another_person_approved_it(books: World) -> None:
    award = proposed(books)
    approve = pb.ApproveAwardRequest(award_id=award.award_id)
    book = pb.BookAwardRequest(award_id=award.award_id)

    refused = []
    for request, role, subject in (
        (book, "finance", ""),
        (approve, "sales_director", award.proposed_by),
        (pb.GetAwardRequest(award_id=new_id()), "finance", ""),
    ):
        with pytest.raises(Refused) as found:
            books.call(request, role=role, subject=subject)
        refused.append(found.value.reason)
    books.call(approve, role="marketing_vp")
    barrier, answers = threading.Barrier(2), []

    def run() -> None:
        barrier.wait()
        try:
            answers.append(books.call(book, role="finance").award.state)
        except Refused as error:
            answers.append(error.reason)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == ["AWARD_STATE_FORBIDS", "AWARD_NEEDS_ANOTHER_PERSON", "AWARD_NOT_FOUND"]
    assert sorted(map(str, answers)) == [str(Award.STATE_BOOKED), "AWARD_STATE_FORBIDS"]
    assert balance(books, "award_payable:person.ada:CNY") == 50_000


@req("R-078")
def test_awards_that_channels_granted_are_booked_once(books: World) -> None:
    granted = [
        channels.AwardGranted(
            award_id=new_id(),
            partner_id=f"F{rank}",
            unit_id=ROOT_UNIT,
            year=2026,
            rank=rank,
            amount=cny(100_000),
            grant_date="2026-03-02",
        )
        for rank in (1, 2)
    ]

    tell(books, *granted)
    tell(books, *granted)

    listed = books.call(pb.ListAwardsRequest(state=Award.STATE_BOOKED), role="finance").awards
    assert [(one.beneficiary_id, one.proposed_by) for one in listed] == [
        ("F1", "channels"),
        ("F2", "channels"),
    ]
    assert balance(books, "award_expense:hq:CNY") == 200_000
    assert len(events_of(books, events_pb2.AwardBooked)) == 2


def test_a_penalty_that_channels_imposed_is_owed_once(books: World) -> None:
    service = books.start("settlement").services["settlement"]
    at = books.clock.now()
    imposed = Granted(
        new_id(), "D1", ROOT_UNIT, Money("CNY", 5_000), "diversion", "ada", at, Kind.PENALTY
    )

    for _ in range(2):
        service.back_door.act(
            "penalise",
            lambda tx: usecases.book_granted(tx, [imposed], zone=service.settings.time_zone)[0],
        )

    assert balance(books, "penalty_receivable:D1:CNY") == 5_000
    assert [one.penalty for one in events_of(books, events_pb2.AwardBooked)] == [True]


@req("R-121")
def test_a_bonus_is_worth_more_in_a_model_region(books: World, model_region: None) -> None:
    award = proposed(books, 1_000_000, unit_id="p7", incentive=True)

    elsewhere = proposed(books, 1_000_000, unit_id="r2", incentive=True)

    assert (award.base_amount, award.factor, award.amount) == (
        cny(1_000_000),
        "1.2",
        cny(1_200_000),
    )
    assert (elsewhere.factor, elsewhere.amount) == ("1", cny(1_000_000))


@pytest.fixture
def model_region(books: World) -> None:
    """Let region r1 be a model region from today on."""
    parameters = {"model_units": ["r1"], "model_factor": "1.2", "review_percent": "10"}
    in_force(books, "incentive", parameters)


@req("R-122")
def test_of_ten_people_one_is_on_the_review_list(books: World) -> None:
    scores = [
        pb.PersonScore(person_id=f"p{number}", score=str(90 - number)) for number in range(10)
    ]
    request = pb.CreateRankingRequest(unit_id=ROOT_UNIT, month="2026-02", scores=scores)

    ranking = books.call(request, role="sales_director").ranking

    assert [one.person_id for one in ranking.places] == [f"p{number}" for number in range(10)]
    assert [one.person_id for one in ranking.places if one.under_review] == ["p9"]
    with pytest.raises(Refused) as again:
        books.call(request, role="sales_director")
    assert again.value.code is grpc.StatusCode.ALREADY_EXISTS
    assert again.value.reason == "RANKING_EXISTS"
    listed = books.call(pb.ListRankingsRequest(unit_id=ROOT_UNIT), role="finance").rankings
    assert list(listed) == [ranking]
    outside = books.call(pb.ListRankingsRequest(), role="finance", unit_id="r1").rankings
    assert list(outside) == []
