"""The base of rebate, the rules on it, and what a base earns; pure.

Rules have thresholds alone: a tier reaches from its threshold to the next one, so there is no gap
and no overlap to be found in them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from chassis.money import Money, round_half_up

MILLION: Final = 1_000_000


class BaseKind(StrEnum):
    """What an entry does to the base: PURCHASE and READMISSION raise it, the others lower it."""

    PURCHASE = "PURCHASE"
    RETURN = "RETURN"
    EXCLUSION = "EXCLUSION"
    READMISSION = "READMISSION"


RAISING: Final = frozenset({BaseKind.PURCHASE, BaseKind.READMISSION})


@dataclass(frozen=True, slots=True)
class BaseEntry:
    """Hold one change of a partner's base.

    Shape: `entry_id` is a UUID of the caller's making; the same one again changes nothing.
        `order_id` and `product_id` are empty where there is none. A purchase counts for the year of
        its `day`, the day on which it was paid; what lowers the base counts for the years in which
        its order was paid, the last one first. A readmission names its `exclusion_id`.
    Units: minor units, above 0.
    """

    entry_id: str
    partner_id: str
    unit_id: str
    kind: BaseKind
    amount: Money
    day: date
    order_id: str = ""
    product_id: str = ""
    reason: str = ""
    exclusion_id: str | None = None

    def readmitted(self, entry_id: str, amount_minor: int, *, on: date) -> "BaseEntry":
        """Make the inverse of an exclusion, or of a part of it."""
        return replace(
            self,
            entry_id=entry_id,
            kind=BaseKind.READMISSION,
            amount=replace(self.amount, amount_minor=amount_minor),
            day=on,
            exclusion_id=self.entry_id,
        )


@dataclass(frozen=True, slots=True)
class GoodsBack:
    """Hold what an invoice says of a product of which goods come back.

    Units: minor units; `back_minor` is all that was taken back, `now_minor` the last of it.
    """

    product_id: str
    sold_minor: int
    back_minor: int
    now_minor: int


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Hold what is left of an exclusion: its entry, and the minor units by year that nobody has
    readmitted."""

    entry: BaseEntry
    left: Mapping[int, int]

    @property
    def left_minor(self) -> int:
        """Return what is left of it in all years."""
        return sum(self.left.values())


def returned_of(exclusions: Sequence[Exclusion], goods: Sequence[GoodsBack]) -> dict[str, int]:
    """Say how much of each exclusion of an order comes back with goods that are taken back now.

    Shape: minor units by the exclusion's id, above 0. Nobody says whether goods that come back are
        those that were excluded; but as soon as both are more than was sold, some are. That is
        asked of each product, and of the order as a whole.
    Source: R-096, R-105.
    """
    found: dict[str, int] = {}
    sold = {one.product_id: one for one in goods}
    for product in goods:
        own = [one for one in exclusions if one.entry.product_id == product.product_id]
        _overlap(own, [product], found)
    others = [one for one in exclusions if one.entry.product_id not in sold]
    kept = sum(one.left_minor - found.get(one.entry.entry_id, 0) for one in exclusions)
    _overlap(others, goods, found, beside=kept - sum(one.left_minor for one in others))
    return found


def _overlap(
    own: Sequence[Exclusion],
    goods: Sequence[GoodsBack],
    found: dict[str, int],
    *,
    beside: int = 0,
) -> None:
    """Add what exclusions and goods that came back have in common; `beside` is excluded by
    others."""
    excluded = sum(one.left_minor for one in own) + beside
    more = excluded + sum(one.back_minor - one.sold_minor for one in goods)
    left = min(more, sum(one.now_minor for one in goods))
    for one in own:
        part = min(left, one.left_minor)
        if part > 0:
            found[one.entry.entry_id] = part
            left -= part


def spread(amount_minor: int, left: Mapping[int, int], *, year: int) -> dict[int, int]:
    """Say from which years' bases an amount is taken.

    Shape: `left` has what each year's base still has of the order; the last year gives first. What
        no year has is taken from `year`. The parts sum to the amount.
    """
    parts: dict[int, int] = {}
    for one in sorted(left, reverse=True):
        part = min(max(left[one], 0), amount_minor)
        if part:
            parts[one] = part
            amount_minor -= part
    if amount_minor:
        parts[year] = parts.get(year, 0) + amount_minor
    return parts


class Mode(StrEnum):
    """Whether the tier that is reached holds for the whole volume, or each for its own part."""

    WHOLE_VOLUME = "whole_volume"
    PROGRESSIVE = "progressive"


class Cause(StrEnum):
    """Why a partner loses a part of its rebate; the policy says how much."""

    DIVERSION = "DIVERSION"
    OVERDUE = "OVERDUE"
    BREACH = "BREACH"


@dataclass(frozen=True, slots=True)
class Forfeit:
    """Hold that a partner loses a part of a year's rebate."""

    partner_id: str
    year: int
    cause: Cause
    note: str
    recorded_by: str
    record_time: datetime


