"""The same request with another content, which the contract allows as well."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import protovalidate
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from chassis.ids import new_id

# A field that no contract has; it is content all the same.
UNKNOWN_FIELD = b"\xf8\xff\x03\x01"
INTEGERS = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_UINT64,
}

_validator = protovalidate.Validator()


def other_body(request: Message) -> bytes:
    """Return a valid request with the same `request_id` and another content."""
    before = request.SerializeToString(deterministic=True)
    for change in _changes(request):
        other = copy.deepcopy(request)
        change(other)
        after = other.SerializeToString(deterministic=True)
        if after != before and not _validator.collect_violations(other):
            return after
    return before + UNKNOWN_FIELD


def _changes(request: Message) -> Iterator[Callable[[Any], None]]:
    """Give changes to try, one field each."""
    fields: list[Any] = [one for one in request.DESCRIPTOR.fields if one.name != "request_id"]
    for field in fields:
        if not field.is_repeated and field.message_type is None:
            for value in _others(field, getattr(request, field.name)):
                yield partial(_set, field.name, value)
    for field in fields:
        yield partial(_clear, field.name)


def _set(name: str, value: Any, message: Any) -> None:
    setattr(message, name, value)


def _clear(name: str, message: Any) -> None:
    message.ClearField(name)


def _others(field: Any, value: Any) -> Iterator[Any]:
    if field.type == FieldDescriptor.TYPE_STRING:
        yield from (new_id(), f"{value}x", f"{value}1", "x")
    elif field.type == FieldDescriptor.TYPE_BOOL:
        yield not value
    elif field.type in INTEGERS:
        yield from (value + 1, max(0, value - 1))
    elif field.enum_type is not None:
        yield from (one.number for one in field.enum_type.values if one.number != value)
