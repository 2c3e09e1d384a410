"""What a base earns: tiers without gaps, grade caps, forfeits, one rounding, every cent told."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from settlement.rebate.domain import (
    MILLION,
    BaseEntry,
    BaseKind,
    Exclusion,
    GoodsBack,
    Mode,
    Rules,
    Tier,
    problems_of,
    returned_of,
    spread,
)
from tests.support.requirements import req

F3 = (
    Tier(50_000_000, Decimal("0.01")),
    Tier(100_000_000, Decimal("0.02")),
    Tier(200_000_000, Decimal("0.03")),
)


def rules(mode: Mode = Mode.WHOLE_VOLUME, tiers: tuple[Tier, ...] = F3) -> Rules:
    return Rules(
        policy_id="p",
        scope="",
        currency_code="CNY",
        mode=mode,
        tiers=tiers,
        grade_caps={"C": Decimal("0.01")},
        forfeits={"OVERDUE": Decimal("0.5"), "BREACH": Decimal("1")},
    )


@req("R-101", "R-102", "R-103", "R-151")
@pytest.mark.parametrize(
    ("mode", "base_minor", "grade", "amount_minor"),
    [
        (Mode.WHOLE_VOLUME, 125_000_000, "B", 2_500_000),
        (Mode.PROGRESSIVE, 125_000_000, "B", 1_000_000),
        (Mode.WHOLE_VOLUME, 125_000_000, "C", 1_250_000),
        (Mode.WHOLE_VOLUME, 99_000_000, "B", 990_000),
        (Mode.WHOLE_VOLUME, 101_000_000, "B", 2_020_000),
        (Mode.WHOLE_VOLUME, 30_000_000, "B", 0),
        (Mode.WHOLE_VOLUME, 49_999_999, "B", 0),
        (Mode.WHOLE_VOLUME, 50_000_000, "B", 500_000),
        (Mode.PROGRESSIVE, 50_000_000, "B", 0),
        (Mode.WHOLE_VOLUME, 200_000_000, "", 6_000_000),
        (Mode.WHOLE_VOLUME, -1, "", 0),
    ],
)
def test_a_base_earns_what_its_tier_says(
    mode: Mode, base_minor: int, grade: str, amount_minor: int
) -> None:
    earned = rules(mode).earned(base_minor, grade=grade)

    assert earned.rebate_minor == earned.amount_minor == amount_minor


@req("R-105")
def test_what_is_excluded_or_forfeited_lowers_the_rebate() -> None:
    whole = rules()

    full = whole.earned(125_000_000, grade="B").amount_minor
    less = whole.earned(125_000_000 - 171_000, grade="B").amount_minor
    half = whole.earned(125_000_000, grade="B", kept=whole.kept(["OVERDUE"]))
    none = whole.earned(125_000_000, grade="B", kept=whole.kept(["OVERDUE", "BREACH"]))

    assert less - full == -3_420
    assert (half.rebate_minor, half.amount_minor) == (2_500_000, 1_250_000)
    assert none.amount_minor == 0
    assert whole.kept(["DIVERSION"]) == MILLION


thresholds = st.lists(st.integers(0, 10**12), min_size=1, max_size=6, unique=True).map(sorted)
some_rates = st.lists(st.integers(0, MILLION), min_size=6, max_size=6).map(sorted)


@req("R-101", "R-104")
@given(st.sampled_from(Mode), thresholds, some_rates, st.integers(0, 2 * 10**12), st.booleans())
def test_the_tiers_leave_no_gap_and_explain_each_cent(
    mode: Mode, starts: list[int], millionths: list[int], base_minor: int, capped: bool
) -> None:
    tiers = tuple(
        Tier(start, Decimal(rate) / MILLION)
        for start, rate in zip(starts, millionths, strict=False)
    )
    own = rules(mode, tiers)
    grade = "C" if capped else ""

    hit = [
        one
        for one in own.brackets(grade)
        if one.from_minor <= base_minor and (one.upto_minor is None or base_minor < one.upto_minor)
    ]
    exact = sum((one.exact_minor for one in own.parts(base_minor, grade=grade)), Decimal(0))
    earned = own.earned(base_minor, grade=grade).rebate_minor

    assert len(hit) == (base_minor >= starts[0])
    assert abs(exact - earned) <= Decimal("0.5")
    assert earned == int((exact * 2 + 1) // 2)


@given(
    st.integers(1, 10**9),
    st.dictionaries(st.integers(2020, 2030), st.integers(-100, 10**9), max_size=4),
)
def test_what_is_taken_from_years_sums_to_the_whole(amount: int, left: dict[int, int]) -> None:
    parts = spread(amount, left, year=2026)

    assert sum(parts.values()) == amount
    assert all(part > 0 for part in parts.values())
    over = {year for year, part in parts.items() if part > max(left.get(year, 0), 0)}
    assert over <= {2026}


def test_rules_that_do_not_rise_are_refused() -> None:
    parameters = {
        "mode": "sometimes",
        "tiers": [
            {"from_minor": 100, "rate": "0.02"},
            {"from_minor": 100, "rate": "0.01"},
            {"from_minor": 200, "rate": "1.5"},
        ],
        "grade_caps": {"C": "0.0000001"},
    }

    problems = problems_of(parameters)

    assert [one.split(" ")[0] for one in problems] == [
        "mode", "tiers[1].from_minor", "tiers[1].rate", "tiers[2].rate", "grade_caps.C",
    ]  # fmt: skip


SOLD = {"P1": 100, "P2": 40}
PIECES = st.lists(st.tuples(st.sampled_from(sorted(SOLD)), st.integers(1, 30)), max_size=12)
EXCLUDED = st.lists(st.tuples(st.sampled_from(["", *sorted(SOLD)]), st.integers(1, 30)), max_size=4)


@req("R-096", "R-105")
@given(excluded=EXCLUDED, returned=PIECES)
def test_what_was_excluded_and_comes_back_never_counts_twice(
    excluded: list[tuple[str, int]], returned: list[tuple[str, int]]
) -> None:
    """Of a product and of the order, what is excluded and what came back are together no more than
    what was sold, as long as no more was excluded to begin with; and no more is readmitted than has
    to be."""
    products, left = [], []
    for product_id, minor in fitting(excluded):
        products.append(product_id)
        left.append(minor)
    back = dict.fromkeys(SOLD, 0)
    for product_id, minor in returned:
        now = min(minor, SOLD[product_id] - back[product_id])
        back[product_id] += now
        goods = [
            GoodsBack(one, SOLD[one], back[one], now if one == product_id else 0) for one in SOLD
        ]
        own = [
            Exclusion(an_exclusion(place, product), {2026: left[place]})
            for place, product in enumerate(products)
        ]
        found = returned_of(own, goods)
        assert all(0 < part <= left[int(place)] for place, part in found.items())
        assert sum(found.values()) <= now
        for place, part in found.items():
            left[int(place)] -= part

        for one, sold in SOLD.items():
            own_minor = sum(
                minor for product, minor in zip(products, left, strict=True) if product == one
            )
            assert own_minor + back[one] <= sold
        assert sum(left) + sum(back.values()) <= sum(SOLD.values())


def fitting(excluded: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Leave out what would exclude more than was sold."""
    kept: list[tuple[str, int]] = []
    for product_id, minor in excluded:
        own = sum(other for product, other in kept if product == product_id)
        whole = sum(other for _, other in kept)
        limit = SOLD.get(product_id, sum(SOLD.values()))
        if own + minor <= limit and whole + minor <= sum(SOLD.values()):
            kept.append((product_id, minor))
    return kept


def an_exclusion(place: int, product_id: str) -> BaseEntry:
    return BaseEntry(
        entry_id=str(place),
        partner_id="D1",
        unit_id="hq",
        kind=BaseKind.EXCLUSION,
        amount=Money("CNY", 1),
        day=date(2026, 3, 2),
        order_id="O1",
        product_id=product_id,
    )
