"""Budget lines of plans, caps, transfers and the end of a year, through a real server."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from mantle.planning.v1 import budget_pb2, events_pb2
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as policies
from mantle.process.v1 import process_pb2
from mantle.process.v1 import process_service_pb2 as processes

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.period import DateRange
from chassis.scope import Caller
from planning.budget import plan_lines
from planning.budget.domain import BudgetBelowCommitted, BudgetLine, LineOwner
from planning.budget.plan_lines import PlanLine
from planning.budget.transfer import BudgetCapExceeded
from tests.support import examples_planning as made
from tests.support.examples_planning import cny
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import Refused

__all__ = ["office"]

T = TypeVar("T")
LINE = budget_pb2.BudgetLine
CAUSE = events_pb2.BudgetLineAdjusted
DECISION_LAYER = Caller("chair", frozenset({"decision_layer"}), "hq", "chair")
MARKET, SALES = LineOwner("market_director"), LineOwner("sales_director")
PRODUCT, NORTH = LineOwner("product_manager", "P1"), LineOwner("regional_manager", "A1")
YEAR = DateRange(date(2026, 1, 1), date(2027, 1, 1))


def act(office: Office, do: Callable[[Transaction, datetime], Outcome[T]]) -> T:
    """Do what a step of a plan does, with its facts."""
    at = office.world.clock.now()
    door = office.world.services["planning"].back_door
    return door.act("test", lambda tx: do(tx, at))


def wanted(
    amount_minor: int, owner: LineOwner = NORTH, *, unit_id: str = "A1", cap: str = ""
) -> PlanLine:
    return PlanLine(
        unit_id=unit_id,
        name=f"{owner.role}'s money",
        expense_type="hospital_promotion",
        period=YEAR,
        amount=Money("CNY", amount_minor),
        owner=owner,
        budget_cap_id=cap,
    )


def write(office: Office, plan_id: str, lines: list[PlanLine], *, version: int = 1) -> list[str]:
    made_lines: list[BudgetLine] = act(
        office,
        lambda tx, at: Outcome(
            plan_lines.create_lines(tx, plan_id, version, wanted=lines, by=DECISION_LAYER, at=at)
        ),
    )
    return [line.budget_line_id for line in made_lines]


def enforce(office: Office, plan_id: str, *, version: int = 1) -> int:
    lines = act(
        office,
        lambda tx, at: plan_lines.enforce_plan(tx, plan_id, version, by=DECISION_LAYER, at=at),
    )
    return len(lines)


def claim(office: Office, plan_id: str, owner: LineOwner) -> int:
    lines = act(
        office,
        lambda tx, at: plan_lines.claim_lines(tx, plan_id, owner, by=DECISION_LAYER, at=at),
    )
    return len(lines)


def adjust_plan(
    office: Office, plan_id: str, version: int, amounts: dict[str, int]
) -> list[BudgetLine]:
    money = {line_id: Money("CNY", minor) for line_id, minor in amounts.items()}
    return act(
        office, lambda tx, at: plan_lines.adjust_plan(tx, plan_id, version, amounts=money, at=at)
    )


def plan_of(office: Office, plan_id: str) -> budgets.GetPlanBudgetResponse:
    request = budgets.GetPlanBudgetRequest(plan_id=plan_id)
    answer: budgets.GetPlanBudgetResponse = office.world.call(request, role="finance")
    return answer


def refusal(office: Office, request: Message, *, role: str, unit_id: str = "hq") -> str:
    with pytest.raises(Refused) as refused:
        office.world.call(request, role=role, unit_id=unit_id)
    return refused.value.reason


def hold(office: Office, line_id: str, amount_minor: int) -> str:
    try:
        office.world.call(made.a_hold(office.world, line_id, amount_minor), role="finance")
    except Refused as refused:
        return refused.reason
    return "OK"


def amounts(office: Office, lines: list[str]) -> list[int]:
    return [made.line_of(office.world, line_id).amount.amount_minor for line_id in lines]


def provinces(office: Office) -> list[str]:
    """Three provinces below a cap of 1,000,000.00."""
    cap = made.a_cap(office.world, 100_000_000)
    lines = []
    for number, amount_minor in enumerate([40_000_000, 35_000_000, 25_000_000], start=1):
        made.a_unit(office.world, f"P{number}")
        lines.append(made.a_capped_line(office.world, cap, amount_minor, unit_id=f"P{number}"))
    return lines


def adjust(line_id: str, amount_minor: int) -> budgets.AdjustBudgetLineRequest:
    return budgets.AdjustBudgetLineRequest(budget_line_id=line_id, amount=cny(amount_minor))


@req("R-025")
def test_the_lines_of_a_plan_are_in_force_with_its_approval_and_not_before(
    office: Office,
) -> None:
    made.a_unit(office.world, "A1")
    made.a_unit(office.world, "A2")
    plan_id = new_id()
    [north, south] = write(
        office, plan_id, [wanted(31_651_500), wanted(20_000_000, SALES, unit_id="A2")]
    )

    before = [hold(office, north, 1), hold(office, south, 1)]
    nothing = plan_of(office, plan_id).total
    enforced = enforce(office, plan_id)
    after = plan_of(office, plan_id)

    assert before == ["NOT_EFFECTIVE", "NOT_EFFECTIVE"]
    assert (nothing.amount, nothing.available) == (cny(51_651_500), cny(0))
    assert enforced == 2
    assert after.total.available == cny(51_651_500)
    assert [(one.unit_id, one.available) for one in after.units] == [
        ("A1", cny(31_651_500)),
        ("A2", cny(20_000_000)),
    ]
    assert made.line_of(office.world, north).state == LINE.STATE_EFFECTIVE


@req("R-026")
def test_nobody_spends_from_a_line_that_its_owner_has_not_claimed(office: Office) -> None:
    made.a_unit(office.world, "A1")
    plan_id = new_id()
    owners = [MARKET, PRODUCT, SALES, NORTH]
    lines = write(office, plan_id, [wanted(1_000, owner) for owner in owners])
    enforce(office, plan_id)

    claimed = [claim(office, plan_id, owner) for owner in (MARKET, SALES)]
    answers = [hold(office, line_id, 600) for line_id in lines]
    half = plan_of(office, plan_id).total.claimed
    claim(office, plan_id, PRODUCT)
    claim(office, plan_id, NORTH)
    later = [hold(office, line_id, 400) for line_id in lines]

    assert claimed == [1, 1]
    assert answers == ["OK", "BUDGET_LINE_UNSIGNED", "OK", "BUDGET_LINE_UNSIGNED"]
    assert half == cny(2_000)
    assert later == ["OK"] * 4
    line = made.line_of(office.world, lines[3])
    assert (line.state, line.signed_by) == (LINE.STATE_SIGNED, "chair")
    assert (line.owner.role, line.owner.key) == ("regional_manager", "A1")


@req("R-025")
def test_a_line_of_a_plan_is_not_approved_by_itself(office: Office) -> None:
    made.a_unit(office.world, "A1")
    [line_id] = write(office, new_id(), [wanted(1_000)])
    request = budgets.ApproveBudgetLineRequest(budget_line_id=line_id)

    assert refusal(office, request, role="marketing_vp") == "BUDGET_LINE_OF_PLAN"


def test_a_later_version_of_a_plan_replaces_the_drafts_of_the_one_before(office: Office) -> None:
    made.a_unit(office.world, "A1")
    plan_id = new_id()
    [old] = write(office, plan_id, [wanted(1_000)])

    [new] = write(office, plan_id, [wanted(700)], version=2)
    enforced = enforce(office, plan_id, version=2)

    found = plan_of(office, plan_id)
    assert enforced == 1
    assert made.line_of(office.world, old).state == LINE.STATE_WITHDRAWN
    assert hold(office, old, 1) == "NOT_EFFECTIVE"
    assert (found.plan_version, found.total.amount) == (2, cny(700))
    assert made.line_of(office.world, new).plan_version == 2


@req("R-039", "R-040")
def test_a_new_version_of_a_plan_in_force_tells_the_new_limits(office: Office) -> None:
    made.a_unit(office.world, "A1")
    plan_id = new_id()
    [first, second] = write(office, plan_id, [wanted(10_000_000), wanted(5_000_000)])
    enforce(office, plan_id)
    claim(office, plan_id, NORTH)
    spent = made.a_reservation(office.world, first, 6_000_000, confirmed=True)
    consume = budgets.ConsumeReservationRequest(reservation_id=spent, amount=cny(6_000_000))
    office.world.call(consume, role="finance")
    made.a_reservation(office.world, first, 2_500_000)

    with pytest.raises(BudgetBelowCommitted) as refused:
        adjust_plan(office, plan_id, 2, {first: 8_000_000})
    adjust_plan(office, plan_id, 2, {first: 8_500_000})

    assert refused.value.metadata["minimumMinor"] == "8500000"
    assert made.line_of(office.world, first).available == cny(0)
    told = [
        (fact.budget_line.budget_line_id, fact.budget_line.amount.amount_minor, fact.plan_version)
        for fact in office.facts(events_pb2.BudgetLineAdjusted)
        if fact.cause == CAUSE.CAUSE_ADJUSTED
    ]
    assert sorted(told) == sorted([(first, 8_500_000, 2), (second, 5_000_000, 2)])


@req("R-041")
def test_a_province_gets_more_only_when_another_gives_it(office: Office) -> None:
    lines = provinces(office)

    alone = refusal(office, adjust(lines[0], 45_000_000), role="marketing_vp")
    request = made.a_transfer_request(lines[2], lines[0], 5_000_000)
    asked = office.world.call(request, role="regional_manager", unit_id="P1").transfer
    between = amounts(office, lines)
    approve = budgets.ApproveBudgetTransferRequest(transfer_id=asked.transfer_id)
    done = office.world.call(approve, role="sales_director")

    assert alone == "BUDGET_CAP_EXCEEDED"
    assert (asked.state, asked.unit_id) == (budget_pb2.BudgetTransfer.STATE_REQUESTED, "hq")
    assert between == [40_000_000, 35_000_000, 25_000_000]
    assert done.transfer.state == budget_pb2.BudgetTransfer.STATE_DONE
    assert amounts(office, lines) == [45_000_000, 35_000_000, 20_000_000]
    facts = office.facts(events_pb2.BudgetLineAdjusted)[-2:]
    assert [fact.cause for fact in facts] == [CAUSE.CAUSE_TRANSFERRED] * 2


@req("R-041")
def test_a_transfer_is_in_the_inbox_of_who_has_the_authority(office: Office) -> None:
    lines = provinces(office)
    transfer_id = made.a_transfer(office.world, lines[2], lines[0], 1_000_001)
    transfer = office.world.call(
        budgets.GetBudgetTransferRequest(transfer_id=transfer_id), role="finance"
    ).transfer

    inboxes = {
        role: [
            one.subject_id
            for one in office.world.call(
                processes.ListOpenStepsRequest(), role=role, service="planning"
            ).open_steps
        ]
        for role in ("regional_manager", "sales_director", "marketing_vp")
    }
    approve = budgets.ApproveBudgetTransferRequest(transfer_id=transfer_id)
    too_much = refusal(office, approve, role="regional_manager")
    with pytest.raises(Refused) as own:
        office.world.call(approve, role="marketing_vp", subject=transfer.requested_by)
    out_of_scope = refusal(office, approve, role="sales_director", unit_id="P1")
    office.world.call(approve, role="marketing_vp")

    assert inboxes == {
        "regional_manager": [],
        "sales_director": [transfer_id],
        "marketing_vp": [],
    }
    assert (too_much, out_of_scope) == ("AUTHORITY_INSUFFICIENT", "OUT_OF_SCOPE")
    assert own.value.reason == "STEP_NEEDS_ANOTHER_PERSON"
    assert refusal(office, approve, role="marketing_vp") == "STEP_NOT_OPEN"


@req("R-041")
def test_a_line_lies_in_the_unit_and_the_period_of_its_cap(office: Office) -> None:
    made.a_unit(office.world, "P1")
    made.a_unit(office.world, "P2")
    cap = made.a_cap(office.world, 100_000_000, unit_id="P1")
    elsewhere, later = made.new_line(unit_id="P2"), made.new_line(unit_id="P1")
    later.start_date, later.end_date = "2026-07-01", "2027-07-01"
    for line in (elsewhere, later):
        line.budget_cap_id = cap

    reasons = [refusal(office, line, role="planning") for line in (elsewhere, later)]

    assert reasons == ["BUDGET_OUTSIDE_CAP"] * 2
    assert made.a_capped_line(office.world, cap, 1_000, unit_id="P1")


@req("R-041")
def test_a_transfer_does_not_leave_its_period(office: Office) -> None:
    """What is left goes into a later period as far as the policy says, when its own is over."""
    later = made.new_line(1_000_000)
    later.start_date, later.end_date = "2027-01-01", "2028-01-01"
    taker = office.world.call(later, role="planning").budget_line.budget_line_id
    approve = budgets.ApproveBudgetLineRequest(budget_line_id=taker)
    office.world.call(approve, role="marketing_vp")
    request = made.a_transfer_request(made.a_line(office.world), taker)

    assert refusal(office, request, role="regional_manager") == "BUDGET_PERIODS_DIFFER"


@req("R-039")
def test_a_line_of_a_plan_is_not_changed_by_itself(office: Office) -> None:
    made.a_unit(office.world, "A1")
    plan_id = new_id()
    [line_id] = write(office, plan_id, [wanted(1_000_000)])
    enforce(office, plan_id)

    assert refusal(office, adjust(line_id, 1), role="marketing_vp") == "BUDGET_LINE_OF_PLAN"


@req("R-041")
def test_a_refused_transfer_moves_nothing(office: Office) -> None:
    lines = provinces(office)
    transfer_id = made.a_transfer(office.world, lines[2], lines[0])
    refuse = budgets.RefuseBudgetTransferRequest(transfer_id=transfer_id, note="no need")

    transfer = office.world.call(refuse, role="marketing_vp").transfer

    assert transfer.state == budget_pb2.BudgetTransfer.STATE_REFUSED
    assert (transfer.decided_by, transfer.note) == ("marketing_vp@hq", "no need")
    assert amounts(office, lines) == [40_000_000, 35_000_000, 25_000_000]
    definition = processes.GetInstanceRequest(process_id=transfer.process_id)
    found = office.world.call(definition, role="finance", service="planning").process
    assert (found.state, found.done) == ("REFUSED", True)
    assert found.steps[1].state == process_pb2.ProcessStep.STATE_DONE


@req("R-039", "R-041")
def test_a_line_gives_only_what_is_neither_spent_nor_reserved(office: Office) -> None:
    lines = provinces(office)
    request = made.a_transfer_request(lines[2], lines[0], 20_000_000)
    asked = office.world.call(request, role="regional_manager").transfer
    made.a_reservation(office.world, lines[2], 5_000_001)
    approve = budgets.ApproveBudgetTransferRequest(transfer_id=asked.transfer_id)

    too_late = refusal(office, approve, role="marketing_vp")
    too_early = refusal(office, request, role="regional_manager")

    assert (too_late, too_early) == ("BUDGET_BELOW_COMMITTED", "BUDGET_BELOW_COMMITTED")
    assert amounts(office, lines) == [40_000_000, 35_000_000, 25_000_000]


@req("R-041", "R-183")
def test_who_asks_another_province_for_money_is_not_told_what_it_has(office: Office) -> None:
    lines = provinces(office)
    made.a_reservation(office.world, lines[2], 5_000_001)
    request = made.a_transfer_request(lines[2], lines[0], 20_000_000)

    asked = office.world.call(request, role="regional_manager", unit_id="P1").transfer
    approve = budgets.ApproveBudgetTransferRequest(transfer_id=asked.transfer_id)

    assert asked.state == budget_pb2.BudgetTransfer.STATE_REQUESTED
    assert refusal(office, approve, role="marketing_vp") == "BUDGET_BELOW_COMMITTED"
    assert amounts(office, lines) == [40_000_000, 35_000_000, 25_000_000]


@req("R-111")
def test_a_province_spends_not_a_cent_more_than_it_has(office: Office) -> None:
    [north, _, _] = provinces(office)

    above = hold(office, north, 40_000_001)
    all_of_it = made.a_reservation(office.world, north, 40_000_000, confirmed=True)
    consume = budgets.ConsumeReservationRequest
    spent = consume(reservation_id=all_of_it, amount=cny(40_000_001))

    assert above == "BUDGET_INSUFFICIENT"
    assert refusal(office, spent, role="finance") == "RESERVATION_EXCEEDED"
    spent.amount.CopyFrom(cny(40_000_000))
    office.world.call(spent, role="finance")
    assert hold(office, north, 1) == "BUDGET_INSUFFICIENT"


@req("R-041", "R-111")
def test_lines_below_a_cap_never_sum_to_more_also_when_all_come_at_once(office: Office) -> None:
    cap = made.a_cap(office.world, 1_000)
    barrier = threading.Barrier(8)

    def write_line() -> str:
        request = made.new_line(300)
        request.budget_cap_id = cap
        barrier.wait(timeout=10)
        try:
            office.world.call(request, role="planning")
        except Refused as refused:
            return refused.reason
        return "OK"

    with ThreadPoolExecutor(8) as pool:
        answers = [future.result() for future in [pool.submit(write_line) for _ in range(8)]]

    found = office.world.call(budgets.GetBudgetCapRequest(budget_cap_id=cap), role="finance")
    assert sorted(answers) == ["BUDGET_CAP_EXCEEDED"] * 5 + ["OK"] * 3
    assert (found.budget_cap.allocated, found.budget_cap.free) == (cny(900), cny(100))


@req("R-041")
def test_transfers_in_both_directions_at_once_keep_the_sum(office: Office) -> None:
    lines = provinces(office)
    pairs = [(lines[0], lines[1]), (lines[1], lines[0])] * 3
    transfers = [made.a_transfer(office.world, *pair, 1_000_000) for pair in pairs]
    barrier = threading.Barrier(len(transfers))

    def approve(transfer_id: str) -> None:
        barrier.wait(timeout=10)
        request = budgets.ApproveBudgetTransferRequest(transfer_id=transfer_id)
        office.world.call(request, role="marketing_vp")

    with ThreadPoolExecutor(len(transfers)) as pool:
        list(pool.map(approve, transfers))

    assert amounts(office, lines) == [40_000_000, 35_000_000, 25_000_000]


def test_a_plans_lines_below_a_cap_keep_to_it(office: Office) -> None:
    made.a_unit(office.world, "A1")
    cap = made.a_cap(office.world, 1_000)
    plan_id = new_id()
    [line_id] = write(office, plan_id, [wanted(900, cap=cap)])
    enforce(office, plan_id)

    with pytest.raises(BudgetCapExceeded):
        write(office, new_id(), [wanted(101, cap=cap)])
    with pytest.raises(BudgetCapExceeded):
        adjust_plan(office, plan_id, 2, {line_id: 1_001})

    assert plan_of(office, plan_id).total.amount == cny(900)


def carry_rule(office: Office, share: str, *, cap_minor: int | None = None) -> None:
    """Let another share be carried forward from tomorrow on."""
    parameters = {"share": policy_pb2.PolicyValue(text=share)}
    if cap_minor is not None:
        parameters["cap_minor"] = policy_pb2.PolicyValue(integer=cap_minor)
    draft = policies.CreatePolicyRequest(
        kind="carry_forward", start_date="2026-03-03", summary="year end", parameters=parameters
    )
    written = office.world.call(draft, role="finance", service="planning", subject="li.wei")
    office.world.call(
        policies.ApprovePolicyRequest(policy_id=written.policy.policy_id),
        role="marketing_vp",
        service="planning",
    )


def next_years_line(office: Office) -> str:
    request = made.new_line(10_000)
    request.start_date, request.end_date = "2027-01-01", "2028-01-01"
    line_id = office.world.call(request, role="planning").budget_line.budget_line_id
    approve = budgets.ApproveBudgetLineRequest(budget_line_id=line_id)
    office.world.call(approve, role="marketing_vp")
    return str(line_id)


@req("R-039")
@pytest.mark.parametrize(
    ("share", "cap_minor", "carried"),
    [("0", None, 0), ("0.5", None, 30_000), ("1", None, 60_000), ("1", 25_000, 25_000)],
)
def test_at_the_end_of_a_year_the_policy_says_what_is_carried_forward(
    office: Office, share: str, cap_minor: int | None, carried: int
) -> None:
    carry_rule(office, share, cap_minor=cap_minor)
    old, new = made.a_line(office.world, 100_000), next_years_line(office)
    reserved = made.a_reservation(office.world, old, 40_000, confirmed=True)
    carry = budgets.CarryForwardBudgetLineRequest(from_budget_line_id=old, to_budget_line_id=new)

    early = refusal(office, carry, role="marketing_vp")
    office.world.clock.set(datetime(2027, 1, 4, tzinfo=UTC))
    done = office.world.call(carry, role="marketing_vp")

    assert early == "BUDGET_PERIOD_OPEN"
    assert done.carried == cny(carried)
    assert done.from_line.state == LINE.STATE_CLOSED
    assert done.from_line.amount == cny(100_000 - carried)
    assert done.to_line.amount == cny(10_000 + carried)
    assert hold(office, old, 1) == "BUDGET_LINE_STATE_FORBIDS"
    spent = budgets.ConsumeReservationRequest(reservation_id=reserved, amount=cny(40_000))
    office.world.call(spent, role="finance")
    assert made.line_of(office.world, old).spent == cny(40_000)


def test_a_transfer_or_a_cap_is_refused_with_its_reason(office: Office) -> None:
    made.a_unit(office.world, "A1")
    made.a_unit(office.world, "A2")
    line_id, other = made.a_line(office.world), made.a_line(office.world, unit_id="A2")
    missing = new_id()
    below = made.new_line()
    below.budget_cap_id = missing
    dollars = made.new_line()
    dollars.budget_cap_id = made.a_cap(office.world, 10**12)
    dollars.amount.currency_code = "USD"
    get_cap = budgets.GetBudgetCapRequest(budget_cap_id=missing)
    get_transfer = budgets.GetBudgetTransferRequest(transfer_id=missing)
    draft = made.a_draft_line(office.world)

    answers = [
        refusal(office, made.a_transfer_request(line_id, line_id), role="regional_manager"),
        refusal(office, made.a_transfer_request(line_id, missing), role="regional_manager"),
        refusal(office, made.a_transfer_request(line_id, draft), role="regional_manager"),
        refusal(
            office, made.a_transfer_request(line_id, other), role="regional_manager", unit_id="A1"
        ),
        refusal(office, below, role="planning"),
        refusal(office, dollars, role="planning"),
        refusal(office, get_cap, role="finance"),
        refusal(office, get_transfer, role="finance"),
        refusal(office, budgets.GetPlanBudgetRequest(plan_id=missing), role="finance"),
    ]

    assert answers == [
        "BUDGET_TRANSFER_INVALID",
        "BUDGET_LINE_NOT_FOUND",
        "BUDGET_LINE_STATE_FORBIDS",
        "OUT_OF_SCOPE",
        "BUDGET_CAP_NOT_FOUND",
        "CURRENCY_MISMATCH",
        "BUDGET_CAP_NOT_FOUND",
        "BUDGET_TRANSFER_NOT_FOUND",
        "PLAN_BUDGET_NOT_FOUND",
    ]


@req("R-183")
def test_a_plans_budget_shows_each_area_its_own_lines(office: Office) -> None:
    made.a_unit(office.world, "A1")
    made.a_unit(office.world, "A2")
    made.a_unit(office.world, "A3")
    plan_id = new_id()
    write(office, plan_id, [wanted(100), wanted(200, unit_id="A2")])
    request = budgets.GetPlanBudgetRequest(plan_id=plan_id)

    own = office.world.call(request, role="finance", unit_id="A1")

    assert [one.unit_id for one in own.units] == ["A1"]
    assert own.total.amount == cny(100)
    assert refusal(office, request, role="finance", unit_id="A3") == "OUT_OF_SCOPE"
