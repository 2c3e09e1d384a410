"""The trading side of the demo: real purchases in volume, and a year of distributors.

Everything happens by public RPCs and by the business clock.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from mantle.channels.v1 import maintenance_pb2
from mantle.settlement.v1 import rebate_pb2

from local.demo.narrator import ZONE
from local.demo.planning import figures
from local.demo.planning.ground import known_units
from local.demo.scene import MORNING, Scene
from local.demo.trade import (
    cash,
    expenses,
    ground,
    maintenance,
    newcomer,
    pages,
    purchases,
    rebates,
    shop,
)
from local.demo.trade.ground import Year
from local.demo.trade.ledger import Sums
from local.demo.trade.volume import Months, Settled
from local.tokens import ROOT_UNIT_ID

# The first day of the file, on which everything is agreed on.
BEGIN: Final = date(1997, 1, 1)
FIRST_YEAR: Final = 2026
# Who comes later than this waits for the next year to begin.
LATEST_MONTH: Final = 3


@dataclass(frozen=True, slots=True)
class Traded:
    """Hold what the volume brought, month by month; nothing where it was not played."""

    months: list[Settled]


@dataclass(frozen=True, slots=True)
class Told:
    """Hold what a year of distributors brought: the rebate of the loyal one, what the maintenance
    found of each, and the books."""

    year: Year
    statement: rebate_pb2.RebateStatement
    reviews: Sequence[maintenance_pb2.PartnerReview]
    books: Sums


def settle_history(
    scene: Scene, *, months: int = purchases.MONTHS, a_month: int | None = None
) -> Traded:
    """Play the real purchases, on a platform that nothing happened on yet.

    Shape: on any other there is nothing to play, because business time never goes back; `a_month`
        takes only the first purchases of each month.
    Errors: BooksDiffer when a closed month does not say what the file does.
    """
    narrator = scene.narrator
    if shop.is_founded(scene) or known_units(scene) - {ROOT_UNIT_ID}:
        narrator.chapter("Real purchases: only on a platform without a past")
        narrator.tell("./run reset clears everything; then they are settled first")
        return Traded([])
    scene.clock.set(datetime.combine(BEGIN, MORNING, ZONE))
    narrator.chapter("Real purchases: an online shop and its agents")
    # Begun first, because what comes first decides in which currency the company counts.
    figures.actual_version(scene.desk)
    sold = purchases.read_file(a_month)
    shop.found(scene)
    count = sum(len(own) for by_agent in sold.values() for own in by_agent.values())
    narrator.tell(
        f"{count:,} purchases of {len(sold)} months, sold by {purchases.AGENTS} agents",
        "5 % commission, a progressive rebate on what is paid; amounts in USD",
    )
    narrator.blank()
    pages.print_heading(narrator)
    began_s = time.monotonic()
    played, done = Months(scene), []
    for month in list(sold)[:months]:
        done.append(played.settle(month, sold[month]))
        pages.print_month(narrator, done[-1])
    narrator.blank()
    pages.print_volume(narrator, done, took_s=time.monotonic() - began_s)
    pages.print_trial_balance(scene, purchases.CURRENCY)
    return Traded(done)


def play_year(scene: Scene) -> Told:
    """Play a year of distributors, from a newcomer to the yearly maintenance."""
    year = next_year(scene.clock.today(ZONE))
    scene.move_to(year.morning(ground.FIRST_MONTH, 2))
    ground.lay(scene, year)
    newcomer.play(scene, year)
    cash.play(scene, year)
    expense_id = expenses.spend(scene, year)
    rebates.play(scene, year)
    expenses.evaluate(scene, year, expense_id)
    statement = rebates.settle(scene, year)
    reviews = maintenance.play(scene, year)
    rebates.use_up(scene, year)
    pages.print_partner(scene, year.loyal, f"{year.year}-11")
    books = pages.print_trial_balance(scene, "CNY")
    pages.print_chain(scene)
    return Told(year, statement, reviews, books)


def next_year(today: date) -> Year:
    """Return the year of distributors that can begin now: each has partners of its own."""
    begins_now = today.month <= LATEST_MONTH
    return Year(max(FIRST_YEAR, today.year if begins_now else today.year + 1))
