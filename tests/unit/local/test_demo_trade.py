"""What the trade part rests on: the real purchases, and years that each have their own partners."""

from datetime import date

import pytest

from chassis.period import Month
from local.demo.trade import next_year
from local.demo.trade.ground import Year
from local.demo.trade.purchases import AGENTS, FIRST_MONTH, MONTHS, read_file, sale_of


def test_the_file_has_every_purchase_of_eighteen_months() -> None:
    sold = read_file()
    bought = [one for by_agent in sold.values() for own in by_agent.values() for one in own]

    assert list(sold) == FIRST_MONTH.span(MONTHS)
    assert len(bought) == 69_659
    assert len({sale_of(one).sale_id for one in bought}) == 69_659
    assert len({one.customer_no for one in bought}) == 23_570
    assert sum(one.amount_minor for one in bought) == 250_031_563
    assert {agent for by_agent in sold.values() for agent in by_agent} == {
        f"CD-{number:02}" for number in range(1, AGENTS + 1)
    }


def test_a_part_of_the_file_has_the_first_purchases_of_each_month() -> None:
    sold = read_file(a_month=50)

    assert {sum(map(len, by_agent.values())) for by_agent in sold.values()} == {50}
    first = min(one.number for own in sold[Month(1997, 1)].values() for one in own)
    assert first == 1


@pytest.mark.parametrize(
    ("today", "year"),
    [
        (date(1998, 7, 10), 2026),
        (date(2026, 3, 31), 2026),
        (date(2026, 4, 1), 2027),
        (date(2027, 1, 19), 2027),
    ],
)
def test_a_year_of_distributors_begins_in_its_first_quarter(today: date, year: int) -> None:
    assert next_year(today) == Year(year)


def test_the_thirteenth_month_of_a_year_is_the_next_january() -> None:
    morning = Year(2026).morning(13, 19)

    assert morning.date() == date(2027, 1, 19)
