"""One campaign from its plan to its lesson, through four processes: what came of it."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from mantle.planning.v1 import campaign_pb2
from mantle.settlement.v1 import commission_pb2

from local.demo import tally
from local.demo.story import BUDGET_MINOR
from tests.e2e.conftest import AGAIN, BEGIN, SIZE, Played
from tests.support.requirements import req

COMMISSION_MINOR = 500
REVERSED = commission_pb2.CommissionEntry.STATE_REVERSED
KINDS = campaign_pb2.CampaignStage.Kind


def test_an_import_takes_the_good_rows_and_names_the_bad_one(played: Played) -> None:
    told = played.told

    assert told.taken.rows_new == SIZE.customers
    assert {error.row_number for error in told.refused_rows} == {401}
    assert {error.field for error in told.refused_rows} == {"display_name", "phone", "status"}


@req("R-110")
def test_of_two_who_want_the_same_money_one_gets_it(played: Played) -> None:
    assert sorted(played.told.race) == ["BUDGET_INSUFFICIENT", "reserved"]


@req("R-268")
def test_a_campaign_needs_five_signatures_of_five_roles(played: Played) -> None:
    signed = [one for one in played.told.timeline.sign_offs if one.signed_by]

    assert len(signed) == len({one.role for one in signed}) == 5
    assert played.told.sixth == "ROLE_FORBIDS"
    assert played.told.too_early == "STEP_NOT_OPEN"


@req("R-267")
def test_a_campaign_goes_through_five_stages_and_feeds_the_next_plan(played: Played) -> None:
    stages = played.told.timeline.stages
    times = [stage.begin_time.ToDatetime() for stage in stages]
    lesson = played.told.form.lessons[0]

    assert [KINDS.Name(stage.kind) for stage in stages] == KINDS.keys()[1:]
    assert times == sorted(times)
    assert all(stage.HasField("end_time") for stage in stages)
    assert lesson.campaign_id == played.told.campaign_id
    assert lesson.result.roi_percent == played.told.result.roi_percent


@req("R-253")
def test_all_sixteen_touchpoints_decide_through_one_door(played: Played) -> None:
    visits = played.told.live.visits

    assert len(visits) == SIZE.touches
    assert len({one.touch.touchpoint.kind for one in visits}) == 16
    assert all(one.decision.decision_id for one in visits)


@req("R-245")
def test_some_touches_become_offers_answers_orders_and_deliveries(played: Played) -> None:
    funnel = played.told.funnel
    assert funnel is not None
    counts = [count for _, count in funnel.stages()]

    assert counts == sorted(counts, reverse=True)
    assert funnel.delivered == funnel.ordered > 0


def test_every_offer_that_was_not_made_has_its_reason(played: Played) -> None:
    reasons = tally.reasons(played.told.live.visits)

    assert "UNSPECIFIED" not in reasons
    assert {"PRODUCT_OWNED", "PRODUCT_REQUIRES"} <= set(reasons)


@req("R-119")
def test_each_order_that_was_kept_earns_five_and_a_cancelled_one_nothing(played: Played) -> None:
    told = played.told
    kept = [one for one in played.entries if one.state != REVERSED]
    cancelled = {one.order.order_id for one in told.cancelled}
    assert told.funnel is not None

    assert {one.amount.amount_minor for one in played.entries} == {COMMISSION_MINOR}
    assert {one.order_id for one in played.entries if one.state == REVERSED} == cancelled
    assert len(kept) == told.funnel.ordered - len(cancelled)
    assert sum(told.commission_paid.values()) == COMMISSION_MINOR * len(kept)


def test_a_cancellation_after_the_cooling_off_is_refused(played: Played) -> None:
    assert played.told.too_late == "COOLING_OFF_OVER"


@req("R-277")
def test_the_evaluation_says_what_really_came_of_it(played: Played) -> None:
    result = played.told.result
    cost, revenue = result.cost.amount_minor, result.revenue.amount_minor
    margin = _half_up(Decimal(revenue) * Decimal("0.60"), "1")
    expected = _half_up((margin - cost) / Decimal(cost) * 100, "0.1")

    assert cost == COMMISSION_MINOR * sum(one.state != REVERSED for one in played.entries)
    assert result.margin.amount_minor == margin
    assert Decimal(result.roi_percent) == expected


def test_what_a_campaign_did_not_spend_is_free_again(played: Played) -> None:
    assert played.told.result.cost.amount_minor < BUDGET_MINOR
    assert played.told.reserved == 0


def test_debits_equal_credits(played: Played) -> None:
    debits, credits_ = zip(*played.told.trial_balance.values(), strict=True)

    assert sum(debits) == sum(credits_) > 0


def test_a_stopped_campaign_offers_nothing_within_five_seconds(played: Played) -> None:
    live = played.told.live

    assert live.stop_s < 5
    assert live.withdraw_s < 5
    assert live.withdrawn > 0


@req("R-318")
def test_four_weeks_of_business_pass_in_less_than_a_minute(played: Played) -> None:
    assert played.ended - BEGIN > timedelta(days=25)
    assert played.took_s < 60


def test_a_second_story_finds_the_customers_of_the_first(played: Played) -> None:
    assert played.again.campaign_id != played.told.campaign_id
    assert played.again.taken == played.told.taken
    assert len(played.again.live.visits) == AGAIN.touches


def test_the_first_call_lists_the_touchpoints(played: Played) -> None:
    done = played.first_call

    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 16
    assert "客服热线" in done.stdout


def _half_up(number: Decimal, step: str) -> Decimal:
    return number.quantize(Decimal(step), ROUND_HALF_UP)
