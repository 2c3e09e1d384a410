"""The choice between offers, against a reader that looks at every rule."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from chassis.policy.domain import Bindable
from crm.customer.domain import Kind, Status
from crm.decision.domain import ContactLimits, EventType, Profile, Situation, Touch
from crm.decision.weighing import CAMPAIGN, CUSTOMER, Weighed, weigh
from crm.rules import book
from crm.rules.domain import Campaign, CampaignState, Product, Rule, Terms
from crm.rules.index import RuleIndex, numbers
from crm.touchpoint.domain import ContactKind, Direction, Touchpoint
from tests.support.requirements import req

AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
HOTLINE = Touchpoint(
    "hotline", "HOTLINE", "PHONE", "Hotline", "热线", Direction.INBOUND, ContactKind.INBOUND
)
LIMITS = ContactLimits(
    outbound_max=2,
    window=timedelta(days=7),
    quiet_from=datetime(2026, 1, 1, 21).time(),
    quiet_to=datetime(2026, 1, 1, 8).time(),
    cool_down=timedelta(days=30),
    consent_kinds=frozenset({"MESSAGE"}),
)
NAMES = ["A", "B", "C", "D"]
names = st.frozensets(st.sampled_from(NAMES), max_size=3)
terms = st.builds(
    Terms,
    offer_code=st.sampled_from(NAMES),
    product_id=st.sampled_from(NAMES),
    wording=st.just("words"),
    propensity_ppm=st.integers(0, 1_000_000),
    value=st.integers(0, 100_000).map(lambda minor: Money("CNY", minor)),
    valid_days=st.just(7),
    score_cut_ppm=st.sampled_from([0, 0, 300_000]),
    event_types=st.sampled_from([frozenset(), {"CALL_BEHAVIOUR"}, {"OTHER"}]).map(frozenset),
    touchpoint_kinds=st.sampled_from([frozenset(), {"HOTLINE"}, {"SMS"}]).map(frozenset),
    required_tags=names,
    excluded_tags=names,
    moment=st.sampled_from(["", "", "resolved"]),
)
campaigns = st.lists(
    st.builds(
        Campaign,
        campaign_id=st.uuids().map(str),
        unit_id=st.sampled_from(["hq", "r1", "r2"]),
        version=st.just(1),
        state=st.sampled_from([CampaignState.LIVE, CampaignState.LIVE, CampaignState.PAUSED]),
        start_time=st.sampled_from([AT, AT + timedelta(days=1)]),
        end_time=st.just(AT + timedelta(days=9)),
        offers=st.lists(terms, max_size=4).map(tuple),
    ),
    max_size=12,
)
profiles = st.builds(
    Profile,
    customer_id=st.just("C1"),
    unit_id=st.just("r1"),
    units=st.just(("hq", "r1")),
    kind=st.just(Kind.END),
    status=st.just(Status.ACTIVE),
    time_zone=st.just(""),
    tags=names,
    consents=st.just(frozenset()),
    attributes=st.just({}),
    scores=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 1_000_000), max_size=2),
    owned=names,
    outbound_times=st.just(()),
    declines=st.just({}),
    change_number=st.just(1),
)
PRODUCTS = {name: Product(name, 1, available=name != "D") for name in NAMES}


def a_situation(profile: Profile, *, moment: str = "") -> Situation:
    touch = Touch(
        customer_id="C1",
        touchpoint_id="hotline",
        source="",
        event_id="e",
        type=EventType.CALL_BEHAVIOUR,
        name="",
        occur_time=AT,
        moment=moment,
        attributes={},
        partner_id="",
    )
    return Situation(touch, profile, HOTLINE, AT)


def no_condition(_rule: Rule, _values: Mapping[str, Bindable]) -> bool:
    raise AssertionError("nothing has a condition here")


def weighed(live: list[Campaign], profile: Profile, offers_max: int = 1) -> Weighed:
    return weigh(
        a_situation(profile),
        RuleIndex(live),
        products=PRODUCTS,
        limits=LIMITS,
        offers_max=offers_max,
        holds=no_condition,
    )


def fits(rule: Rule, profile: Profile) -> bool:
    one = rule.terms
    propensity = profile.scores.get(one.product_id, one.propensity_ppm)
    return (
        rule.campaign.state is CampaignState.LIVE
        and rule.campaign.unit_id in profile.units
        and rule.campaign.start_time <= AT
        and (not one.event_types or "CALL_BEHAVIOUR" in one.event_types)
        and (not one.touchpoint_kinds or "HOTLINE" in one.touchpoint_kinds)
        and one.required_tags <= profile.tags
        and not one.excluded_tags & profile.tags
        and one.moment == ""
        and propensity >= one.score_cut_ppm
        and PRODUCTS[one.product_id].available
        and one.product_id not in profile.owned
    )


def worth(rule: Rule, profile: Profile) -> int:
    one = rule.terms
    return profile.scores.get(one.product_id, one.propensity_ppm) * one.value.amount_minor


@req("R-245", "R-247")
@given(live=campaigns, profile=profiles, offers_max=st.integers(1, 3))
def test_stopping_early_finds_what_looking_at_every_rule_finds(
    live: list[Campaign], profile: Profile, offers_max: int
) -> None:
    every = [Rule(campaign, one) for campaign in live for one in campaign.offers]
    best: dict[str, int] = {}
    for rule in every:
        if fits(rule, profile):
            product_id = rule.terms.product_id
            best[product_id] = max(best.get(product_id, -1), worth(rule, profile))

    found = weighed(live, profile, offers_max)

    assert [choice.worth for choice in found.chosen] == sorted(best.values(), reverse=True)[
        :offers_max
    ]
    assert all(fits(choice.rule, profile) for choice in found.chosen)
    assert len({choice.rule.terms.product_id for choice in found.chosen}) == len(found.chosen)


@given(live=campaigns)
def test_rules_are_numbered_by_falling_worth(live: list[Campaign]) -> None:
    index = RuleIndex(live)

    worths = [rule.worth for rule in index.rules]

    assert worths == sorted(worths, reverse=True)


@given(st.frozensets(st.integers(0, 5000)))
def test_the_numbers_of_bits_come_back_in_order(wanted: frozenset[int]) -> None:
    bits = sum(1 << number for number in wanted)

    assert list(numbers(bits)) == sorted(wanted)


def test_an_own_score_counts_instead_of_the_campaigns() -> None:
    profile = a_profile(scores={"A": 900_000})
    live = [a_campaign(a_term("A", 100_000, 1_000)), a_campaign(a_term("B", 800_000, 1_000))]

    [choice] = weighed(live, profile).chosen

    assert (choice.rule.terms.product_id, choice.source) == ("A", CUSTOMER)


def test_among_a_thousand_rules_only_the_best_is_looked_at() -> None:
    live = [a_campaign(a_term("A", 500_000, value)) for value in range(1, 1001)]
    looked: list[Rule] = []

    def holds(rule: Rule, _values: Mapping[str, Bindable]) -> bool:
        looked.append(rule)
        return True

    found = weigh(
        a_situation(a_profile()),
        RuleIndex([_asking(campaign) for campaign in live]),
        products=PRODUCTS,
        limits=LIMITS,
        offers_max=1,
        holds=holds,
    )

    [choice] = found.chosen
    assert (choice.rule.terms.value.amount_minor, choice.source) == (1000, CAMPAIGN)
    assert len(looked) == 1


def test_a_condition_sees_only_values_of_the_declared_type() -> None:
    campaign = a_campaign(a_term("A", 1, 1, condition="age >= 18"), variables={"age": "int"})
    rule = Rule(campaign, campaign.offers[0])

    answers = [book.holds(rule, {"age": 18}), book.holds(rule, {"age": 17})]

    assert answers == [True, False]


def a_term(product_id: str, ppm: int, minor: int, *, condition: str = "") -> Terms:
    return Terms(
        "O", product_id, "words", ppm, Money("CNY", minor), valid_days=7, condition=condition
    )


def a_campaign(*offers: Terms, variables: Mapping[str, str] | None = None) -> Campaign:
    number = f"{len(offers)}{offers[0].value.amount_minor}{offers[0].product_id}"
    return Campaign(
        campaign_id=number,
        unit_id="hq",
        version=1,
        state=CampaignState.LIVE,
        start_time=AT,
        end_time=AT + timedelta(days=9),
        offers=offers,
        variables=variables or {},
    )


def _asking(campaign: Campaign) -> Campaign:
    [one] = campaign.offers
    minor = one.value.amount_minor
    return a_campaign(a_term(one.product_id, one.propensity_ppm, minor, condition="true"))


def a_profile(scores: Mapping[str, int] | None = None) -> Profile:
    return Profile(
        customer_id="C1",
        unit_id="r1",
        units=("hq", "r1"),
        kind=Kind.END,
        status=Status.ACTIVE,
        time_zone="",
        tags=frozenset(),
        consents=frozenset(),
        attributes={},
        scores=scores or {},
        owned=frozenset(),
        outbound_times=(),
        declines={},
        change_number=1,
    )
