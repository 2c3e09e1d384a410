"""The pure parts of the demo: its customers, its dice and its numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantle.planning.v1 import campaign_pb2

from local.demo import source, tally
from local.demo.narrator import minor_text, roi_text


def test_every_customer_of_the_file_is_read_once() -> None:
    customers = source.read_customers()

    assert len({one.customer_id for one in customers}) == len(customers) == 7_043
    assert sum(one.lost for one in customers) == 1_869
    assert {one.unit_id for one in customers} == set(source.AREAS)


def test_made_up_phones_differ_and_are_phones() -> None:
    phones = {source.phone_of(number) for number in range(1, 7_044)}

    assert len(phones) == 7_043
    assert all(len(phone) == 14 and phone.startswith("+86139") for phone in phones)


def test_who_has_no_internet_has_no_product_of_it() -> None:
    without = [one for one in source.read_customers() if source.INTERNET not in one.products]

    assert len(without) == 1_526
    assert all(one.products == frozenset() for one in without)


@pytest.mark.parametrize(
    ("minor", "text"),
    [(0, "0.00"), (5, "0.05"), (-150, "-1.50"), (855_000, "8,550.00")],
)
def test_an_amount_is_written_with_its_decimals(minor: int, text: str) -> None:
    assert minor_text(minor) == text


@given(st.lists(st.floats(0, 10), min_size=1), st.integers(1, 100))
def test_a_percentile_is_one_of_the_values_and_enough_are_below(
    values: list[float], percent: int
) -> None:
    found = tally.percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)


def test_a_campaign_that_cost_nothing_has_no_return() -> None:
    assert roi_text(campaign_pb2.CampaignResult()) == "nothing was spent"
    assert roi_text(campaign_pb2.CampaignResult(roi_percent="110.0")) == "return 110.0 %"
