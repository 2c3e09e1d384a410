"""Contact limits, tables of moves and preferences, as plain values."""

import re
from datetime import UTC, datetime, time, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantle.planning.v1 import campaign_pb2

from chassis.money import Money
from chassis.policy.wire import variables_of
from crm.customer.domain import from_ppm, to_ppm
from crm.decision.domain import ContactLimits
from crm.outreach.domain import MOVES, Offer, OfferStateForbids, State, preference_of
from crm.rules.book import ALWAYS
from crm.touchpoint.domain import ContactKind, read_registry
from tests.support.requirements import req

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 3, 2, 2, tzinfo=UTC)


def limits(quiet_from: time = time(21), quiet_to: time = time(8)) -> ContactLimits:
    return ContactLimits(
        outbound_max=2,
        window=timedelta(days=7),
        quiet_from=quiet_from,
        quiet_to=quiet_to,
        cool_down=timedelta(days=30),
        consent_kinds=frozenset({"MESSAGE"}),
    )


def an_offer(state: State) -> Offer:
    return Offer(
        offer_id="o",
        decision_id="d",
        customer_id="C1",
        unit_id="hq",
        campaign_id="c",
        campaign_version=1,
        offer_code="O12",
        product_id="P1",
        wording="words",
        touchpoint_id="hotline",
        touchpoint_kind="HOTLINE",
        contact_kind=ContactKind.INBOUND,
        partner_id="",
        propensity_ppm=420_000,
        propensity_source="campaign",
        value=Money("CNY", 3000),
        create_time=AT,
        expire_time=AT + timedelta(days=7),
        state=state,
    )


@req("R-250")
@pytest.mark.parametrize(
    ("local", "until"),
    [
        ("2026-03-02T20:59", None),
        ("2026-03-02T21:00", "2026-03-03T08:00"),
        ("2026-03-02T22:15", "2026-03-03T08:00"),
        ("2026-03-03T00:00", "2026-03-03T08:00"),
        ("2026-03-03T07:59", "2026-03-03T08:00"),
        ("2026-03-03T08:00", None),
    ],
)
def test_quiet_time_goes_over_midnight(local: str, until: str | None) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=SHANGHAI)

    quiet_until = limits().quiet_until(at, SHANGHAI)

    expected = datetime.fromisoformat(until).replace(tzinfo=SHANGHAI) if until else None
    assert quiet_until == expected


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    quiet_from=st.times(),
    quiet_to=st.times(),
)
def test_quiet_time_ends_within_a_day_and_is_over_then(
    at: datetime, quiet_from: time, quiet_to: time
) -> None:
    policy = limits(quiet_from, quiet_to)

    ends = policy.quiet_until(at.replace(tzinfo=UTC), SHANGHAI)

    if ends is not None:
        assert timedelta(0) < ends - at.replace(tzinfo=UTC) <= timedelta(days=1)
        assert policy.quiet_until(ends, SHANGHAI) is None


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_an_offer_moves_only_along_the_table(state: State, to: State) -> None:
    offer = an_offer(state)

    try:
        offer.require_move(to, at=AT)
        allowed = True
    except OfferStateForbids:
        allowed = False

    assert allowed == (to in MOVES[state])


@pytest.mark.parametrize("to", list(State))
def test_an_expired_offer_moves_nowhere(to: State) -> None:
    offer = an_offer(State.SHOWN)

    with pytest.raises(OfferStateForbids):
        offer.require_move(to, at=offer.expire_time)


@req("R-248")
def test_a_score_is_propensity_times_value() -> None:
    assert an_offer(State.CREATED).score == Money("CNY", 1260)


@given(st.integers(0, 1_000_000))
def test_a_propensity_survives_its_spelling(ppm: int) -> None:
    assert to_ppm(from_ppm(ppm)) == ppm


@req("R-243")
def test_the_registry_has_sixteen_touchpoints_each_of_its_own_kind() -> None:
    registry = read_registry()

    assert len(registry) == 16
    assert len({one.kind for one in registry}) == 16


@req("R-251")
def test_the_most_used_channel_with_a_way_out_is_preferred() -> None:
    registry = read_registry()
    accepted = {"APP": 6, "APP_PUSH": 1, "HALL": 2, "SMS": 1}

    agreed = preference_of(
        accepted,
        registry,
        consents=frozenset({ContactKind.MESSAGE}),
        needs_consent=frozenset({"MESSAGE"}),
    )
    silent = preference_of(
        accepted, registry, consents=frozenset(), needs_consent=frozenset({"MESSAGE"})
    )

    assert (agreed.channels[0].channel, agreed.channels[0].share_permille) == ("APP", 700)
    assert agreed.next_outbound_touchpoint_id == "app-push"
    assert silent.next_outbound_touchpoint_id == ""


@req("R-253")
def test_offers_are_written_in_one_place() -> None:
    services = Path(__file__).resolve().parents[3] / "services" / "crm"
    writes = re.compile(r"INSERT INTO offer\b|insert\(offer\)")

    found = [path for path in services.rglob("*.py") if writes.search(path.read_text())]

    assert [path.relative_to(services).as_posix() for path in found] == ["decision/storage.py"]


def test_variables_of_conditions_are_those_of_the_contract() -> None:
    assert variables_of(campaign_pb2.OfferVariables) == ALWAYS
