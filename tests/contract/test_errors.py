"""The reasons of refusals are the same in the code, in the contracts' enums and at the RPCs."""

from collections.abc import Iterator
from typing import Any

import pytest
from mantle.options.v1 import options_pb2
from mantle.type.v1 import error_reason_pb2

from chassis import errors
from chassis.errors import MantleError
from chassis.settings import SERVICES
from tests.support.assembly import modules_of
from tests.support.examples import contracts, files, home_of_file

CHASSIS = "chassis"
# Sent by gRPC itself, before any code of ours.
SENT_BY_THE_TRANSPORT = {"UNKNOWN_METHOD"}
METHODS = [(service, one) for service in contracts() for one in service.methods]
NAMES = [f"{service.full_name}/{one.name}" for service, one in METHODS]


@pytest.mark.parametrize("package", [CHASSIS, *SERVICES])
def test_an_error_has_a_reason_of_the_contract(package: str) -> None:
    allowed = reasons(package) | reasons(CHASSIS)

    assert {
        error.__qualname__: error.reason
        for error in error_classes(package)
        if error.reason not in allowed
    } == {}


@pytest.mark.parametrize("package", [CHASSIS, *SERVICES])
def test_a_reason_of_the_contract_has_an_error(package: str) -> None:
    raised = {error.reason for error in error_classes(package)}

    assert reasons(package) - raised - SENT_BY_THE_TRANSPORT == set()


@pytest.mark.parametrize("package", [CHASSIS, *SERVICES])
def test_an_error_of_ours_is_no_bug_of_ours(package: str) -> None:
    """A class without a reason of its own would be told as INTERNAL."""
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}

    assert [
        error.__qualname__
        for error in error_classes(package)
        if error.reason == MantleError.reason and error not in kinds
    ] == []


@pytest.mark.parametrize("package", SERVICES)
def test_an_error_is_of_a_kind_that_has_a_status(package: str) -> None:
    assert [
        error.__qualname__
        for error in error_classes(package)
        if MantleError in error.__bases__ or not error.__doc__
    ] == []


@pytest.mark.parametrize("package", SERVICES)
def test_a_service_does_not_repeat_a_reason_of_all_services(package: str) -> None:
    assert reasons(package) & reasons(CHASSIS) == set()


@pytest.mark.parametrize(("service", "method"), METHODS, ids=NAMES)
def test_an_rpc_names_reasons_that_exist(service: Any, method: Any) -> None:
    named = list(method.GetOptions().Extensions[options_pb2.errors].reasons)
    package = service.full_name.split(".")[1]

    assert set(named) - reasons(package) - reasons(CHASSIS) == set()
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("package", SERVICES)
def test_a_reason_of_a_service_can_reach_a_caller(package: str) -> None:
    """A reason that no RPC names is one that no client can prepare for."""
    named = {
        reason
        for service, method in METHODS
        if service.full_name.split(".")[1] == package
        for reason in method.GetOptions().Extensions[options_pb2.errors].reasons
    }

    assert reasons(package) - named == set()


def reasons(package: str) -> set[str]:
    """Return the reasons of a service's enum; the chassis' own are those of all services."""
    enum = (
        error_reason_pb2.DESCRIPTOR.enum_types_by_name["ErrorReason"]
        if package == CHASSIS
        else next(
            (
                file.enum_types_by_name["ErrorReason"]
                for file in files()
                if home_of_file(file) == package and "ErrorReason" in file.enum_types_by_name
            ),
            None,
        )
    )
    values = enum.values if enum is not None else []
    return {v.name.removeprefix("ERROR_REASON_") for v in values if v.number != 0}


def error_classes(package: str) -> Iterator[type[MantleError]]:
    """Return the error classes that a package defines, after importing all of it."""
    modules_of(package)
    left, seen = [MantleError], set[type[MantleError]]()
    while left:
        error = left.pop()
        if error in seen:
            continue
        seen.add(error)
        left.extend(error.__subclasses__())
        if error.__module__.split(".")[0] == package:
            yield error