@dataclass(frozen=True, slots=True)
class Tier:
    """Hold a threshold and the rate from it on, up to the next threshold."""

    from_minor: int
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Bracket:
    """Hold a stretch of the base on which the rebate is a straight line.

    Shape: on `from_minor` to `upto_minor`, that one not included and None for the last, a base
        earns `offset` + (base - from) * `rate`.
    Units: `offset` in millionths of a minor unit, `rate` in millionths.
    """

    from_minor: int
    upto_minor: int | None
    offset: int
    rate: int


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold what a version of the policy says."""

    policy_id: str
    scope: str
    currency_code: str
    mode: Mode
    tiers: tuple[Tier, ...]
    grade_caps: Mapping[str, Decimal]
    forfeits: Mapping[str, Decimal]
    planned_rate: Decimal | None = None
    budget_minor: int | None = None

    def rates(self, grade: str) -> list[int]:
        """Return the rate of each tier, none above what the partner's credit grade allows.

        Units: millionths.
        Source: R-102.
        """
        cap = self.grade_caps.get(grade)
        found = (one.rate if cap is None else min(one.rate, cap) for one in self.tiers)
        return [int(one * MILLION) for one in found]

    def brackets(self, grade: str) -> list[Bracket]:
        """Return the stretches of the base, from the first threshold on, without a gap.

        Source: R-101.
        """
        rates = self.rates(grade)
        starts = [one.from_minor for one in self.tiers]
        ends = [*starts[1:], None]
        found: list[Bracket] = []
        sum_below = 0
        for start, end, rate in zip(starts, ends, rates, strict=True):
            offset = sum_below if self.mode is Mode.PROGRESSIVE else start * rate
            found.append(Bracket(start, end, offset, rate))
            sum_below += ((end or start) - start) * rate
        return found

    def kept(self, causes: Collection[str]) -> int:
        """Return which share of the rebate is left after what was forfeited.

        Units: millionths; 0 at least.
        Source: R-105.
        """
        shares = self.shares()
        return max(0, MILLION - sum(shares.get(cause, 0) for cause in set(causes)))

    def shares(self) -> dict[str, int]:
        """Return which share each cause takes, in millionths."""
        return {cause: int(share * MILLION) for cause, share in self.forfeits.items()}

    def earned(self, base_minor: int, *, grade: str, kept: int = MILLION) -> "Earned":
        """Say what a base earns, rounded once.

        Source: R-101, R-102, R-105.
        """
        exact = 0
        for one in self.brackets(grade):
            is_within = one.upto_minor is None or base_minor < one.upto_minor
            if one.from_minor <= base_minor and is_within:
                exact = one.offset + (base_minor - one.from_minor) * one.rate
        return Earned(round_half_up(exact, MILLION), round_half_up(exact * kept, MILLION * MILLION))

    def parts(self, base_minor: int, *, grade: str) -> list["Part"]:
        """Explain what a base earns, tier by tier; the parts sum to it exactly, before rounding.

        Source: R-104.
        """
        found: list[Part] = []
        rates = self.rates(grade)
        ends = [*(one.from_minor for one in self.tiers[1:]), None]
        for tier, end, rate in zip(self.tiers, ends, rates, strict=True):
            if base_minor < tier.from_minor:
                break
            top = base_minor if end is None else min(base_minor, end)
            found.append(Part(tier, end, rate, top - tier.from_minor))
        if self.mode is Mode.WHOLE_VOLUME and found:
            last = found[-1]
            found = [Part(last.tier, last.upto_minor, last.rate, base_minor)]
        return found


@dataclass(frozen=True, slots=True)
class Earned:
    """Hold a rebate as the tiers make it, and what is left of it after what was forfeited.

    Units: minor units.
    """

    rebate_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Part:
    """Hold what one tier earns; `rate` is below the tier's own where the credit grade caps it.

    Units: `rate` in millionths, `base_minor` in minor units.
    """

    tier: Tier
    upto_minor: int | None
    rate: int
    base_minor: int

    @property
    def exact_minor(self) -> Decimal:
        """Return what it earns in minor units, not rounded."""
        return Decimal(self.base_minor * self.rate) / MILLION


def problems_of(parameters: Mapping[str, object]) -> Sequence[str]:
    """Tell what is wrong with the parameters of a rebate policy, one sentence for each place.

    Shape: thresholds rise from one tier to the next, and so do the rates.
    """
    found: list[str] = []
    if parameters["mode"] not in set(Mode):
        found.append(f"mode is neither {' nor '.join(Mode)}")
    tiers = parameters["tiers"]
    assert isinstance(tiers, Sequence)
    before: tuple[int, Decimal] | None = None
    for number, one in enumerate(tiers):
        tier = int(one["from_minor"]), Decimal(str(one["rate"]))
        place = f"tiers[{number}]"
        if tier[0] < 0 or (before is not None and tier[0] <= before[0]):
            found.append(f"{place}.from_minor is not above the threshold before it")
        if before is not None and tier[1] < before[1]:
            found.append(f"{place}.rate is below the rate before it")
        found += _rate_problems(f"{place}.rate", tier[1])
        before = tier
    for name in ("grade_caps", "forfeits"):
        table = parameters.get(name, {})
        assert isinstance(table, Mapping)
        for key, rate in table.items():
            found += _rate_problems(f"{name}.{key}", Decimal(str(rate)))
    return found


def _rate_problems(place: str, rate: Decimal) -> list[str]:
    exponent = rate.as_tuple().exponent
    is_fine = isinstance(exponent, int) and exponent >= -6 and 0 <= rate <= 1
    return [] if is_fine else [f"{place} is not between 0 and 1 with six decimals at most"]
