"""Profit through a real server, with F1: the tree, what would be if, the board, completion."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from google.protobuf.message import Message
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.planning.v1 import cube_pb2, profit_pb2
from mantle.planning.v1 import cube_service_pb2 as cubes
from mantle.planning.v1 import profit_service_pb2 as pb
from mantle.policy.v1 import policy_service_pb2 as policies
from mantle.settlement.v1 import events_pb2 as settlement_pb

from chassis.events import storage as events
from chassis.events.domain import EventDraft
from chassis.events.storage import Cause
from chassis.ids import new_id
from tests.support.examples_planning import a_line, a_reservation, a_unit, a_version, cny
from tests.support.planning_world import Office, office
from tests.support.profit_world import (
    AREAS,
    COMMISSION,
    MONTHS,
    Books,
    an_actual_version,
    bring,
    f1_assumptions,
    f1_books,
    know_products,
    layers,
    write,
    year_cells,
    yuan_of,
)
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused, World
from tests.support.waiting import until
from tests.support.year_plan import launched

__all__ = ["office"]

SPLIT = pb.GetProfitTreeRequest


@pytest.fixture
def books(office: Office) -> Iterator[Books]:
    """Give a test F1, entered and computed."""
    yield f1_books(office.world)


def refused(world: World, request: Message, *, role: str = "finance") -> tuple[str, str]:
    """Send a request that must be refused; return why, and with which status."""
    with pytest.raises(Refused) as caught:
        world.call(request, role=role)
    return caught.value.reason, caught.value.code.name


def posting(unit_id: str, minor: int) -> settlement_pb.ActualPosted:
    """Return a posted sale of February."""
    return settlement_pb.ActualPosted(
        product_id="P1",
        unit_id=unit_id,
        kind=settlement_pb.ActualPosted.KIND_REVENUE,
        amount=cny(minor),
        order_id=new_id(),
        transfer_id=new_id(),
        post_date="2026-02-27",
        partner_id="D1",
        quantity=1,
    )


def log(world: World, *facts: settlement_pb.ActualPosted) -> None:
    """Write postings into the log of settlement, where planning reads them."""
    settlement = world.services["settlement"]
    cause = Cause(world.clock.now(), "ledger", "")
    drafts = [(EventDraft(fact, f"order/{fact.order_id}"), cause) for fact in facts]
    with settlement.database.transaction() as tx:
        events.append(tx, drafts)
    settlement.sequencer.poke()


def six_percent(books: Books, name: str = "FY2026 6 %") -> pb.RunWhatIfRequest:
    """Return the request for F1's what-if."""
    return pb.RunWhatIfRequest(
        version_id=books.version_id,
        name=name,
        changes=[profit_pb2.AssumptionChange(allowance_share="0.06")],
        unit_id=ROOT_UNIT,
        first_month="2026-01",
        last_month="2026-12",
    )


@req("R-018")
def test_the_tree_of_the_year_comes_down_to_the_pre_tax_profit(books: Books) -> None:
    tree = books.tree(split_by=SPLIT.SPLIT_UNIT)
    figures = tree.figures
    parts = {one.key: one.figures for one in tree.parts}

    assert yuan_of(figures.sales) == "2650500.00"
    assert yuan_of(figures.cost) == "960000.00"
    assert yuan_of(figures.expenses) == "1116515.00"
    assert yuan_of(figures.depreciation) == "70000.00"
    assert yuan_of(figures.profit) == "503985.00"
    assert figures.volume == 220_000
    assert yuan_of(parts["A1"].contribution) == "788700.00"
    assert yuan_of(parts["A2"].contribution) == "385285.00"
    assert yuan_of(parts["A1"].cost) == "620000.00"
    assert yuan_of(parts["A2"].sales) == "940500.00"


