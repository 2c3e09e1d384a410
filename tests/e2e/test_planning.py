"""The planning of the demo over four processes: a year plan, its first month, a rolling plan, and
real history."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from mantle.planning.v1 import adjustment_pb2, rolling_plan_pb2
from rich.console import Console

from local import demo
from local.demo.narrator import Narrator
from local.demo.planning import Planned
from local.demo.planning.history import read_file
from local.places import Places
from local.platform import Platform
from tests.e2e.conftest import all_traces
from tests.support.requirements import req

CYCLES = 3
SCENARIOS = {"drug sales", "year plan", "adjustment", "rolling plan"}


@dataclass(frozen=True, slots=True, repr=False)
class Played:
    """Hold what planning answered the first time and when the demo was asked again.

    Units: `took_s` real seconds of the first time.
    """

    first: Planned
    again: Planned
    took_s: float
    places: Places


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play the planning with a few cycles of history, and ask for it again."""
    places = Places(tmp_path_factory.mktemp("planning"))
    with Platform(places, durable=False) as platform:
        narrator = Narrator(Console(quiet=True), platform.clock)
        begin_s = time.monotonic()
        first = demo.plan(platform, narrator, cycles=CYCLES)
        took_s = time.monotonic() - begin_s
        again = demo.plan(platform, narrator, cycles=CYCLES)
    yield Played(first, again, took_s, places)


@req("R-018", "R-024", "R-026", "R-030")
def test_the_year_plan_is_done_after_one_disagreement(played: Played) -> None:
    year = played.first.year
    tree = year.tree.figures

    assert (year.report.done_count, year.report.step_count) == (32, 32)
    assert [one.planned_profit.amount_minor for one in year.plan.revisions] == [
        48_398_500,
        50_398_500,
    ]
    assert (tree.sales.amount_minor, tree.profit.amount_minor) == (265_050_000, 50_398_500)
    assert {
        part.key: part.figures.contribution.amount_minor
        for part in year.tree.parts
        if part.key in ("a1", "a2")
    } == {"a1": 78_870_000, "a2": 38_528_500}


@req("R-019")
def test_the_what_if_leaves_the_plan_alone(played: Played) -> None:
    what_if = played.first.year.what_if.figures

    assert what_if.sales.amount_minor == 262_260_000
    assert what_if.profit.amount_minor == 47_692_200


@req("R-032", "R-033", "R-037")
def test_the_rest_of_the_year_makes_up_for_january(played: Played) -> None:
    found = played.first.variance
    lines = {(one.unit_id, one.measure): one for one in found.adjustment.report.lines}
    changes = [found.after[month] - found.before[month] for month in sorted(found.before)]

    assert lines["a1", "sales"].variance_percent == "-10.00"
    assert lines["a1", "expense"].variance_percent == "18.00"
    assert [lines["a1", one].major for one in ("sales", "expense")] == [False, True]
    assert changes[0] == -1_425_000
    assert sorted(changes[1:]) == [129_545] * 6 + [129_546] * 5
    assert sum(found.after.values()) == 171_000_000
    assert found.adjustment.state == adjustment_pb2.Adjustment.STATE_ARCHIVED


@req("R-047", "R-048", "R-056")
def test_each_layer_of_the_rolling_plan_has_its_accuracy(played: Played) -> None:
    found = played.first.monthly
    drafts = {one.unit_id: one.draft_version for one in found.cycle.offices}
    states = [one.state for one in found.cycle.supply_checks]

    assert drafts == {"a1-o1": 2, "a1-o2": 1}
    assert states[0] == rolling_plan_pb2.SupplyCheck.STATE_UNAVAILABLE
    assert found.cycle.state == rolling_plan_pb2.RollingCycle.STATE_ARCHIVED
    assert {one.layer for one in found.accuracy} == {1, 2, 3}
    assert all(one.accuracy_percent for one in found.accuracy)


@req("R-056", "R-058")
def test_history_is_compared_with_what_really_came(played: Played) -> None:
    told, known = played.first.history, read_file()

    assert {month: came for month, came in told.actual.items()} == {
        str(month): came for month, came in known.items() if str(month) in told.actual
    }
    assert len(told.plan) == len(told.plan_errors) == 12
    assert len(told.cycles) == CYCLES
    assert {name: len(errors) for name, errors in told.layers.items()} == dict.fromkeys(
        rolling_plan_pb2.ForecastLayer.keys()[1:], 3 * CYCLES
    )
    assert told.naive and all(error >= Decimal(0) for error in told.naive)


def test_asking_again_plays_nothing_and_tells_the_same(played: Played) -> None:
    assert played.again == played.first


@req("R-309")
def test_each_scenario_is_one_trace(played: Played) -> None:
    own = [one for one in all_traces(played.places).values() if one.main_root.name in SCENARIOS]

    assert {one.main_root.name for one in own} == SCENARIOS
    assert len(own) == len(SCENARIOS)
    assert [one.broken_parents for one in own] == [0] * len(SCENARIOS)


@req("R-318")
def test_a_year_of_planning_passes_in_less_than_a_minute(played: Played) -> None:
    assert played.took_s < 60
