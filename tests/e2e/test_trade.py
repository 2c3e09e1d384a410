"""The trade of the demo over four processes: real purchases settled month by month, and a year of
distributors."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from mantle.settlement.v1 import ledger_pb2
from rich.console import Console

from chassis.period import Month
from local import demo
from local.demo.narrator import Narrator
from local.demo.trade import Told, Traded
from local.demo.trade.purchases import read_file
from local.places import Places
from local.platform import Platform
from local.trace.model import Trace
from tests.e2e.conftest import all_traces
from tests.support.requirements import req

MONTHS = 2
A_MONTH = 150


@dataclass(frozen=True, slots=True, repr=False)
class Played:
    """Hold what the trade brought: real purchases the first time and again, a year, its traces."""

    history: Traded
    again: Traded
    told: Told
    traces: dict[str, Trace]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play two short months of purchases, and a year of distributors."""
    places = Places(tmp_path_factory.mktemp("trade"))
    with Platform(places, durable=False) as platform:
        narrator = Narrator(Console(quiet=True), platform.clock)
        history = demo.trade_history(platform, narrator, months=MONTHS, a_month=A_MONTH)
        told = demo.trade_year(platform, narrator)
        again = demo.trade_history(platform, narrator, months=MONTHS, a_month=A_MONTH)
    yield Played(history, again, told, all_traces(places))


@req("R-139")
def test_each_closed_month_says_what_the_file_says(played: Played) -> None:
    sold = read_file(A_MONTH)
    expected = {
        month: sum(one.amount_minor for own in sold[month].values() for one in own)
        for month in Month(1997, 1).span(MONTHS)
    }

    months = played.history.months

    assert {one.month: one.revenue for one in months} == expected
    assert [one.orders for one in months] == [A_MONTH, A_MONTH]
    assert [one.receipts for one in months] == [0, expected[Month(1997, 1)]]
    assert [one.debits for one in months] == [one.credits for one in months]
    assert played.again.months == []


@req("R-064", "R-095", "R-097", "R-103", "R-104")
def test_the_rebate_of_the_year_is_right_to_the_cent(played: Played) -> None:
    found, year = played.told.statement, played.told.year

    assert found.partner_id == year.loyal
    assert found.returns.amount_minor == 85_500
    assert found.base.amount_minor == 102_514_500
    assert found.rebate.amount_minor == 2_050_290
    assert [one.change.amount_minor for one in found.accruals] == [
        513_000,
        256_500,
        1_282_500,
        -1_710,
    ]


@req("R-073", "R-074")
def test_the_maintenance_judges_each_distributor_by_its_year(played: Played) -> None:
    year = played.told.year

    found = {
        one.partner_id: (one.figures.target_percent, one.points) for one in played.told.reviews
    }

    assert found == {
        year.loyal: ("102.5", "100.0"),
        year.late: ("60.0", "62.7"),
        year.substitute: ("42.8", "65.7"),
    }


def test_the_books_balance_after_the_year(played: Played) -> None:
    books, code = played.told.books, ledger_pb2.AccountCode

    assert books.debits.total() == books.credits.total() > 0
    # 3 % of all orders, less what the returned pieces had earned.
    assert books.credits[code.ACCOUNT_CODE_COMMISSION_EXPENSE] == 2_565
    assert books.expense(code.ACCOUNT_CODE_REBATE_EXPENSE) == 2_050_290


@pytest.mark.parametrize(
    ("act", "services"),
    [
        ("order", {"crm", "channels", "settlement"}),
        ("delivery", {"channels", "settlement", "planning"}),
        ("return", {"crm", "channels", "settlement", "planning"}),
    ],
)
def test_what_a_partner_does_is_one_trace_through_the_services(
    played: Played, act: str, services: set[str]
) -> None:
    """T7 and T8."""
    found = [one for one in played.traces.values() if one.main_root.name == act]

    assert len(found) > 0
    assert [one.main_root.service for one in found] == ["demo"] * len(found)
    assert [services - set(one.services) for one in found] == [set()] * len(found)
    assert [one.broken_parents for one in found] == [0] * len(found)