@req("R-018")
def test_areas_products_and_months_each_sum_to_the_whole(books: Books) -> None:
    whole = books.tree().figures
    products = books.tree(split_by=SPLIT.SPLIT_PRODUCT).parts
    months = books.tree(split_by=SPLIT.SPLIT_MONTH).parts
    first_half = books.tree(months=("2026-01", "2026-06")).figures
    second_half = books.tree(months=("2026-07", "2026-12")).figures

    assert {one.key for one in products} == {"", "P1", "P2"}
    assert [one.key for one in months] == MONTHS
    for parts in (products, months):
        assert sum(one.figures.profit.amount_minor for one in parts) == whole.profit.amount_minor
    halves = first_half.profit.amount_minor + second_half.profit.amount_minor
    assert halves == whole.profit.amount_minor
    p1 = next(one.figures for one in products if one.key == "P1")
    assert yuan_of(p1.sales) == "1368000.00"
    assert yuan_of(books.tree(products=("P1",)).margin) == "888000.00"


@req("R-020")
def test_a_price_has_layers_and_keeps_four_decimals(books: Books) -> None:
    request = pb.GetAssumptionsRequest(version_id=books.version_id)

    prices = books.world.call(request, role="finance").assumptions.prices

    assert [Decimal(one.channel_price.amount) for one in prices] == [9, Decimal("22.5")]
    assert [one.net_price.amount for one in prices] == ["8.5500", "21.3750"]


@req("R-021")
def test_selling_expense_is_the_areas_the_market_projects_and_the_sales_headquarters(
    books: Books,
) -> None:
    company, a1, a2 = books.nodes(), books.nodes("A1"), books.nodes("A2")

    assert yuan_of(company["selling_expense"].amount) == "886515.00"
    assert yuan_of(a1["area_expense"].amount) == "301300.00"
    assert yuan_of(a2["area_expense"].amount) == "215215.00"
    assert yuan_of(company["market_projects"].amount) == "250000.00"
    assert yuan_of(company["expense_sales_hq"].amount) == "120000.00"
    assert yuan_of(a1[COMMISSION].amount) == "51300.00"
    assert len([one for one in company.values() if one.plan]) == 18


@req("R-021")
def test_an_expense_type_that_nobody_knows_is_refused(books: Books) -> None:
    charm = f1_assumptions(books.version_id)
    charm.sales_shares[0].expense_type = "expense_charm"
    cells = year_cells("expense_charm", "A1", "", 100)
    written = cubes.WriteCellsRequest(version_id=books.version_id, cells=cells)

    assert refused(books.world, charm) == ("EXPENSE_TYPE_UNKNOWN", "INVALID_ARGUMENT")
    assert refused(books.world, written, role="planning") == (
        "MEASURE_UNKNOWN",
        "INVALID_ARGUMENT",
    )


def next_catalogue(world: World, start_date: str = "2026-03-02") -> policies.CreatePolicyRequest:
    """Return the request for a catalogue like the one in force, to be changed by the test."""
    listed = world.call(
        policies.ListPoliciesRequest(kind="expense_catalogue"), role="planning", service="planning"
    )
    [policy] = listed.policies
    return policies.CreatePolicyRequest(
        kind="expense_catalogue", start_date=start_date, parameters=policy.parameters
    )


def add_type(request: policies.CreatePolicyRequest, code: str, *, group: str, plan: str) -> None:
    """Put another type into a catalogue."""
    values = {"code": code, "name_en": code, "name_zh": code, "group": group, "plan": plan}
    row = request.parameters["types"].list.values.add().record
    for name, value in values.items():
        row.fields[name].text = value


@req("R-021")
def test_another_industry_adds_its_own_types_as_data(books: Books) -> None:
    request = next_catalogue(books.world)
    add_type(request, "expense_shop_rent", group="business_expense", plan="SALES")

    draft = books.world.call(request, role="finance", service="planning").policy
    approve = policies.ApprovePolicyRequest(policy_id=draft.policy_id)
    books.world.call(approve, role="decision_layer", service="planning")
    write(books.world, books.version_id, year_cells("expense_shop_rent", "A1", "", 120_000))

    nodes = books.nodes("A1")
    assert yuan_of(nodes["expense_shop_rent"].amount) == "1200.00"
    assert nodes["expense_shop_rent"].parent_code == "business_expense"
    assert yuan_of(books.tree("A1").figures.contribution) == "787500.00"
    measures = books.world.call(cubes.ListMeasuresRequest(page_size=500), role="planning").measures
    assert "expense_shop_rent" in {one.measure for one in measures}


