"""From bytes to a request that keeps the rules of its contract."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import protovalidate
from google.protobuf.message import DecodeError, Message

from chassis.errors import InvalidArgument, Violation
from chassis.rpc.methods import Method

H = TypeVar("H", bound=Callable[..., Any])

BATCH = "in_batch"

_validator = protovalidate.Validator()


def parsed(method: Method, request: bytes) -> Message:
    """Read the request message.

    Errors: InvalidArgument for bytes that are not the message, and for a NUL in a text, which no
    store takes.
    """
    try:
        message = method.request.FromString(request)
    except (DecodeError, RecursionError) as error:
        raise InvalidArgument("the request is not a message of this method") from error
    if b"\x00" in request and (field := nul_field(message)):
        raise InvalidArgument(
            "a text holds a NUL character",
            [Violation(field, "string.no_nul", "must not hold a NUL character")],
        )
    return message


def nul_field(message: Message) -> str:
    """Return the path of the first text field that holds a NUL character, or ""."""
    for descriptor, value in message.ListFields():
        for item in _items(value):
            if isinstance(item, str) and "\x00" in item:
                return str(descriptor.name)
            if isinstance(item, Message) and (inner := nul_field(item)):
                return f"{descriptor.name}.{inner}"
    return ""


def _items(value: object) -> list[object]:
    if isinstance(value, str | bytes | int | float | Message):
        return [value]
    if hasattr(value, "items"):
        return [part for pair in value.items() for part in pair]
    # A list field is one by its __getitem__ alone.
    return list(cast("Iterable[object]", value))


def require_valid(message: Message) -> None:
    """Refuse a message that breaks a rule of its contract, telling each.

    Errors: InvalidArgument.
    """
    violations = _validator.collect_violations(message)
    if violations:
        raise InvalidArgument(
            "the request breaks rules of the contract",
            [_violation(one.proto) for one in violations],
        )


def in_batch(handler: H) -> H:
    """Mark a servicer's method that takes a `Visit` and puts it into a batch."""
    setattr(handler, BATCH, True)
    return handler


def is_in_batch(handler: Callable[..., Any]) -> bool:
    """Tell whether a handler is marked so."""
    return getattr(handler, BATCH, False) is True


def _violation(one: object) -> Violation:
    path = getattr(one, "field", None)
    steps = []
    for element in path.elements if path is not None else ():
        steps.append(element.field_name)
        if getattr(element, "subscript", None) is not None:
            steps[-1] += f"[{element.subscript.value}]"
    return Violation(".".join(steps), getattr(one, "rule_id", ""), getattr(one, "message", ""))
