"""The decision side of the demo: real history, a year plan, its first month, a rolling plan.

Everything happens by public RPCs and by the business clock; each part is a trace of its own.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from local.demo.planning import (
    figures,
    ground,
    history,
    monthly,
    pages,
    results,
    variance,
    year_plan,
)
from local.demo.planning.history import History
from local.demo.planning.results import Monthly, Variance, Year
from local.demo.scene import Scene
from local.supply import SupplyStandIn
from local.tokens import ROOT_UNIT_ID

CYCLES: Final = history.CYCLES
YEAR: Final = 2026
HISTORY_BEGINS: Final = datetime(2006, 11, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Planned:
    """Hold what planning answers about everything that was played."""

    year: Year
    variance: Variance
    monthly: Monthly
    history: History = field(default_factory=History)


def play(scene: Scene, supply: SupplyStandIn, *, cycles: int = CYCLES) -> Planned:
    """Play everything that was not played on this platform before, and print what came of it.

    Shape: a platform that nothing happened on begins in 2006; on any other, business time stays
        where it is, and what is planned is simply long over.
    Errors: LocalError when a service answers otherwise than the story expects.
    """
    if ground.known_units(scene) <= {ROOT_UNIT_ID}:
        scene.clock.set(HISTORY_BEGINS)
    if figures.version_named(scene.desk, history.PLAN_NAME):
        scene.narrator.chapter("Planning, played before")
        return _told(scene, YEAR)
    ground.lay(scene)
    began_s = time.monotonic()
    with scene.desk.begin("drug sales"):
        _history(scene, cycles)
    history_s = time.monotonic() - began_s
    with scene.desk.begin("year plan"):
        _year(scene, YEAR)
    with scene.desk.begin("adjustment"):
        variance.play(scene, YEAR)
    pages.print_variance(scene.narrator, results.read_variance(scene, YEAR))
    with scene.desk.begin("rolling plan"):
        monthly.play(scene, supply, YEAR)
    pages.print_monthly(scene.narrator, results.read_monthly(scene, YEAR))
    scene.narrator.blank()
    company_s = time.monotonic() - began_s - history_s
    scene.narrator.tell(f"The company's year took {company_s:.0f} s, history {history_s:.0f} s")
    return _read(scene, YEAR)


def _history(scene: Scene, cycles: int) -> None:
    history.play(scene, cycles=cycles)
    scene.narrator.blank()
    pages.print_history(scene.narrator, history.read(scene))


def _year(scene: Scene, year: int) -> None:
    annual_plan_id = year_plan.play(scene, year)
    results.run_what_if(scene, year, annual_plan_id)
    pages.print_year(scene.narrator, results.read_year(scene, year))


def _told(scene: Scene, year: int) -> Planned:
    found = _read(scene, year)
    pages.print_year(scene.narrator, found.year)
    scene.narrator.blank()
    pages.print_variance(scene.narrator, found.variance)
    scene.narrator.blank()
    pages.print_monthly(scene.narrator, found.monthly)
    scene.narrator.blank()
    pages.print_history(scene.narrator, found.history)
    return found


def _read(scene: Scene, year: int) -> Planned:
    return Planned(
        results.read_year(scene, year),
        results.read_variance(scene, year),
        results.read_monthly(scene, year),
        history.read(scene),
    )