@req("R-022")
def test_each_leaf_belongs_to_exactly_one_plan(books: Books) -> None:
    tree = books.tree()
    twice = next_catalogue(books.world)
    add_type(twice, "expense_experts", group="business_expense", plan="SALES")
    neither = next_catalogue(books.world)
    add_type(neither, "expense_shop_rent", group="business_expense", plan="COMPANY")

    assert yuan_of(tree.market_plan) == "250000.00"
    assert yuan_of(tree.sales_plan) == "636515.00"
    for wrong in (twice, neither):
        with pytest.raises(Refused) as caught:
            books.world.call(wrong, role="finance", service="planning")
        assert (caught.value.reason, caught.value.code.name) == (
            "POLICY_INVALID",
            "INVALID_ARGUMENT",
        )


@req("R-299")
def test_administration_is_charged_to_the_marketing_centre_from_outside(books: Books) -> None:
    tree = books.tree()

    assert yuan_of(tree.charged_from_outside) == "200000.00"
    assert [one.code for one in tree.nodes if one.charged_from_outside] == [
        "expense_administrative"
    ]
    assert yuan_of(tree.figures.profit) == "503985.00"
    assert tree.profit_percent == "19.01"


@req("R-019")
def test_a_what_if_changes_prices_in_a_branch_and_leaves_the_plan_alone(books: Books) -> None:
    found = books.world.call(six_percent(books), role="finance")
    plan = books.tree()
    branch = books.tree(version_id=found.after.version_id)
    version = books.world.call(
        cubes.GetVersionRequest(version_id=found.after.version_id), role="finance"
    ).version

    nets = [one.net_price.amount for one in found.assumptions.prices]
    assert nets == ["8.4600", "21.1500"]
    assert yuan_of(found.before.figures.profit) == "503985.00"
    assert yuan_of(found.after.figures.sales) == "2622600.00"
    assert yuan_of(found.after.figures.profit) == "476922.00"
    assert yuan_of(found.difference.profit) == "-27063.00"
    assert yuan_of(plan.figures.profit) == "503985.00"
    assert branch == found.after
    assert (version.kind, version.base_version_id) == (
        cube_pb2.CubeVersion.KIND_SCENARIO,
        books.version_id,
    )


def test_a_what_if_of_one_product_or_of_the_commission_changes_only_that(books: Books) -> None:
    only_p2 = six_percent(books, "P2 alone")
    only_p2.changes[0].product_id = "P2"
    dearer = six_percent(books, "commission")
    del dearer.changes[:]
    dearer.sales_shares.add(expense_type=COMMISSION, share="0.04")

    p2 = books.world.call(only_p2, role="finance")
    commission = books.world.call(dearer, role="finance")

    assert yuan_of(p2.difference.sales) == "-13500.00"
    assert yuan_of(commission.difference.sales) == "0.00"
    assert yuan_of(commission.difference.profit) == "-26505.00"


def test_a_branch_has_the_assumptions_of_its_base_until_it_has_its_own(books: Books) -> None:
    branched = books.world.call(
        cubes.BranchVersionRequest(
            version_id=books.version_id,
            name="r2",
            kind=cube_pb2.CubeVersion.KIND_PLAN,
            unit_id=ROOT_UNIT,
        ),
        role="planning",
    ).version.version_id

    def current() -> profit_pb2.ProfitAssumptions:
        request = pb.GetAssumptionsRequest(version_id=branched)
        found: profit_pb2.ProfitAssumptions = books.world.call(request, role="finance").assumptions
        return found

    inherited = current()
    request = pb.SetAssumptionsRequest(version_id=branched, prices=[layers("P1", "11.00", "3.00")])
    books.world.call(request, role="finance")
    own = current()
    assert inherited.set_for_version_id == books.version_id
    assert own.set_for_version_id == branched
    assert [one.assumption.product_id for one in own.prices] == ["P1"]


