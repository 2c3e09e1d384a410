"""The organisation through a real server: dated moves, scope, and what is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TypeVar

import grpc
import psycopg
import pytest
from mantle.planning.v1 import monthly_plan_service_pb2 as plans
from mantle.planning.v1 import unit_pb2
from mantle.planning.v1 import unit_service_pb2 as units
from mantle.type.v1 import org_unit_pb2

from chassis.database import Transaction
from local import ports
from planning.organization import usecases as organization
from planning.organization.domain import UnitNotFound
from tests.support.examples_planning import a_unit
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import Refused, libpq
from tests.support.waiting import until

__all__ = ["office"]

T = TypeVar("T")
KIND = unit_pb2.OrgUnit
TREE = [
    *[(f"r{n}", "hq", KIND.KIND_REGION) for n in (1, 2)],
    *[(f"b{n}", f"r{1 + n % 2}", KIND.KIND_BRANCH) for n in range(6)],
    *[(f"o{n}", f"b{n % 6}", KIND.KIND_OFFICE) for n in range(12)],
]


def path_of(office: Office, unit_id: str, date: str = "") -> str:
    request = units.GetUnitRequest(unit_id=unit_id)
    if date:
        request.date = date
    return str(office.world.call(request, role="planning").unit.path)


def scope_of(office: Office, unit_id: str) -> str:
    query = "SELECT path FROM org_unit_copy WHERE unit_id = %(unit_id)s"
    [(path,)] = office.world.rows("planning", query, unit_id=unit_id)
    return str(path)


def move(unit_id: str, parent: str, valid_from: str) -> units.MoveUnitRequest:
    return units.MoveUnitRequest(unit_id=unit_id, parent_unit_id=parent, valid_from=valid_from)


@req("R-165")
def test_a_report_of_june_shows_the_parent_before_the_move_of_july(office: Office) -> None:
    for unit_id, parent, kind in TREE:
        a_unit(office.world, unit_id, parent=parent, kind=kind)
    listed = office.world.call(units.ListUnitsRequest(page_size=100), role="planning").units

    office.world.call(move("o0", "b1", "2026-07-01"), role="business_support")

    assert len(listed) == 21
    assert max(unit.path.count("/") for unit in listed) == 4
    assert path_of(office, "o0", "2026-06-30") == "hq/r1/b0/o0/"
    assert path_of(office, "o0", "2026-07-01") == "hq/r2/b1/o0/"
    assert path_of(office, "o0") == "hq/r1/b0/o0/"


@req("R-165")
def test_a_roll_up_of_june_has_the_units_that_stood_there_in_june(office: Office) -> None:
    for unit_id, parent, kind in TREE:
        a_unit(office.world, unit_id, parent=parent, kind=kind)
    june, july = date(2026, 6, 30), date(2026, 7, 1)

    office.world.call(move("o0", "b1", "2026-07-01"), role="business_support")

    def asked(query: Callable[[Transaction], T]) -> T:
        return office.world.services["planning"].database.read(query)

    before = asked(lambda tx: organization.subtree_on(tx, "r1", on=june))
    after = asked(lambda tx: organization.subtree_on(tx, "r1", on=july))
    paths = asked(lambda tx: organization.paths_on(tx, june))
    assert before - after == {"o0"}
    assert len(before) == 1 + 3 + 6
    assert (len(paths), paths["o0"]) == (21, "hq/r1/b0/o0/")
    assert asked(lambda tx: organization.ancestors_on(tx, "o0", on=july)) == (
        "o0",
        "b1",
        "r2",
        "hq",
    )
    assert asked(lambda tx: organization.common_unit_on(tx, ["o0", "o2"], on=june)) == "r1"
    assert asked(lambda tx: organization.common_unit_on(tx, ["o0", "o2"], on=july)) == "hq"
    with pytest.raises(UnitNotFound):
        asked(lambda tx: organization.subtree_on(tx, "r1", on=date(2025, 12, 31)))


@req("R-165")
def test_scope_follows_a_move_on_its_day_with_all_that_is_below(office: Office) -> None:
    a_unit(office.world, "r1")
    a_unit(office.world, "r2")
    a_unit(office.world, "b1", parent="r1")
    a_unit(office.world, "o1", parent="b1")
    office.world.call(move("b1", "r2", "2026-03-03"), role="business_support")
    before = scope_of(office, "o1")

    office.world.clock.set(office.world.clock.now().replace(day=3))

    until(lambda: scope_of(office, "o1") == "hq/r2/b1/o1/", "the move to take effect")
    assert before == "hq/r1/b1/o1/"
    facts = office.facts(org_unit_pb2.OrgUnitChanged)
    assert [(f.unit_id, f.path, f.version) for f in facts[-2:]] == [
        ("b1", "hq/r2/b1/", 2),
        ("o1", "hq/r2/b1/o1/", 2),
    ]


def test_a_page_of_the_tree_has_each_unit_behind_its_parent(office: Office) -> None:
    for unit_id, parent, kind in TREE:
        a_unit(office.world, unit_id, parent=parent, kind=kind)

    found, token = [], ""
    while True:
        request = units.ListUnitsRequest(page_size=4, page_token=token)
        reply = office.world.call(request, role="planning", unit_id="r1")
        found += [unit.path for unit in reply.units]
        token = reply.next_page_token
        if not token:
            break

    assert found == sorted(found)
    assert found[0] == "hq/r1/"
    assert len(found) == 1 + 3 + 6


def test_the_headquarters_are_there_once_however_often_the_service_starts(office: Office) -> None:
    facts = office.facts(org_unit_pb2.OrgUnitChanged)

    office.world.services.pop("planning").stop()
    office.world.channels.pop("planning", None)
    until(lambda: ports.is_free(office.world.port("planning")), "the first to be gone")
    office.world.start("planning")

    assert [fact.path for fact in facts] == ["hq/"]
    assert office.facts(org_unit_pb2.OrgUnitChanged) == facts


@pytest.mark.parametrize(
    ("request_", "reason", "code"),
    [
        (move("hq", "r1", "2026-07-01"), "ROOT_UNIT_FIXED", "FAILED_PRECONDITION"),
        (move("r1", "b1", "2026-07-01"), "UNIT_MOVE_MAKES_CYCLE", "FAILED_PRECONDITION"),
        (move("r1", "r1", "2026-07-01"), "UNIT_MOVE_MAKES_CYCLE", "FAILED_PRECONDITION"),
        (move("b1", "r2", "2026-03-01"), "UNIT_MOVE_BACKDATED", "FAILED_PRECONDITION"),
        (move("b1", "r9", "2026-07-01"), "UNIT_NOT_FOUND", "NOT_FOUND"),
        (move("b1", "r2", "2026-02-30"), "PERIOD_INVALID", "INVALID_ARGUMENT"),
        (units.GetUnitRequest(unit_id="b1", date="2025-12-31"), "UNIT_NOT_FOUND", "NOT_FOUND"),
        (
            units.CreateUnitRequest(
                unit_id="b1",
                name="again",
                kind=KIND.KIND_BRANCH,
                parent_unit_id="r1",
                valid_from="2026-01-01",
            ),
            "UNIT_ALREADY_EXISTS",
            "ALREADY_EXISTS",
        ),
        (
            units.CreateUnitRequest(
                unit_id="b2",
                name="an orphan",
                kind=KIND.KIND_BRANCH,
                parent_unit_id="r9",
                valid_from="2026-01-01",
            ),
            "UNIT_NOT_FOUND",
            "NOT_FOUND",
        ),
    ],
)
def test_a_unit_is_refused_with_its_reason(
    office: Office, request_: units.MoveUnitRequest, reason: str, code: str
) -> None:
    a_unit(office.world, "r1")
    a_unit(office.world, "r2")
    a_unit(office.world, "b1", parent="r1")

    with pytest.raises(Refused) as refused:
        office.world.call(request_, role="business_support")

    assert (refused.value.reason, refused.value.code.name) == (reason, code)


def test_two_moves_to_come_cannot_make_a_cycle_together(office: Office) -> None:
    a_unit(office.world, "r1")
    a_unit(office.world, "r2")
    office.world.call(move("r1", "r2", "2026-07-01"), role="business_support")

    with pytest.raises(Refused) as refused:
        office.world.call(move("r2", "r1", "2026-06-01"), role="business_support")

    assert refused.value.reason == "UNIT_MOVE_MAKES_CYCLE"


@req("R-183")
def test_a_plan_of_another_area_is_denied_and_the_attempt_is_written_down(office: Office) -> None:
    a_unit(office.world, "A1")
    a_unit(office.world, "A2")
    office.world.call(
        plans.PublishMonthlyPlanRequest(unit_id="A1", month="2026-03"), role="planning"
    )

    with pytest.raises(Refused) as refused:
        office.world.call(
            plans.GetMonthlyPlanRequest(unit_id="A1", month="2026-03"),
            role="sales_administration",
            unit_id="A2",
            subject="rep",
        )

    query = "SELECT method, outcome FROM audit_entry WHERE subject = 'rep'"
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    assert refused.value.reason == "OUT_OF_SCOPE"
    assert office.world.rows("planning", query) == [("GetMonthlyPlan", "OUT_OF_SCOPE")]


@req("R-183")
def test_an_attempt_is_denied_and_written_down_also_when_the_database_stands_still_for_a_second(
    office: Office,
) -> None:
    """Whoever may not see something hears so, and not that the service has a fault."""
    a_unit(office.world, "A1")
    a_unit(office.world, "A2")
    world = office.world
    waits = """
        SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE NOT granted AND datname = current_database()
          AND clock_timestamp() - waitstart > interval '1.1 seconds'
    """

    def asked() -> str:
        with pytest.raises(Refused) as refused:
            world.call(units.GetUnitRequest(unit_id="A1"), role="planning", unit_id="A2")
        return refused.value.reason

    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(libpq(world.database("planning").owner_url)) as db:
            db.execute("LOCK TABLE audit_entry IN SHARE MODE")
            reason = pool.submit(asked)
            until(lambda: reason.done() or bool(world.rows("planning", waits)), "the denial")

        assert reason.result() == "OUT_OF_SCOPE"
    query = "SELECT method FROM audit_entry WHERE outcome = 'OUT_OF_SCOPE'"
    assert world.rows("planning", query) == [("GetUnit",)]
