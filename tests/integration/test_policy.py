"""Policies in PostgreSQL: one answer a day whatever races, and copies that keep the newest news."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest
from mantle.policy.v1 import policy_pb2
from mantle.policy.v1 import policy_service_pb2 as pb
from sqlalchemy.exc import IntegrityError, ProgrammingError

from chassis import scope
from chassis.database import Database
from chassis.outcome import Outcome
from chassis.paging import open_page
from chassis.policy import storage, usecases, wire
from chassis.policy.book import PolicyBook
from chassis.policy.conditions import ConditionInvalid
from chassis.policy.domain import (
    Draft,
    Policy,
    PolicyApproved,
    PolicyApproverIsAuthor,
    PolicyApproverRoleForbids,
    PolicyBackdated,
    PolicyInvalid,
    PolicyKindNotOwned,
    PolicyNotFound,
    PolicyOverlaps,
    PolicyWithdrawn,
    State,
    Wanted,
)
from chassis.policy.subscriber import PolicySubscriber
from chassis.rpc.methods import method_of
from chassis.rpc.service import Service
from chassis.rpc.status import read_details
from chassis.scope import Caller, OutOfScope
from tests.support.postgres import DatabaseFor
from tests.support.requirements import req
from tests.support.server import World, with_request_id
from tests.unit.chassis.policy.policies import (
    DISCOUNT,
    QUALIFIES,
    a_policy,
    day,
    days,
    discount_draft,
)

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 2)
KINDS = {"discount": DISCOUNT}
WANG = Caller("wang", frozenset({"sales_administration"}), "south", "wang")
LI = Caller("li", frozenset({"sales_director"}), "hq", "li")
DEFAULT = """
kind = "discount"
start = 2026-01-01
summary = "Discount of grade A"
[parameters]
discount_share = "0.30"
[conditions]
qualifies = "grade == 'A' && purchases_minor >= 100000000"
"""


@pytest.fixture
def database(database_for: DatabaseFor) -> Iterator[Database]:
    opened = Database(database_for("planning").app_url, size=6)
    yield opened
    opened.close()


def write(database: Database, draft: Draft) -> Policy:
    with database.transaction() as tx:
        return usecases.create(tx, draft=draft, kinds=KINDS, by=WANG, at=NOW).value


def approve(database: Database, policy: Policy, **changes: Any) -> PolicyApproved:
    options: dict[str, Any] = {"kinds": KINDS, "by": LI, "at": NOW, "today": TODAY} | changes
    with database.transaction() as tx:
        return usecases.approve(tx, policy_id=policy.policy_id, **options).value


def withdraw(database: Database, policy: Policy, **changes: Any) -> Outcome[PolicyWithdrawn]:
    options: dict[str, Any] = {"kinds": KINDS, "by": LI, "at": NOW, "today": TODAY} | changes
    with database.transaction() as tx:
        return usecases.withdraw(tx, policy_id=policy.policy_id, **options)


def in_force(database: Database, on: str, *scopes: str) -> Policy:
    with database.transaction() as tx:
        return usecases.in_force(tx, kind="discount", scopes=scopes or ("",), on=day(on))


def both(*acts: Callable[[], object]) -> list[object]:
    """Do things at once, each in a thread of its own, and return what each gave or raised."""
    start = threading.Barrier(len(acts))
    found: list[object] = [None] * len(acts)

    def run(number: int) -> None:
        start.wait(timeout=10)
        try:
            found[number] = acts[number]()
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return found


@req("R-092")
def test_the_order_of_30_june_uses_the_first_version_and_that_of_1_july_the_second(
    database: Database,
) -> None:
    first = write(database, discount_draft(days("2026-04-01")))
    second = write(
        database, discount_draft(days("2026-07-01"), parameters={"discount_share": "0.25"})
    )
    approve(database, first)

    fact = approve(database, second)

    assert fact.ended is not None
    assert fact.ended.valid == days("2026-04-01", "2026-07-01")
    assert in_force(database, "2026-06-30").version == 1
    assert in_force(database, "2026-07-01").version == 2
    with pytest.raises(PolicyNotFound):
        in_force(database, "2026-03-31")


@req("R-304")
def test_two_live_versions_for_one_date_are_refused(database: Database) -> None:
    approve(database, write(database, discount_draft(days("2026-04-01"))))
    twin = write(database, discount_draft(days("2026-04-01")))

    with pytest.raises(PolicyOverlaps):
        approve(database, twin)

    with database.transaction() as tx:
        states = [one.state for one in usecases.versions(tx, kind="discount", scope="")]
    assert states == [State.APPROVED, State.DRAFT]


def test_drafts_may_overlap_and_have_no_effect(database: Database) -> None:
    drafts = [write(database, discount_draft(days("2026-04-01"))) for _ in range(3)]

    assert [draft.version for draft in drafts] == [1, 2, 3]
    with pytest.raises(PolicyNotFound):
        in_force(database, "2026-04-01")


@req("R-304")
@pytest.mark.parametrize("with_predecessor", [False, True])
def test_of_two_approvals_at_once_exactly_one_wins(
    database: Database, with_predecessor: bool
) -> None:
    if with_predecessor:
        approve(database, write(database, discount_draft(days("2026-04-01"))))
    left, right = (write(database, discount_draft(days("2026-07-01"))) for _ in range(2))

    found = both(lambda: approve(database, left), lambda: approve(database, right))

    kinds = sorted(type(one).__name__ for one in found)
    assert kinds == ["PolicyApproved", "PolicyOverlaps"]
    assert in_force(database, "2026-07-01").policy_id in {left.policy_id, right.policy_id}


def test_the_database_refuses_a_second_answer_by_itself(database: Database) -> None:
    """Whatever the code forgets, two transactions at once cannot both commit."""
    left, right = (
        replace(write(database, discount_draft(days("2026-07-01"))).approve(by="li", at=NOW))
        for _ in range(2)
    )
    written = threading.Barrier(2)

    def save(policy: Policy) -> None:
        with database.transaction() as tx:
            written.wait(timeout=10)
            storage.save(tx, policy)

    found = both(lambda: save(left), lambda: save(right))

    refused = [error for error in found if error is not None]
    assert len(refused) == 1
    assert "policy_one_a_day" in str(refused[0]) or "deadlock" in str(refused[0])
    assert in_force(database, "2026-07-01").policy_id in {left.policy_id, right.policy_id}


@pytest.mark.parametrize("valid", ["empty", "(,2026-07-01)"])
def test_the_database_refuses_a_range_without_a_day_or_without_a_start(
    database: Database, valid: str
) -> None:
    policy = write(database, discount_draft(days("2026-07-01")))

    with pytest.raises(IntegrityError, match="check"), database.transaction() as tx:
        tx.exec_driver_sql(
            "UPDATE policy SET valid = %(valid)s::daterange WHERE policy_id = %(id)s",
            {"valid": valid, "id": policy.policy_id},
        )


def test_versions_written_at_once_have_numbers_of_their_own(database: Database) -> None:
    draft = discount_draft(days("2026-07-01"))

    found = both(*[lambda: write(database, draft).version] * 4)

    assert sorted(found, key=str) == [1, 2, 3, 4]


def test_the_nearest_scope_wins(database: Database) -> None:
    with database.transaction() as tx:
        for unit_id, path in (("hq", "hq/"), ("south", "hq/south/")):
            scope.copy_unit(tx, unit_id=unit_id, path=path, version=1, at=NOW)
    for key in ("", "unit:south"):
        approve(database, write(database, discount_draft(days("2026-04-01"), scope=key)))

    near = in_force(database, "2026-04-01", "product:p1", "unit:south", "")
    wide = in_force(database, "2026-04-01", "product:p1", "unit:north", "")

    assert (near.scope, wide.scope) == ("unit:south", "")


def test_rules_of_a_unit_of_others_are_refused(database: Database) -> None:
    with database.transaction() as tx:
        for unit_id in ("south", "north"):
            scope.copy_unit(tx, unit_id=unit_id, path=f"hq/{unit_id}/", version=1, at=NOW)

    with pytest.raises(OutOfScope):
        write(database, discount_draft(days("2026-04-01"), scope="unit:north"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"kind": "rebate"}, PolicyKindNotOwned),
        ({"parameters": {"discount_share": 1}}, PolicyInvalid),
        ({"parameters": {}}, PolicyInvalid),
        ({"conditions": {}}, PolicyInvalid),
        ({"conditions": {"qualifies": "grade > 1"}}, ConditionInvalid),
        ({"conditions": {"qualifies": QUALIFIES, "more": "gread == 'A'"}}, ConditionInvalid),
    ],
)
def test_a_wrong_draft_is_refused(
    database: Database, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        write(database, discount_draft(days("2026-04-01"), **changes))


def test_an_approval_needs_a_second_person_of_the_right_role_and_a_day_to_come(
    database: Database,
) -> None:
    policy = write(database, discount_draft(days("2026-03-02")))
    author = replace(WANG, roles=LI.roles)

    with pytest.raises(PolicyApproverRoleForbids):
        approve(database, policy, by=WANG)
    with pytest.raises(PolicyApproverIsAuthor):
        approve(database, policy, by=author)
    with pytest.raises(PolicyBackdated):
        approve(database, policy, today=date(2026, 3, 3))
    alone = {"discount": replace(DISCOUNT, two_person=False, backdated=True)}
    fact = approve(database, policy, by=author, kinds=alone, today=date(2026, 3, 3))
    assert fact.policy.state is State.APPROVED


def test_withdrawing_what_never_began_lets_the_predecessor_go_on(database: Database) -> None:
    first = write(database, discount_draft(days("2026-04-01")))
    second = write(database, discount_draft(days("2026-07-01")))
    approve(database, first)
    approve(database, second)

    outcome = withdraw(database, second)

    assert outcome.value.policy.state is State.WITHDRAWN
    assert outcome.value.reopened is not None
    assert list(outcome.facts) == [outcome.value]
    assert in_force(database, "2026-07-01").policy_id == first.policy_id


def test_withdrawing_from_the_middle_joins_its_neighbours(database: Database) -> None:
    first, second, third = (
        write(database, discount_draft(days(start)))
        for start in ("2026-04-01", "2026-07-01", "2026-10-01")
    )
    for policy in (first, second, third):
        approve(database, policy)

    withdraw(database, second)
    withdraw(database, third)

    assert in_force(database, "2026-07-01").policy_id == first.policy_id
    assert in_force(database, "2027-01-01").policy_id == first.policy_id


def test_withdrawing_what_has_begun_ends_it_today(database: Database) -> None:
    policy = write(database, discount_draft(days("2026-04-01")))
    approve(database, policy)

    withdraw(database, policy, today=date(2026, 5, 1))

    assert in_force(database, "2026-04-30").policy_id == policy.policy_id
    with pytest.raises(PolicyNotFound):
        in_force(database, "2026-05-01")


def test_an_author_may_withdraw_a_draft_and_tells_nobody(database: Database) -> None:
    policy = write(database, discount_draft(days("2026-04-01")))

    outcome = withdraw(database, policy, by=WANG)

    assert outcome.value.policy.state is State.WITHDRAWN
    assert outcome.facts == []


def test_defaults_are_put_in_force_once_and_never_again(database: Database, tmp_path: Path) -> None:
    (tmp_path / "discount.toml").write_text(DEFAULT)

    def start() -> list[Policy]:
        with database.transaction() as tx:
            return usecases.ensure_defaults(tx, directory=tmp_path, kinds=KINDS, at=NOW).value

    found = both(start, start)
    second = write(database, discount_draft(days("2026-07-01")))
    approve(database, second)
    (tmp_path / "discount.toml").write_text(DEFAULT.replace("0.30", "0.99"))
    again = start()

    assert sorted(len(one) for one in found if isinstance(one, list)) == [0, 1]
    assert again == []
    assert in_force(database, "2026-06-30").assumed
    assert in_force(database, "2026-06-30").parameters.text("discount_share") == "0.30"
    assert in_force(database, "2026-07-01").policy_id == second.policy_id
    assert not in_force(database, "2026-07-01").assumed


def test_copies_keep_the_newest_news_in_any_order(database: Database) -> None:
    first = a_policy("019e0000-0000-7000-8000-000000000001", days("2026-04-01")).approve(
        by="li", at=NOW
    )
    second = a_policy(
        "019e0000-0000-7000-8000-000000000002", days("2026-07-01"), version=2
    ).approve(by="li", at=NOW)
    events = [
        wire.FACTS[type(fact)](fact).payload
        for fact in (
            PolicyApproved(first, None),
            PolicyApproved(second, first.end_for(second)),
            PolicyWithdrawn(
                second.withdraw(by="li", at=NOW, today=TODAY),
                first.end_for(second).reopen_after(second),
            ),
        )
    ]
    handlers = dict(PolicySubscriber().handlers())
    received: Any = None

    for order in ((1, 0, 1), (2, 1, 0, 2)):
        for number in order:
            with database.transaction() as tx:
                handlers[type(events[number])](tx, received, events[number])
        if order == (1, 0, 1):
            assert in_force(database, "2026-06-30").policy_id == first.policy_id
            assert in_force(database, "2026-07-01").policy_id == second.policy_id

    assert in_force(database, "2026-07-01").policy_id == first.policy_id


def test_a_book_answers_from_memory_until_it_is_old_or_expired(database: Database) -> None:
    now_s = [100.0]
    book = PolicyBook({"discount"}, age_ms_max=1000, now_s=lambda: now_s[0])

    def share(on: str) -> str:
        with database.transaction() as tx:
            found = book.in_force(tx, kind="discount", scopes=("unit:x", ""), on=day(on))
        return found.parameters.text("discount_share")

    approve(database, write(database, discount_draft(days("2026-04-01"))))
    before = share("2026-07-01")
    approve(
        database,
        write(database, discount_draft(days("2026-07-01"), parameters={"discount_share": "0.25"})),
    )
    young = share("2026-07-01")
    now_s[0] += 1.0
    old = share("2026-07-01")
    withdrawn = in_force(database, "2026-07-01")
    withdraw(database, withdrawn)
    book.expire()

    assert (before, young, old) == ("0.30", "0.30", "0.25")
    assert share("2026-07-01") == "0.30"
    with pytest.raises(PolicyNotFound):
        share("2026-03-31")


def test_a_book_tells_the_version_of_each_scope_that_holds_on_a_day(database: Database) -> None:
    for start, key in (("2026-04-01", ""), ("2026-06-01", ""), ("2026-05-01", "product:x")):
        approve(database, write(database, discount_draft(days(start), scope=key)))
    book = PolicyBook({"discount"})

    def found(on: str) -> list[tuple[str, int]]:
        with database.transaction() as tx:
            every = book.all_in_force(tx, kind="discount", on=day(on))
        return sorted((one.scope, one.version) for one in every)

    assert found("2026-03-31") == []
    assert found("2026-05-31") == [("", 1), ("product:x", 1)]
    assert found("2026-06-01") == [("", 2), ("product:x", 1)]


def test_a_list_has_every_version_once_in_a_stable_order(database: Database) -> None:
    for key in ("product:b", "", "product:a"):
        write(database, discount_draft(days("2026-04-01"), scope=key))
        write(database, discount_draft(days("2026-07-01"), scope=key))

    seen: list[tuple[str, int]] = []
    token = ""
    while True:
        part = open_page(4, token, conditions=["policies"])
        with database.transaction() as tx:
            found = usecases.list_page(tx, wanted=Wanted(kind="discount"), part=part)
        seen += [(one.scope, one.version) for one in found.items]
        token = found.next_page_token
        if not token:
            break
    with database.transaction() as tx:
        on_a_day = usecases.list_page(
            tx,
            wanted=Wanted(scope="", on=day("2026-05-01"), state=State.DRAFT),
            part=open_page(0, "", conditions=["policies"]),
        )

    assert seen == [(key, version) for key in ("", "product:a", "product:b") for version in (1, 2)]
    assert [one.version for one in on_a_day.items] == [1]


def test_the_service_itself_cannot_delete_a_policy(database: Database) -> None:
    with pytest.raises(ProgrammingError) as caught, database.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM policy")

    assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)


class Served:
    """A service that owns discounts, and people who call it."""

    def __init__(self, world: World, directory: Path) -> None:
        (directory / "discount.toml").write_text(DEFAULT)
        service = Service(world.settings("planning"), facts={})
        service.mount_policies(KINDS, directory)
        service.start()
        world.services["planning"] = service
        self._world = world

    def call(self, request: Any, role: str, subject: str = "") -> Any:
        method = method_of(type(request))
        stub: Any = self._world.channel("planning").unary_unary(
            f"/{method.name}",
            lambda message: message.SerializeToString(),
            method.response.FromString,
        )
        token = self._world.token(role, subject=subject)
        metadata = (("authorization", f"Bearer {token}"),)
        return stub(with_request_id(request), timeout=20, metadata=metadata, wait_for_ready=True)

    def refusal(self, request: Any, role: str, subject: str = "") -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as caught:
            self.call(request, role, subject)
        return caught.value.code(), read_details(caught.value.trailing_metadata())[0]


def create_request(start_date: str, **changes: Any) -> pb.CreatePolicyRequest:
    request = pb.CreatePolicyRequest(
        kind="discount",
        start_date=start_date,
        conditions=[policy_pb2.PolicyCondition(name="qualifies", text="grade == 'A'")],
        **changes,
    )
    request.parameters["discount_share"].text = "0.25"
    return request


@pytest.fixture
def served(world: World, tmp_path: Path) -> Served:
    directory = tmp_path / "policies"
    directory.mkdir()
    return Served(world, directory)


@req("R-092", "R-304")
def test_a_policy_is_written_approved_tried_and_withdrawn_by_its_contract(served: Served) -> None:
    created = served.call(create_request("2026-07-01"), "finance").policy
    approve_request = pb.ApprovePolicyRequest(policy_id=created.policy_id)

    approved = served.call(approve_request, "sales_director")
    tried = served.call(
        pb.EvaluatePolicyRequest(
            lookup=pb.PolicyLookup(kind="discount", scopes=["unit:x", ""], date="2026-06-30"),
            variables={
                "grade": policy_pb2.PolicyValue(text="A"),
                "purchases_minor": policy_pb2.PolicyValue(integer=100_000_000),
            },
        ),
        "finance",
    )
    lacking = served.call(pb.EvaluatePolicyRequest(policy_id=created.policy_id), "finance")
    listed = served.call(pb.ListPoliciesRequest(kind="discount", date="2026-07-01"), "finance")
    withdrawn = served.call(pb.WithdrawPolicyRequest(policy_id=created.policy_id), "sales_director")
    found = served.call(pb.GetPolicyRequest(policy_id=created.policy_id), "supervision").policy

    assert approved.ended_policy.end_date == "2026-07-01"
    assert approved.ended_policy.assumed
    assert (tried.policy.version, tried.results[0].holds) == (1, True)
    assert [one.version for one in tried.candidates] == [1]
    assert not lacking.results[0].holds
    assert "grade" in lacking.results[0].problem
    assert [one.version for one in listed.policies] == [2]
    assert withdrawn.reopened_policy.version == 1
    assert found == withdrawn.policy
    assert found.state == policy_pb2.Policy.STATE_WITHDRAWN


def test_each_refusal_has_its_status_and_its_reason(served: Served) -> None:
    wrong = create_request("2026-07-01")
    wrong.conditions[0].text = "gread == 'A'"
    shapeless = create_request("2026-07-01")
    shapeless.parameters["discount_share"].integer = 1
    doubled = create_request("2026-07-01")
    doubled.conditions.add(name="qualifies", text="true")
    foreign = create_request("2026-07-01")
    foreign.kind = "rebate"
    mine = served.call(create_request("2026-07-01"), "sales_director", "zhao").policy
    past = served.call(create_request("2026-02-01"), "finance").policy
    twin = served.call(create_request("2026-01-01", end_date="2026-01-02"), "finance").policy
    approve_mine = pb.ApprovePolicyRequest(policy_id=mine.policy_id)
    absent = pb.GetPolicyRequest(policy_id="019e0000-0000-7000-8000-00000000dead")
    code = grpc.StatusCode

    refusals = [
        served.refusal(wrong, "finance"),
        served.refusal(shapeless, "finance"),
        served.refusal(doubled, "finance"),
        served.refusal(create_request("2026-02-30"), "finance"),
        served.refusal(create_request("2026-07-01", scope="unit:nowhere"), "finance"),
        served.refusal(foreign, "finance"),
        served.refusal(approve_mine, "finance"),
        served.refusal(approve_mine, "sales_director", "zhao"),
        served.refusal(pb.ApprovePolicyRequest(policy_id=past.policy_id), "sales_director"),
        served.refusal(absent, "finance"),
        served.refusal(absent, "partner"),
    ]
    served.call(pb.WithdrawPolicyRequest(policy_id=twin.policy_id), "finance")
    again = served.refusal(pb.WithdrawPolicyRequest(policy_id=twin.policy_id), "sales_director")

    assert [*refusals, again] == [
        (code.INVALID_ARGUMENT, "CONDITION_INVALID"),
        (code.INVALID_ARGUMENT, "POLICY_INVALID"),
        (code.INVALID_ARGUMENT, "REQUEST_INVALID"),
        (code.INVALID_ARGUMENT, "PERIOD_INVALID"),
        (code.PERMISSION_DENIED, "OUT_OF_SCOPE"),
        (code.FAILED_PRECONDITION, "POLICY_KIND_NOT_OWNED"),
        (code.PERMISSION_DENIED, "POLICY_APPROVER_ROLE_FORBIDS"),
        (code.PERMISSION_DENIED, "POLICY_APPROVER_IS_AUTHOR"),
        (code.FAILED_PRECONDITION, "POLICY_BACKDATED"),
        (code.NOT_FOUND, "POLICY_NOT_FOUND"),
        (code.PERMISSION_DENIED, "ROLE_FORBIDS"),
        (code.FAILED_PRECONDITION, "POLICY_STATE_FORBIDS"),
    ]