def test_computing_again_changes_nothing_and_a_lost_volume_takes_its_amounts_along(
    books: Books,
) -> None:
    again = books.compute()
    write(books.world, books.version_id, year_cells("volume", "A1", "P1", 0))
    changed = books.compute()

    assert again == 0
    assert changed > 0
    assert yuan_of(books.tree("A1").figures.sales) == "855000.00"
    assert yuan_of(books.nodes("A1")[COMMISSION].amount) == "25650.00"


def test_what_cannot_be_computed_says_why(books: Books) -> None:
    know_products(books.world, "P9")
    write(books.world, books.version_id, year_cells("volume", "A1", "P9", 12))
    compute = pb.ComputeProfitRequest(version_id=books.version_id)
    no_price = refused(books.world, compute)
    dollars = f1_assumptions(books.version_id)
    dollars.prices[0].list_price.currency_code = "USD"
    backwards = six_percent(books)
    backwards.last_month = "2025-12"
    unknown = pb.ComputeProfitRequest(version_id=new_id())
    books.world.call(cubes.FreezeVersionRequest(version_id=books.version_id), role="planning")

    assert no_price == ("PROFIT_ASSUMPTION_MISSING", "FAILED_PRECONDITION")
    assert refused(books.world, dollars) == ("CUBE_VERSION_FROZEN", "FAILED_PRECONDITION")
    assert refused(books.world, compute) == ("CUBE_VERSION_FROZEN", "FAILED_PRECONDITION")
    assert refused(books.world, backwards) == ("PERIOD_INVALID", "INVALID_ARGUMENT")
    assert refused(books.world, unknown) == ("CUBE_VERSION_NOT_FOUND", "NOT_FOUND")


def test_prices_are_in_the_currency_of_their_version(books: Books) -> None:
    dollars = f1_assumptions(books.version_id)
    dollars.prices[0].unit_cost.currency_code = "USD"

    assert refused(books.world, dollars) == ("CURRENCY_MISMATCH", "INVALID_ARGUMENT")


def test_a_region_sees_its_own_tree_and_no_other(books: Books) -> None:
    own = books.tree("A1", role="regional_manager", of="A1")

    assert yuan_of(own.figures.contribution) == "788700.00"
    with pytest.raises(Refused, match="OUT_OF_SCOPE"):
        books.tree("A2", role="regional_manager", of="A1")
    with pytest.raises(Refused, match="OUT_OF_SCOPE"):
        books.tree(ROOT_UNIT, role="regional_manager", of="A1")


@req("R-183")
def test_what_one_area_assumes_is_read_there_and_above_and_not_in_another(books: Books) -> None:
    branched = books.world.call(
        cubes.BranchVersionRequest(
            version_id=books.version_id,
            name="A1 alone",
            kind=cube_pb2.CubeVersion.KIND_SCENARIO,
            unit_id="A1",
        ),
        role="planning",
    ).version.version_id

    def read(version_id: str, unit_id: str) -> int:
        request = pb.GetAssumptionsRequest(version_id=version_id)
        found = books.world.call(request, role="regional_manager", unit_id=unit_id)
        return len(found.assumptions.prices)

    of_company, own, from_above = (
        read(books.version_id, "A2"),
        read(branched, "A1"),
        read(branched, ROOT_UNIT),
    )
    with pytest.raises(Refused) as caught:
        read(branched, "A2")

    assert of_company == own == from_above > 0
    assert (caught.value.code.name, caught.value.reason) == ("PERMISSION_DENIED", "OUT_OF_SCOPE")


