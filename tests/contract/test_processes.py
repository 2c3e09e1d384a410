"""The processes and policies that come as files: published, sound, and true to the contracts."""

from pathlib import Path

import pytest

from chassis.policy import usecases as policy
from chassis.policy.defaults import read_drafts
from chassis.process.handbook import PAGE, collect, handbook
from chassis.process.source import Definitions, changed
from chassis.rpc.methods import Method
from chassis.settings import SERVICES
from local.tokens import person_roles
from tests.support.assembly import Assembly, assemblies
from tests.support.examples import ROOT, all_methods
from tests.support.requirements import req

__all__ = ["assemblies"]

PROCESSES = sorted((ROOT / "services").glob("*/processes"))
POLICIES = sorted((ROOT / "services").glob("*/policies"))
METHODS: dict[str, Method] = {method.name: method for method in all_methods()}

each_process = pytest.mark.parametrize(
    ("directory", "name"),
    [(where, path.stem) for where in PROCESSES for path in sorted(where.glob("*.toml"))],
    ids=lambda value: value.parent.name if isinstance(value, Path) else value,
)


@pytest.mark.parametrize("directory", PROCESSES, ids=lambda path: path.parent.name)
def test_a_published_process_is_never_changed(directory: Path) -> None:
    assert changed(Definitions.load(directory), directory) == []


@each_process
def test_a_step_is_for_a_role_that_exists(directory: Path, name: str) -> None:
    steps = Definitions.load(directory)[name].steps

    assert {step.role for step in steps if step.role} - set(person_roles()) == set()


@each_process
def test_a_step_is_done_by_a_write_of_its_own_service(directory: Path, name: str) -> None:
    rpcs = {rpc for step in Definitions.load(directory)[name].steps for rpc in step.rpcs}
    package = f"mantle.{directory.parent.name}.v1."

    assert rpcs - METHODS.keys() == set()
    assert [rpc for rpc in rpcs if not METHODS[rpc].writes or not rpc.startswith(package)] == []


@each_process
def test_whoever_has_the_step_may_call_its_rpc(directory: Path, name: str) -> None:
    shut_out = [
        (step.number, rpc, step.role)
        for step in Definitions.load(directory)[name].steps
        for rpc in step.rpcs
        if step.role and METHODS[rpc].roles and step.role not in METHODS[rpc].roles
    ]

    assert shut_out == []


@req("R-030")
def test_the_handbook_says_what_the_processes_say() -> None:
    """Written anew by `./run handbook` after a change of a process."""
    assert PAGE.read_text() == handbook(collect(ROOT / "services"))


@pytest.mark.parametrize("name", SERVICES)
def test_processes_and_policies_of_a_service_are_mounted(
    name: str, assemblies: dict[str, Assembly]
) -> None:
    home = ROOT / "services" / name

    assert [path for path in (home / "processes",) if path.is_dir()] == assemblies[name].processes
    assert assemblies[name].policies == [home / "policies"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_default_policy_is_of_a_kind_of_its_service_and_has_its_shape(
    name: str, assemblies: dict[str, Assembly]
) -> None:
    kinds = assemblies[name].owned_kinds
    drafts = [draft for where in assemblies[name].policies for draft in read_drafts(where)]

    assert {draft.kind for draft in drafts} - kinds.keys() == set()
    for draft in drafts:
        policy.check(draft, kinds[draft.kind])


@pytest.mark.parametrize("name", SERVICES)
def test_a_kind_is_approved_by_roles_that_may_approve(
    name: str, assemblies: dict[str, Assembly]
) -> None:
    may = METHODS["mantle.policy.v1.PolicyService/ApprovePolicy"].roles

    for kind, spec in assemblies[name].owned_kinds.items():
        assert spec.approve_roles and spec.approve_roles <= may, kind
