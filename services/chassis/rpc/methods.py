"""What the contract says of each RPC, read once from the descriptors.

A method without the access option stops the start: forgetting it must never mean that everybody may
call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from mantle.options.v1 import options_pb2


class AccessMissing(Exception):
    """An RPC does not say who may call it."""


@dataclass(frozen=True, slots=True)
class Method:
    """Hold the contract of one RPC.

    Shape: `name` is package, service and method as in
    `mantle.planning.v1.BudgetService/ReserveBudget`; `roles` are lower case, empty when every
    authenticated caller may call.
    """

    name: str
    request: type[Message]
    response: type[Message]
    roles: frozenset[str]
    reasons: frozenset[str]
    writes: bool
    short: str


def methods_of(service: ServiceDescriptor) -> list[Method]:
    """Return the RPCs of a service in the order of the contract.

    Errors: AccessMissing, naming the method.
    """
    return [_method(service, one) for one in service.methods]


def method_of(request: type[Message]) -> Method:
    """Return the RPC that takes this request; each RPC has a request message of its own, in the
    same file."""
    descriptor = request.DESCRIPTOR
    for service in descriptor.file.services_by_name.values():
        for one in service.methods:
            if one.input_type.full_name == descriptor.full_name:
                return _method(service, one)
    raise LookupError(f"no RPC takes {descriptor.full_name}")


def role_name(number: int) -> str:
    """Return a role as tokens spell it: ROLE_SALES_DIRECTOR is `sales_director`."""
    return options_pb2.Role.Name(options_pb2.Role.ValueType(number)).removeprefix("ROLE_").lower()


def _method(service: Any, one: Any) -> Method:  # two classes of descriptors, one shape
    options: MethodOptions = one.GetOptions()
    name = f"{service.full_name}/{one.name}"
    access = options.Extensions[options_pb2.access]
    if not access.roles and not access.any_authenticated:
        raise AccessMissing(f"{name} does not say who may call it")
    return Method(
        name=name,
        request=message_factory.GetMessageClass(one.input_type),
        response=message_factory.GetMessageClass(one.output_type),
        roles=frozenset() if access.any_authenticated else frozenset(map(role_name, access.roles)),
        reasons=frozenset(options.Extensions[options_pb2.errors].reasons),
        writes=options.idempotency_level == MethodOptions.IDEMPOTENT,
        short=one.name,
    )


Handler = Callable[..., bytes]