@req("R-010", "R-017", "R-019")
def test_the_analysis_sets_a_plan_beside_its_targets_and_beside_history(books: Books) -> None:
    world = books.world
    history = an_actual_version(world)
    last_year = [month.replace("2026", "2025") for month in MONTHS]
    for area, sales, volume in (("A1", 160_000_000, 130_000), ("A2", 80_000_000, 70_000)):
        bring(world, history, year_cells("sales", area, "P1", sales, months=last_year))
        bring(world, history, year_cells("volume", area, "P1", volume, months=last_year))
    targets = a_version(world, "FY2026 targets")
    for area, sales in (("A1", 169_000_000), ("A2", 91_000_000)):
        write(world, targets, year_cells("sales", area, "", sales))
    write(world, targets, year_cells("profit", ROOT_UNIT, "", 50_000_000))
    request = pb.AnalysePlanRequest(
        version_id=books.version_id,
        unit_id=ROOT_UNIT,
        fiscal_year=2026,
        target_version_id=targets,
    )

    found = world.call(request, role="finance").analysis

    gaps = {one.unit_id: (yuan_of(one.difference), one.difference_percent) for one in found.gaps}
    assert gaps[ROOT_UNIT] == ("50500.00", "1.94")
    assert gaps["A1"][0] == "20000.00"
    assert gaps["A2"][0] == "30500.00"
    assert found.target_profit_percent == "19.23"
    lines = {one.code: one for one in found.lines}
    assert yuan_of(lines["sales"].change) == "250500.00"
    assert lines["sales"].change_percent == "10.44"
    assert lines["profit"].sales_percent == "19.01"
    parts = (found.variance.volume, found.variance.mix, found.variance.price)
    assert sum(one.amount_minor for one in parts) == lines["sales"].change.amount_minor


def test_a_plan_without_history_and_targets_is_analysed_all_the_same(books: Books) -> None:
    request = pb.AnalysePlanRequest(
        version_id=books.version_id, unit_id=ROOT_UNIT, fiscal_year=2026
    )

    found = books.world.call(request, role="finance").analysis

    assert yuan_of(found.plan.figures.profit) == "503985.00"
    assert yuan_of(found.history.figures.sales) == "0.00"
    assert not found.gaps
    assert {one.change_percent for one in found.lines} == {""}


def board(books: Books, *measures: str) -> dict[tuple[str, str], str]:
    """Return the percents of the target board."""
    request = pb.GetTargetBoardRequest(
        unit_id=ROOT_UNIT, fiscal_year=2026, version_id=books.version_id, measures=measures
    )
    lines = books.world.call(request, role="sales_director").lines
    return {(one.unit_id, one.measure): one.percent for one in lines}


@req("R-031")
def test_the_target_board_shows_half_of_the_year_within_five_seconds_of_its_posting(
    books: Books,
) -> None:
    # A reader that found no log to follow looks again after seconds: the posting is not told then.
    books.world.start("settlement").settle()
    before = board(books, "sales")

    log(books.world, posting("A1", 80_000_000), posting("A2", 52_525_000))
    until(
        lambda: board(books, "sales")[ROOT_UNIT, "sales"] == "50.00",
        "50.00 % on the target board",
        within_s=5.0,
    )

    after = board(books, "sales")
    assert before[ROOT_UNIT, "sales"] == "0.00"
    assert after["A1", "sales"] == "46.78"
    assert next(iter(after)) == (ROOT_UNIT, "sales")


@req("R-031")
def test_the_board_has_profit_and_contribution_beside_what_is_stated(
    office: Office, books: Books
) -> None:
    office.tell("settlement", posting("A1", 1_000_000))
    request = pb.GetTargetBoardRequest(
        unit_id=ROOT_UNIT, fiscal_year=2026, version_id=books.version_id
    )

    lines = books.world.call(request, role="sales_director").lines

    found = {(one.unit_id, one.measure): one for one in lines}
    assert found[ROOT_UNIT, "profit"].target == 50_398_500
    assert found["A1", "contribution"].target == 78_870_000
    assert found["A1", "contribution"].actual == 1_000_000
    assert found["A1", "sales"].remaining == 171_000_000 - 1_000_000


