"""What the database makes of a year is what the rules say, chunk by chunk, whoever dies when."""

from collections.abc import Iterator, Mapping
from datetime import date
from random import Random

import pytest
from mantle.settlement.v1 import events_pb2

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.period import Month
from chassis.policy.parameters import Value
from settlement.rebate import correcting, figures, rules, storage, usecases
from settlement.rebate.domain import BaseKind, Cause, Forfeit
from settlement.rebate.run import Line
from tests.support.books import check_books
from tests.support.postgres import DatabaseFor
from tests.support.rebate_desk import AT, RebateDesk, add, entry
from tests.support.requirements import req

PARTNERS = 40
PROGRESSIVE: Mapping[str, Value] = {
    "currency_code": "CNY",
    "mode": "progressive",
    "tiers": [{"from_minor": 0, "rate": "0.005"}, {"from_minor": 60_000_001, "rate": "0.0175"}],
    "grade_caps": {"A": "0.0101"},
    "forfeits": {"DIVERSION": "0.3"},
}


@pytest.fixture
def desk(database_for: DatabaseFor) -> Iterator[RebateDesk]:
    """Give a desk whose chunks are so small that a year has many."""
    opened = RebateDesk.open(database_for("settlement"), partners=7)
    yield opened
    opened.close()
    check_books(opened.place)


def a_year(desk: RebateDesk, random: Random) -> None:
    """Let partners buy and give back in 2026, under different rules, grades and forfeits."""
    desk.approve("partner:D3", PROGRESSIVE)
    desk.approve("agreement:standard", PROGRESSIVE)
    entries = []
    for number in range(PARTNERS):
        partner_id = f"D{number}"
        for _ in range(random.randint(1, 6)):
            day = f"2026-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
            entries.append(entry(partner_id, random.randint(1, 90_000_000), day))
        if number % 4 == 0:
            kind = random.choice([BaseKind.RETURN, BaseKind.EXCLUSION])
            entries.append(entry(partner_id, random.randint(1, 40_000_000), day, kind=kind))
    desk.do(lambda tx: add(tx, *entries))
    desk.do(lambda tx: _know(tx, random))


def _know(tx: Transaction, random: Random) -> None:
    """Let channels have told of the partners."""
    for number in range(PARTNERS):
        partner_id, grade = f"D{number}", random.choice(["A", "B", "C", "D"])
        usecases.regrade(tx, partner_id=partner_id, credit_grade=grade)
        scope = "agreement:standard" if number % 5 == 0 else ""
        usecases.agree(tx, partner_id=partner_id, year=2026, target=None, policy_scope=scope)


@req("R-102", "R-103", "R-104")
def test_months_add_up_to_what_the_rules_say_of_the_year(desk: RebateDesk) -> None:
    a_year(desk, Random(7))
    for number in range(1, 13):
        desk.accrue(str(Month(2026, number)))

    desk.runner().drain()

    accrued = sums(
        desk, "SELECT partner_id, sum(delta_minor)::bigint FROM rebate_accrual GROUP BY 1"
    )
    booked = sums(
        desk,
        "SELECT holder_id, credits_minor - debits_minor FROM account WHERE code = 'rebate_accrued'",
    )
    said = {f"D{number}": _said(desk, f"D{number}") for number in range(PARTNERS)}
    assert {one: amount for one, amount in said.items() if amount} == accrued == booked
    assert len({amount for amount in said.values()}) > PARTNERS // 2


def sums(desk: RebateDesk, query: str) -> dict[str, int]:
    """Return the amounts of a query by partner, those of 0 left out."""
    rows = desk.do(lambda tx: tx.exec_driver_sql(query).all())
    return {str(partner_id): int(minor) for partner_id, minor in rows if minor}


