"""The values of a rule set, and the shape that a kind of rule set asks of them.

A shape is written like the value: `{"tiers": [{"from_minor": "int", "rate": "decimal"}]}`. A name
that ends in `?` may be missing; the name `*` stands for any name. Deliberately absent: a type for
fractions; a decimal number is a text until somebody computes with it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Final, TypeAlias

Value: TypeAlias = "bool | int | str | Sequence[Value] | Mapping[str, Value]"
Shape: TypeAlias = "str | Sequence[Shape] | Mapping[str, Shape]"

TEXT_CHARS_MAX: Final = 1000
ITEMS_MAX: Final = 1000
DEPTH_MAX: Final = 6
INTEGER_MAX: Final = 2**63 - 1

_ANY_NAME: Final = "*"
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_SPELLINGS: Final = {
    "text": re.compile(r"[^\x00]*", re.DOTALL),
    "decimal": re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "time": re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"),
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """Read the values of a rule set by name, each as what it is.

    Errors: KeyError and TypeError when the shape of the kind does not promise the value, which is a
        bug of the reader.
    """

    values: Mapping[str, Value]

    def __contains__(self, name: str) -> bool:
        """Tell whether there is a value of this name."""
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        """Give the names."""
        return iter(self.values)

    def integer(self, name: str) -> int:
        """Give a whole number."""
        return _integer(self.values[name])

    def truth(self, name: str) -> bool:
        """Give true or false."""
        value = self.values[name]
        if not isinstance(value, bool):
            raise TypeError(f"{name} is not a truth value")
        return value

    def text(self, name: str) -> str:
        """Give a text."""
        return _text(self.values[name])

    def decimal(self, name: str) -> Decimal:
        """Give a decimal number, exact."""
        return Decimal(self.text(name))

    def date(self, name: str) -> date:
        """Give a day."""
        return date.fromisoformat(self.text(name))

    def time(self, name: str) -> time:
        """Give a time of the day, which has no zone of its own."""
        return time.fromisoformat(self.text(name))

    def integers(self, name: str) -> list[int]:
        """Give a list of whole numbers."""
        return [_integer(value) for value in _items(self.values[name])]

    def texts(self, name: str) -> list[str]:
        """Give a list of texts."""
        return [_text(value) for value in _items(self.values[name])]

    def decimals(self, name: str) -> list[Decimal]:
        """Give a list of decimal numbers."""
        return [Decimal(text) for text in self.texts(name)]

    def record(self, name: str) -> "Parameters":
        """Give the values below a name."""
        return _record(self.values[name])

    def records(self, name: str) -> "list[Parameters]":
        """Give the rows of a table, in order."""
        return [_record(value) for value in _items(self.values[name])]


def misfits(value: object, shape: Shape, path: str = "parameters") -> list[str]:
    """Tell where a value does not have a shape, one sentence for each place.

    Shape: empty when it fits.
    """
    if isinstance(shape, str):
        return _misfits_word(value, shape, path)
    if isinstance(shape, Mapping):
        return _misfits_record(value, shape, path)
    return _misfits_list(value, shape[0], path)


def check_shape(shape: Shape, depth: int = 0) -> None:
    """Refuse a shape that is itself wrong, when the service starts.

    Errors: ValueError.
    """
    if depth > DEPTH_MAX:
        raise ValueError("a shape is too deep")
    if isinstance(shape, str):
        if shape not in {"int", "bool", *_SPELLINGS}:
            raise ValueError(f"{shape!r} is not a word for a shape")
    elif isinstance(shape, Mapping):
        for inner in shape.values():
            check_shape(inner, depth + 1)
    else:
        if len(shape) != 1:
            raise ValueError("a list's shape is a list of one shape")
        check_shape(shape[0], depth + 1)


def _misfits_word(value: object, word: str, path: str) -> list[str]:
    if word == "bool":
        return [] if isinstance(value, bool) else [f"{path} is not true or false"]
    if word == "int":
        fits = type(value) is int and -INTEGER_MAX <= value <= INTEGER_MAX
        return [] if fits else [f"{path} is not a whole number of 64 bits"]
    if not isinstance(value, str) or len(value) > TEXT_CHARS_MAX:
        return [f"{path} is not a text of at most {TEXT_CHARS_MAX} characters"]
    fits = _SPELLINGS[word].fullmatch(value) is not None and (word != "date" or _is_day(value))
    return [] if fits else [f"{path} is not a {word}"]


def _misfits_record(value: object, shape: Mapping[str, Shape], path: str) -> list[str]:
    if not isinstance(value, Mapping) or len(value) > ITEMS_MAX:
        return [f"{path} is not a record of at most {ITEMS_MAX} values"]
    named = {name.removesuffix("?"): inner for name, inner in shape.items() if name != _ANY_NAME}
    found = [
        f"{path}.{name} is missing"
        for name in named
        if name not in value and f"{name}?" not in shape
    ]
    for name, inner in value.items():
        if not _NAME.fullmatch(name):
            found.append(f"{path} has a name that is not 1 to 64 printable characters")
            continue
        expected = named.get(name, shape.get(_ANY_NAME))
        if expected is None:
            found.append(f"{path}.{name} is not a parameter of this kind")
        else:
            found.extend(misfits(inner, expected, f"{path}.{name}"))
    return found


def _misfits_list(value: object, shape: Shape, path: str) -> list[str]:
    if not isinstance(value, list | tuple) or len(value) > ITEMS_MAX:
        return [f"{path} is not a list of at most {ITEMS_MAX} values"]
    return [
        problem
        for number, inner in enumerate(value)
        for problem in misfits(inner, shape, f"{path}[{number}]")
    ]


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _integer(value: Value) -> int:
    if type(value) is not int:
        raise TypeError("the value is not a whole number")
    return value


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise TypeError("the value is not a text")
    return value


def _items(value: Value) -> Sequence[Value]:
    if isinstance(value, str | bool | int | Mapping):
        raise TypeError("the value is not a list")
    return value


def _record(value: Value) -> Parameters:
    if not isinstance(value, Mapping):
        raise TypeError("the value is not a record")
    return Parameters(value)