def test_without_a_plan_in_force_there_is_no_board(books: Books) -> None:
    wanted = pb.GetTargetBoardRequest(unit_id=ROOT_UNIT, fiscal_year=2031)
    charm = pb.GetTargetBoardRequest(
        unit_id=ROOT_UNIT, fiscal_year=2026, version_id=books.version_id, measures=["charm"]
    )

    assert refused(books.world, wanted) == ("PLAN_NOT_IN_FORCE", "FAILED_PRECONDITION")
    assert refused(books.world, charm) == ("MEASURE_UNKNOWN", "INVALID_ARGUMENT")


def completion(world: World, version_id: str, last_month: str) -> pb.GetCompletionResponse:
    """Ask how far a plan is."""
    request = pb.GetCompletionRequest(
        unit_id=ROOT_UNIT, last_month=last_month, version_id=version_id
    )
    found: pb.GetCompletionResponse = world.call(request, role="finance")
    return found


@req("R-005", "R-029")
def test_finance_tells_completion_and_budget_execution_of_the_year(office: Office) -> None:
    world = office.world
    version_id = a_version(world, "FY2026 as planned")
    write(world, version_id, year_cells("sales", ROOT_UNIT, "", 240_000_000))
    actual = an_actual_version(world)
    bring(world, actual, year_cells("sales", ROOT_UNIT, "", 198_000_000, months=MONTHS[:9]))
    line_id = a_line(world, 80_000_000)
    reservation_id = a_reservation(world, line_id, 62_000_000, confirmed=True)
    consume = budgets.ConsumeReservationRequest(
        reservation_id=reservation_id, amount=cny(62_000_000)
    )
    world.call(consume, role="finance")

    found = completion(world, version_id, "2026-09")

    assert found.completion.percent == "82.50"
    assert found.budget.percent == "77.50"
    assert yuan_of(found.budget.remaining) == "180000.00"
    assert (found.floor_percent, found.below_floor) == ("95.00", True)


@req("R-306")
def test_a_straight_line_tells_where_the_year_will_end(books: Books) -> None:
    actual = an_actual_version(books.world)
    for area, sales in zip(AREAS, (80_000_000, 39_272_500), strict=True):
        bring(books.world, actual, year_cells("sales", area, "P1", sales, months=MONTHS[:6]))

    found = completion(books.world, books.version_id, "2026-06")

    assert found.completion.percent == "45.00"
    assert yuan_of(found.completion.forecast) == "2385450.00"
    assert found.completion.forecast_percent == "90.00"
    assert [one.unit_id for one in found.parts] == ["A1", "A2"]
    assert found.parts[0].forecast_percent == "93.57"


@req("R-018", "R-023", "R-031")
def test_finance_computes_the_year_plan_before_it_takes_effect(office: Office) -> None:
    world = office.world
    areas = [a_unit(world, area, valid_from="2025-01-01") for area in AREAS]
    plan = launched(world, areas=areas, fiscal_year=2026).play(19)
    books = Books(world, plan.get().revisions[-1].cube_version_id)

    world.call(f1_assumptions(books.version_id), role="finance")
    books.compute()

    areas_of = {one.key: one.figures for one in books.tree(split_by=SPLIT.SPLIT_UNIT).parts}
    assert yuan_of(areas_of[ROOT_UNIT].sales) == "2650500.00"
    assert yuan_of(areas_of["A1"].contribution) == "788700.00"
    assert yuan_of(areas_of["A2"].contribution) == "385285.00"
    plan.play(27)
    request = pb.GetTargetBoardRequest(unit_id=ROOT_UNIT, fiscal_year=2026, measures=["sales"])
    [line, *_] = world.call(request, role="sales_director").lines
    assert (line.unit_id, line.target) == (ROOT_UNIT, 265_050_000)
