"""The values of a rule set have the shape of their kind."""

from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.policy.parameters import Parameters, Shape, check_shape, misfits

SHAPE: Shape = {
    "outbound_max": "int",
    "quiet_from": "time",
    "quiet_to": "time",
    "cool_down_days?": "int",
    "tiers": [{"from_minor": "int", "rate": "decimal"}],
    "weights": {"*": "decimal"},
    "holidays": ["date"],
    "strict": "bool",
    "note": "text",
}
VALUES: dict[str, Any] = {
    "outbound_max": 2,
    "quiet_from": "21:00",
    "quiet_to": "08:00",
    "tiers": [{"from_minor": 0, "rate": "0"}, {"from_minor": 50_000_000, "rate": "0.01"}],
    "weights": {"sales": "0.30", "growth": "0.70"},
    "holidays": ["2026-10-01"],
    "strict": True,
    "note": "集中管理",
}


def test_values_are_read_as_what_they_are() -> None:
    parameters = Parameters(VALUES)

    rates = [tier.decimal("rate") for tier in parameters.records("tiers")]

    assert misfits(VALUES, SHAPE) == []
    assert rates == [Decimal("0"), Decimal("0.01")]
    assert parameters.integer("outbound_max") == 2
    assert parameters.time("quiet_from") == time(21)
    assert parameters.record("weights").decimal("growth") == Decimal("0.70")
    assert parameters.texts("holidays") == ["2026-10-01"]
    assert date.fromisoformat(parameters.texts("holidays")[0]) == date(2026, 10, 1)
    assert parameters.truth("strict") is True
    assert "cool_down_days" not in parameters


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("outbound_max", 2.0, "parameters.outbound_max is not a whole number of 64 bits"),
        ("outbound_max", True, "parameters.outbound_max is not a whole number of 64 bits"),
        ("outbound_max", 2**63, "parameters.outbound_max is not a whole number of 64 bits"),
        ("quiet_from", "24:00", "parameters.quiet_from is not a time"),
        ("holidays", ["2026-02-30"], "parameters.holidays[0] is not a date"),
        ("weights", {"sales": "1e3"}, "parameters.weights.sales is not a decimal"),
        ("weights", {"sales": "NaN"}, "parameters.weights.sales is not a decimal"),
        ("weights", {"sales": "٣"}, "parameters.weights.sales is not a decimal"),
        ("weights", {"a\x00": "1"}, "parameters.weights has a name that is not 1 to 64 printable"),
        ("tiers", [{"from_minor": 1}], "parameters.tiers[0].rate is missing"),
        ("tiers", {"from_minor": 1}, "parameters.tiers is not a list of at most 1000 values"),
        ("tiers", [1] * 1001, "parameters.tiers is not a list of at most 1000 values"),
        ("strict", "true", "parameters.strict is not true or false"),
        ("note", "x" * 1001, "parameters.note is not a text of at most 1000 characters"),
        ("note", "a\x00b", "parameters.note is not a text"),
        ("outbuond_max", 2, "parameters.outbuond_max is not a parameter of this kind"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(name: str, value: object, problem: str) -> None:
    found = misfits(VALUES | {name: value}, SHAPE)

    assert len(found) == 1
    assert found[0].startswith(problem)


def test_all_problems_are_found_at_once() -> None:
    found = misfits({"tiers": [], "weights": {}, "holidays": [], "strict": 1}, SHAPE)

    assert found == [
        "parameters.outbound_max is missing",
        "parameters.quiet_from is missing",
        "parameters.quiet_to is missing",
        "parameters.note is missing",
        "parameters.strict is not true or false",
    ]


@pytest.mark.parametrize("shape", ["float", [], ["int", "int"], {"a": "money"}])
def test_a_wrong_shape_stops_the_start(shape: Shape) -> None:
    with pytest.raises(ValueError, match=r"shape|word"):
        check_shape(shape)


@pytest.mark.parametrize("read", ["integer", "text", "truth", "decimals", "record", "records"])
def test_a_value_is_never_read_as_another_type(read: str) -> None:
    values: dict[str, Any] = {
        "integer": "2",
        "text": 2,
        "truth": 1,
        "decimals": "12",
        "record": [],
        "records": {},
    }

    with pytest.raises(TypeError):
        getattr(Parameters(values), read)(read)


@given(st.decimals(-(10**18) + 1, 10**18 - 1, places=6))
def test_a_decimal_text_is_exact(number: Decimal) -> None:
    text = f"{number:f}".replace("-0.000000", "0.000000")

    assert misfits({"rate": text}, {"rate": "decimal"}) == []
    assert Parameters({"rate": text}).decimal("rate") == number
