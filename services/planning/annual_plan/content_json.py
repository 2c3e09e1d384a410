"""What the steps bring, as the database keeps it: JSON in the shape of the values themselves."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from planning.annual_plan.content import KINDS, Content

Json = Mapping[str, Any]


def content_to_json(content: Content) -> Json:
    """Write content; decimals become texts, so that they stay exact."""
    return cast(Json, _written(content))


def content_from_json(kind: str, value: Json) -> Content:
    """Read content of a kind, which is the name of its type."""
    return cast(Content, _read(KINDS[kind], value))


def _written(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _written(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_written(one) for one in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


def _read(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(kind) in (Union, types.UnionType):
        return _read(get_args(kind)[0], value)
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if inner[-1] is Ellipsis:
            return tuple(_read(inner[0], one) for one in value)
        return tuple(_read(one, part) for one, part in zip(inner, value, strict=True))
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return cast(Any, kind)(**{name: _read(hints[name], part) for name, part in value.items()})
    return kind(value) if kind is Decimal or issubclass(kind, Enum) else value
