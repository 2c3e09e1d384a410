"""Why sales differ: volume, mix and price, which add up to the difference to the last unit.

Each line is compared at three stages: what was, grown as the whole grew (volume); what is sold now
at the old prices (mix); what is sold now (price). Rounded once a stage, so nothing is lost between
them.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TypeAlias

from chassis.money import round_half_up


@dataclass(frozen=True, slots=True)
class Sold:
    """Hold sales in minor units and their quantity in pieces."""

    sales: int = 0
    volume: int = 0


@dataclass(frozen=True, slots=True)
class Variance:
    """Hold what became of one line; volume + mix + price = after − before."""

    keys: tuple[str, ...]
    _: KW_ONLY
    before: int
    after: int
    volume: int
    mix: int
    price: int


Line: TypeAlias = Mapping[tuple[str, ...], Sold]

NOTHING = Sold()


def explain(before: Line, after: Line) -> tuple[list[Variance], Variance]:
    """Take the difference of sales apart.

    Shape: a line for each key of either, sorted, and their sum. What was not sold before has no old
        price: all of it is mix. Without any quantity before, there is no volume to grow from.
    Units: minor units.
    """
    quantity = sum(one.volume for one in before.values())
    now = sum(one.volume for one in after.values())
    lines = [
        _line(keys, before.get(keys, NOTHING), after.get(keys, NOTHING), grown=(now, quantity))
        for keys in sorted(before.keys() | after.keys())
    ]
    return lines, _sum(lines)


def _line(keys: tuple[str, ...], old: Sold, new: Sold, *, grown: tuple[int, int]) -> Variance:
    now, quantity = grown
    as_the_whole = round_half_up(old.sales * now, quantity) if quantity else old.sales
    at_old_prices = round_half_up(new.volume * old.sales, old.volume) if old.volume else new.sales
    return Variance(
        keys=keys,
        before=old.sales,
        after=new.sales,
        volume=as_the_whole - old.sales,
        mix=at_old_prices - as_the_whole,
        price=new.sales - at_old_prices,
    )


def _sum(lines: list[Variance]) -> Variance:
    return Variance(
        keys=(),
        before=sum(one.before for one in lines),
        after=sum(one.after for one in lines),
        volume=sum(one.volume for one in lines),
        mix=sum(one.mix for one in lines),
        price=sum(one.price for one in lines),
    )