def _said(desk: RebateDesk, partner_id: str) -> int:
    """Return what the domain makes of a partner's year, with the nearest of its rules."""

    def read(tx: Transaction) -> int:
        known = figures.partner(tx, partner_id=partner_id, year=2026)
        by_scope = {one.scope: one for one in rules.in_force(tx, on=date(2026, 12, 31))}
        nearest = known.policy_scope or f"partner:{partner_id}"
        own = by_scope.get(nearest, by_scope[""])
        sums = figures.sums_of(tx, partner_id=partner_id, year=2026, currency_code="CNY")
        lost = storage.forfeits(tx, partner_id=partner_id, year=2026)
        kept = own.kept([one.cause for one in lost])
        earned = own.earned(sums.base_minor, grade=known.credit_grade, kept=kept)
        return earned.amount_minor

    return desk.do(read)


@req("R-103", "R-105")
def test_a_month_is_accrued_once_and_survives_its_pod(desk: RebateDesk) -> None:
    a_year(desk, Random(11))
    desk.do(
        lambda tx: storage.add_forfeit(tx, Forfeit("D0", 2026, Cause.DIVERSION, "", "li.wei", AT))
    )
    tried = desk.accrue("2026-12", dry_run=True)
    desk.runner().drain()
    before = _accruals(desk)
    run = desk.accrue("2026-12")
    dying = desk.runner()
    dying.turn()
    dying.turn()
    desk.do(
        lambda tx: tx.exec_driver_sql("UPDATE work_run SET lease_until = now() - '1 s'::interval")
    )

    desk.runner().drain()
    again = desk.accrue("2026-12")
    desk.runner().drain()

    assert before == []
    accruals = _accruals(desk)
    assert len(accruals) == len({partner_id for partner_id, _ in accruals}) > 20
    assert [(one["partner_id"], one["amount_minor"]) for one in desk.previews(tried)] == accruals
    assert again.id == run.id
    assert dict(accruals).get("D0", 0) == _said(desk, "D0")
    told = _told(desk)
    assert len(told) > 2
    assert sum(told) == sum(minor for _, minor in accruals)


@req("R-103")
def test_an_earlier_month_that_comes_late_takes_nothing_back(desk: RebateDesk) -> None:
    """Two pods may have two months under way, and the later one has counted the earlier one."""
    first = entry("D1", 60_000_000, "2026-05-10")
    desk.do(lambda tx: add(tx, first, entry("D1", 50_000_000, "2026-06-10")))
    desk.accrue("2026-06")
    desk.runner().drain()

    desk.accrue("2026-05")
    desk.runner().drain()

    assert _accruals(desk) == [("D1", 2_200_000)]


@req("R-101")
def test_a_correction_goes_by_the_currency_of_the_rules(desk: RebateDesk) -> None:
    """Thresholds in yuan say nothing about a base in dollars."""
    policy_id = desk.approve("partner:D3", PROGRESSIVE)
    line = Line(
        run_id=new_id(),
        partner_id="D3",
        unit_id="hq",
        year=2026,
        policy_id=policy_id,
        credit_grade="",
        purchases=Money("USD", 90_000_000),
        returns=Money("USD", 0),
        exclusions=Money("USD", 0),
        kept_rate=1_000_000,
        rebate=Money("USD", 0),
        amount=Money("USD", 0),
        revision=1,
    )

    earned = desk.do(lambda tx: correcting.earned(tx, line, 90_000_000))

    assert earned == 0


def _told(desk: RebateDesk) -> list[int]:
    """Return the amounts of the facts about accruals."""
    rows = desk.do(
        lambda tx: tx.exec_driver_sql(
            "SELECT payload FROM event WHERE type = 'mantle.settlement.v1.RebateAccrued'"
        ).all()
    )
    facts = [events_pb2.RebateAccrued.FromString(bytes(payload)) for (payload,) in rows]
    return [-one.amount.amount_minor if one.reversal else one.amount.amount_minor for one in facts]


def _accruals(desk: RebateDesk) -> list[tuple[str, int]]:
    return [
        (partner_id, minor)
        for partner_id, minor in desk.do(
            lambda tx: tx.exec_driver_sql(
                "SELECT partner_id, delta_minor FROM rebate_accrual ORDER BY partner_id"
            ).all()
        )
    ]
