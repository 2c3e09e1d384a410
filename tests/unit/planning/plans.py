"""Plans of any content, for what must hold for all of them."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from chassis.money import Money
from chassis.policy.domain import VariableType
from planning.campaign.domain import Goal, GoalKind, Offer, Plan

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
shares = st.decimals(0, 1, places=6)
decimals = st.decimals(-(10**9), 10**9, places=3)
money = st.integers(0, 10**15).map(lambda amount_minor: Money("CNY", amount_minor))
lists = st.lists(texts, max_size=3).map(tuple)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
kinds = st.sampled_from([VariableType.INT, VariableType.STRING, VariableType.BOOL])

goals = st.builds(
    Goal, kind=st.sampled_from(GoalKind), unit=texts, baseline=decimals, target=decimals
)
offers = st.builds(
    Offer,
    offer_code=texts,
    product_id=texts,
    wording=texts,
    event_types=lists,
    touchpoint_kinds=lists,
    required_tags=lists,
    excluded_tags=lists,
    condition=texts,
    propensity=shares,
    value=money,
    score_cut=shares,
    moment=st.sampled_from(["", "resolved"]),
    valid_days=st.integers(1, 365),
)
plans = st.builds(
    Plan,
    name=texts,
    segment=texts,
    goals=st.lists(goals, max_size=3).map(tuple),
    audience=texts,
    offers=st.lists(offers, max_size=3).map(tuple),
    wording=texts,
    support=texts,
    budget=money,
    start_time=times,
    end_time=times,
    margin_share=shares,
    attributes=st.dictionaries(texts, kinds, max_size=3),
)

ANY_PLAN = Plan(
    name="spring",
    segment="family",
    goals=(),
    audience="",
    offers=(),
    wording="",
    support="",
    budget=Money("CNY", 1_000),
    start_time=datetime(2026, 3, 2, tzinfo=UTC),
    end_time=datetime(2026, 4, 2, tzinfo=UTC),
    margin_share=Decimal("0.60"),
    attributes={},
)
