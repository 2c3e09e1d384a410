"""What the contracts promise, and that the services are wired to keep it."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from mantle.options.v1 import options_pb2

from chassis.rpc.methods import Method
from chassis.settings import SERVICES
from tests.support.assembly import Assembly, assemblies
from tests.support.examples import (
    ROOT,
    SHARED,
    all_methods,
    arrange_of,
    arranged,
    contracts,
    files,
    home_of,
    snake,
)
from tests.support.requirements import req

__all__ = ["assemblies"]

METHODS = [(service, one) for service in contracts() for one in service.methods]
NAMES = [f"{service.full_name}/{one.name}" for service, one in METHODS]
each_method = pytest.mark.parametrize(("service", "method"), METHODS, ids=NAMES)
each_contract_method = pytest.mark.parametrize(
    "method", all_methods(), ids=lambda method: method.name
)

# Who may ask whom; every other direction goes by events.
ASKS = {
    "crm": {"channels", "settlement", "planning"},
    "channels": {"settlement", "planning"},
    "settlement": {"planning"},
    "planning": set[str](),
}
# What every service serves beside its own contracts, and what it serves if it has such things.
SERVED_BY_ALL = {"mantle.events.v1.EventLogService", "mantle.policy.v1.PolicyService"}
SERVED_BY_SOME = {"mantle.process.v1.ProcessService", "mantle.work.v1.WorkService"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_serves_its_own_contracts_and_the_shared_ones(
    name: str, assemblies: dict[str, Assembly]
) -> None:
    own = {one.full_name for one in contracts() if one.full_name.split(".")[1] == name}

    assert own | SERVED_BY_ALL <= assemblies[name].contracts
    assert assemblies[name].contracts <= own | SERVED_BY_ALL | SERVED_BY_SOME


def test_every_contract_is_served_somewhere(assemblies: dict[str, Assembly]) -> None:
    served = set[str]().union(*(one.contracts for one in assemblies.values()))

    assert {one.full_name for one in contracts()} - served == set()


@pytest.mark.parametrize("name", SERVICES)
def test_a_servicer_has_the_methods_of_its_contract_and_no_others(
    name: str, assemblies: dict[str, Assembly]
) -> None:
    for contract, servicer in assemblies[name].servicers:
        methods = {one for one in dir(servicer) if not one.startswith("_")}

        assert methods == {one.name for one in contract.methods}, contract.full_name


@each_contract_method
def test_a_write_has_an_arrange_function(method: Method) -> None:
    if method.writes:
        assert arrange_of(method) is not None, (
            f"write one into tests/support/examples_{home_of(method)}.py"
        )


@each_method
def test_an_rpc_says_whether_it_changes_anything(service: Any, method: Any) -> None:
    level = method.GetOptions().idempotency_level

    assert level in (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)
    if method.name.startswith(("Get", "List", "Read", "Quote")):
        assert level == MethodOptions.NO_SIDE_EFFECTS


@each_method
def test_a_write_carries_a_uuid_that_the_caller_keeps(service: Any, method: Any) -> None:
    field = method.input_type.fields_by_name.get("request_id")

    if method.GetOptions().idempotency_level == MethodOptions.IDEMPOTENT:
        assert field is not None and field.number == 1
        assert rules(field).string.uuid
    else:
        assert field is None


@each_method
def test_a_list_pages(service: Any, method: Any) -> None:
    if not method.name.startswith("List"):
        return
    asked, answered = method.input_type.fields_by_name, method.output_type.fields

    assert asked["page_size"].type == FieldDescriptor.TYPE_INT32
    assert rules(asked["page_size"]).int32.gte == 0
    assert asked["page_token"].type == FieldDescriptor.TYPE_STRING
    assert rules(asked["page_token"]).string.max_len > 0
    assert answered[0].is_repeated and answered[0].number == 1
    assert answered[1].name == "next_page_token"


@each_method
@req("R-313")
def test_an_rpc_says_who_may_call_it(service: Any, method: Any) -> None:
    access = method.GetOptions().Extensions[options_pb2.access]

    assert bool(access.roles) != access.any_authenticated
    assert options_pb2.ROLE_UNSPECIFIED not in access.roles
    assert len(set(access.roles)) == len(access.roles)


@each_method
def test_only_a_read_is_open_to_everybody(service: Any, method: Any) -> None:
    """Completing a step by hand is open, because the step itself says whose it is."""
    access = method.GetOptions().Extensions[options_pb2.access]
    writes = method.GetOptions().idempotency_level == MethodOptions.IDEMPOTENT

    assert not (access.any_authenticated and writes) or method.name == "CompleteStep"


@each_method
def test_a_request_and_a_response_belong_to_one_rpc(service: Any, method: Any) -> None:
    assert method.input_type.name == f"{method.name}Request"
    assert method.output_type.name == f"{method.name}Response"


def test_no_message_is_shared_between_rpcs() -> None:
    used = Counter(
        one.full_name for _, method in METHODS for one in (method.input_type, method.output_type)
    )

    assert [name for name, times in used.items() if times > 1] == []


def test_no_number_is_a_float() -> None:
    inexact = {FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE}

    assert [field.full_name for field in all_fields() if field.type in inexact] == []


def test_an_amount_has_a_currency() -> None:
    """An integer of minor units means nothing beside an unnamed currency."""
    bare = [
        field.full_name
        for field in all_fields()
        if field.name.endswith("_minor") and "currency_code" not in siblings(field)
    ]

    assert bare == []


def test_an_enum_begins_with_unspecified_and_its_values_with_its_name() -> None:
    wrong = []
    for enum in all_enums():
        prefix = screaming(enum.name)
        if enum.values[0].name != f"{prefix}_UNSPECIFIED" or enum.values[0].number != 0:
            wrong.append(enum.full_name)
        wrong += [v.full_name for v in enum.values if not v.name.startswith(f"{prefix}_")]

    assert wrong == []


def test_an_enum_that_one_message_uses_is_nested_in_it() -> None:
    users: dict[str, set[str]] = {}
    for field in all_fields():
        if field.enum_type is not None:
            users.setdefault(field.enum_type.full_name, set()).add(field.containing_type.full_name)
    lonely = {name for name, messages in users.items() if len(messages) == 1}

    assert [
        enum.full_name
        for enum in all_enums()
        if enum.containing_type is None
        and enum.full_name in lonely
        # A role is in every access option, which no message of ours has as a field.
        and enum.full_name != "mantle.options.v1.Role"
    ] == []


@each_method
def test_an_enum_in_a_request_is_one_of_its_values(service: Any, method: Any) -> None:
    open_ones = [
        field.full_name
        for field in fields_below(method.input_type)
        if field.enum_type is not None and not item_rules(field).enum.defined_only
    ]

    assert open_ones == []


@each_method
def test_everything_in_a_request_has_a_bound(service: Any, method: Any) -> None:
    unbound = [
        field.full_name for field in fields_below(method.input_type) if not is_bounded(field)
    ]

    assert unbound == []


def test_a_service_asks_only_those_below_it() -> None:
    wrong = []
    for path in sorted((ROOT / "services").glob("*/*/peers.py")):
        service = path.relative_to(ROOT / "services").parts[0]
        wrong += [
            f"{path}: {other}"
            for other in imported_packages(path)
            if other in SERVICES and other not in ASKS.get(service, set()) | {service}
        ]

    assert wrong == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_fact_is_followed_where_it_is_told(name: str, assemblies: dict[str, Assembly]) -> None:
    """A handler of a fact that its source never tells would wait for ever."""
    wrong = [
        f"{source}: {message.DESCRIPTOR.full_name}"
        for source, handlers in assemblies[name].followed.items()
        for message, _ in handlers
        if message.DESCRIPTOR.full_name.split(".")[1] in set(SERVICES) - {source}
    ]

    assert wrong == []


def test_every_fact_of_the_contracts_stands_in_the_events_of_its_service(
    assemblies: dict[str, Assembly],
) -> None:
    strays = {
        message.DESCRIPTOR.full_name
        for one in assemblies.values()
        for handlers in one.followed.values()
        for message, _ in handlers
        if home(message) in SERVICES and not message.DESCRIPTOR.file.name.endswith("/events.proto")
    }

    assert strays == set()


def test_no_two_services_own_the_same_kind_of_policy(assemblies: dict[str, Assembly]) -> None:
    owners = Counter(kind for one in assemblies.values() for kind in one.owned_kinds)

    assert [kind for kind, count in owners.items() if count > 1] == []


@pytest.mark.parametrize("where", [*SERVICES, SHARED])
def test_an_example_belongs_to_a_write(where: str) -> None:
    """A function that no RPC is called like would never be run."""
    wanted = {
        snake(method.short)
        for method in all_methods()
        if method.writes and home_of(method) == where
    }

    assert arranged(where) - wanted == set()


def home(message: type[Message]) -> str:
    return message.DESCRIPTOR.full_name.split(".")[1]


def rules(field: Any) -> Any:
    return field.GetOptions().Extensions[validate_pb2.field]


def item_rules(field: Any) -> Any:
    """Return the rules of a value, also where it is an item of a list or a value of a map."""
    found = rules(field)
    if is_map(field):
        return found.map.values
    return found.repeated.items if field.is_repeated else found


def is_bounded(field: Any) -> bool:
    """Tell whether a value and the number of values have a limit that validation knows."""
    if field.is_repeated and not (rules(field).repeated.max_items or rules(field).map.max_pairs):
        return False
    if is_map(field) or field.type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        return True
    found = item_rules(field)
    text = found.string if field.type == FieldDescriptor.TYPE_STRING else found.bytes
    # Most of the other rules (a pattern, a format, a set of values) are a limit, too.
    return any(rule.name not in ("min_len", "min_bytes") for rule, _ in text.ListFields())


def is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def all_messages() -> Iterator[Descriptor]:
    for file in files():
        for message in file.message_types_by_name.values():
            yield from with_nested(message)


def with_nested(message: Descriptor) -> Iterator[Descriptor]:
    yield message
    for inner in message.nested_types:
        yield from with_nested(inner)


def all_fields() -> Iterator[Any]:
    for message in all_messages():
        yield from message.fields


def all_enums() -> Iterator[Any]:
    for file in files():
        yield from file.enum_types_by_name.values()
    for message in all_messages():
        yield from message.enum_types


def fields_below(message: Any, seen: frozenset[str] = frozenset()) -> Iterator[Any]:
    """Return the fields of a message and of the messages in it."""
    if message.full_name in seen or message.full_name.startswith("google."):
        return
    if not message.GetOptions().map_entry:
        yield from message.fields
    for field in message.fields:
        if field.message_type is not None:
            yield from fields_below(field.message_type, seen | {message.full_name})


def siblings(field: Any) -> list[str]:
    return [one.name for one in field.containing_type.fields]


def screaming(name: str) -> str:
    return "".join(f"_{c}" if c.isupper() else c.upper() for c in name).lstrip("_")


def imported_packages(path: Path) -> set[str]:
    """Return the names behind `mantle.` in a module's imports."""
    names = [
        node.module for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "module")
    ]
    return {name.split(".")[1] for name in names if name and name.startswith("mantle.")}
