"""Input that nobody honest sends, made from honest input by a seed.

The same seed and the same honest request give the same bytes. Most variants are structure-aware:
they pass the parser and often the contract's rules, so that the code behind them is reached.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

TEXTS = (
    "",
    " ",
    "0",
    "-1",
    "00",
    "1.0",
    "-0.00",
    "0.5",
    "1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "9" * 30,
    "9" * 400,
    "0." + "3" * 300,
    "２０２６",
    "٣",
    "2026-03",
    "2026-13",
    "2026-02-30",
    "2026-03-02",
    "0000-00-00",
    "0001-01-01",
    "9999-12-31",
    "9999-12",
    "0001-01",
    "hq",
    "hq/",
    "unit:hq",
    "unit:",
    "'; DROP TABLE event; --",
    "%s %(x)s {0} {x} $1 :x",
    "\\x00\\u0000",
    "__class__.__mro__",
    "${jndi:ldap://x}",
    "../../../../etc/passwd",
    "true || true",
    "1 / 0 == 1",
    "size(string(customer)) > 1 ? true : false",
    "[1, 2, 3].map(x, [1, 2, 3].map(y, x * y)) == [[]]",
    "'" + "a" * 60 + "!'.matches('^(a+)+$')",
    "(" * 300 + "true" + ")" * 300,
    "!" * 2000 + "true",
    "\u202e\u200f\ufeff",
    "\U0001f4a5" * 50,
    "\U0001f4a5" * 2_000,
    "\ud7ff\ufffd\uffff",
    "İıẞß",
    "a\r\nb\tc\x7f\x1b[31m",
    "x" * 41,
    "x" * 5_000,
    "CNY",
    "ZZZ",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
)
INT32S = (0, 1, -1, 2, 12, 13, 100, 501, 2**31 - 1, -(2**31))
INT64S = (*INT32S, 2**32, 2**53 + 1, 10**15, 10**18, 2**63 - 1, -(2**63), 99_999_999_999)
DEEP = 20_000
LENGTH_PREFIXED, VARINT, START_GROUP = 2, 0, 3

Make = Callable[["Mill"], bytes]


class Mill:
    """Grind one honest request into hostile bytes.

    Shape: `ids` are ids of things that exist, to be put where an id is asked for.
    """

    def __init__(self, request: Message, ids: Sequence[str], *, seed: str) -> None:
        """Take the request, which is not changed."""
        self.random = random.Random(seed)
        self._ids = ids
        self._request = _copy(request)
        # An id of its own, or all but the first would be refused for using the same.
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            fresh = UUID(int=self.random.getrandbits(128), version=4)
            self._request.request_id = str(fresh)

    def grind(self) -> tuple[str, bytes]:
        """Return what was done and the bytes."""
        make = self.random.choices(list(MAKERS), weights=list(MAKERS.values()))[0]
        return make.__name__, make(self)

    def honest_bytes(self) -> bytes:
        """Return the request as an honest caller would send it."""
        return _bytes(self._request)

    def random_bytes(self) -> bytes:
        """Return noise."""
        return self.random.randbytes(self.random.randint(1, 300))

    def truncated(self) -> bytes:
        """Return the beginning."""
        whole = self.honest_bytes()
        return whole[: self.random.randrange(len(whole) + 1)]

    def flipped(self) -> bytes:
        """Return the request with some bits turned over, mostly behind its id."""
        whole = bytearray(self.honest_bytes())
        first = min(38, len(whole)) if self.random.random() < 0.8 else 0
        for _ in range(self.random.randint(1, 6) if len(whole) > first else 0):
            whole[self.random.randrange(first, len(whole))] ^= 1 << self.random.randrange(8)
        return bytes(whole)

    def deep(self) -> bytes:
        """Return a field inside itself thousands of times, or groups that never end."""
        number = self.random.choice([field.number for field in self._fields()] or [1])
        depth = self.random.randint(50, DEEP)
        if self.random.random() < 0.5:
            return self.honest_bytes() + _tag(number, START_GROUP) * depth
        inner = b""
        for _ in range(min(depth, 2_000)):
            inner = _tag(number, LENGTH_PREFIXED) + _varint(len(inner)) + inner
        return self.honest_bytes() + inner

    def no_text(self) -> bytes:
        """Return a text that is not UTF-8, or that holds a NUL character."""
        numbers = [field.number for field in self._fields() if field.type == Field.TYPE_STRING]
        text = self.random.choice(
            [b"\xff\xfe\x80", b"\xed\xa0\x80", b"a\x00b", b"\x00", b"\xc0\xaf"]
        )
        number = self.random.choice(numbers or [1])
        return self.honest_bytes() + _tag(number, LENGTH_PREFIXED) + _varint(len(text)) + text

    def raw_number(self) -> bytes:
        """Return a number of any size in any field, also where a text or a message belongs."""
        number = self.random.choice([field.number for field in self._fields()] or [1])
        value = self.random.choice([0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1])
        return self.honest_bytes() + _tag(number, VARINT) + _varint(value)

    def twisted(self) -> bytes:
        """Return the request with some of its values replaced by hostile ones."""
        message = _copy(self._request)
        for _ in range(self.random.choice([1, 1, 1, 2, 4])):
            self._twist(message, depth=0)
        return _bytes(message)

    def filled(self) -> bytes:
        """Return a request whose every value was thrown with dice."""
        message = _copy(type(self._request)())
        self._fill(message, depth=0)
        self._keep_id(message)
        return _bytes(message)

    def multiplied(self) -> bytes:
        """Return the request with one list many times as long."""
        message = _copy(self._request)
        lists = [f for f in self._fields() if f.is_repeated and not _is_map(f)]
        if not lists:
            return self.twisted()
        values = getattr(message, self.random.choice(lists).name)
        items = list(values)[:3]
        for _ in range(self.random.choice([2, 100, 2_000]) if items else 0):
            values.append(self.random.choice(items))
        return _bytes(message)

    def _twist(self, message: Any, *, depth: int) -> None:
        """Change one value of a message or of one of the messages in it."""
        fields = [f for f in message.DESCRIPTOR.fields if f.name != "request_id"]
        if not fields:
            return
        field = self.random.choice(fields)
        if self.random.random() < 0.15:
            message.ClearField(field.name)
        elif _is_map(field):
            self._fill_map(message, field, depth=depth)
        elif field.is_repeated:
            self._twist_list(message, field, depth=depth)
        elif field.message_type is not None:
            self._twist(getattr(message, field.name), depth=depth + 1)
            getattr(message, field.name).SetInParent()
        else:
            setattr(message, field.name, self._value(field))

    def _twist_list(self, message: Any, field: Any, *, depth: int) -> None:
        values = getattr(message, field.name)
        if values and field.message_type is not None and self.random.random() < 0.7:
            self._twist(self.random.choice(values), depth=depth + 1)
        elif field.message_type is not None:
            self._fill(values.add(), depth=depth + 1)
        else:
            values.append(self._value(field))

    def _fill(self, message: Any, *, depth: int) -> None:
        for field in message.DESCRIPTOR.fields:
            if depth > 3 or self.random.random() < 0.2:
                continue
            if _is_map(field):
                self._fill_map(message, field, depth=depth)
            elif field.is_repeated:
                for _ in range(self.random.choice([0, 1, 1, 3])):
                    self._twist_list(message, field, depth=depth)
            elif field.message_type is not None:
                self._fill(getattr(message, field.name), depth=depth + 1)
                getattr(message, field.name).SetInParent()
            else:
                setattr(message, field.name, self._value(field))

    def _fill_map(self, message: Any, field: Any, *, depth: int) -> None:
        entry = field.message_type.fields_by_name
        values, key = getattr(message, field.name), self._value(entry["key"])
        if entry["value"].message_type is None:
            values[key] = self._value(entry["value"])
        else:
            self._fill(values[key], depth=depth + 1)

    def _value(self, field: Any) -> Any:
        """Return a value of the field's type that somebody may not have thought of."""
        if field.enum_type is not None:
            known = [value.number for value in field.enum_type.values]
            return self.random.choice([*known, *known, 999, -1, 2**31 - 1])
        if field.type == Field.TYPE_STRING:
            return self._text(field)
        if field.type == Field.TYPE_BYTES:
            return self.random.randbytes(self.random.randint(0, 64))
        if field.type == Field.TYPE_BOOL:
            return self.random.random() < 0.5
        numbers = INT64S if field.type in (Field.TYPE_INT64, Field.TYPE_UINT64) else INT32S
        value = self.random.choice(numbers)
        return abs(value) if field.type in (Field.TYPE_UINT32, Field.TYPE_UINT64) else value

    def _text(self, field: Any) -> str:
        if field.name.endswith("_id") and self.random.random() < 0.7:
            known = self.random.choice(self._ids)
            # The same id to a database, and another text to a program.
            return known.upper() if self.random.random() < 0.2 else known
        if field.name.endswith(("date", "month")) and self.random.random() < 0.7:
            return self.random.choice([text for text in TEXTS if text[:1].isdigit()])
        return self.random.choice(TEXTS)

    def _fields(self) -> list[Any]:
        return [f for f in self._request.DESCRIPTOR.fields if f.name != "request_id"]

    def _keep_id(self, message: Any) -> None:
        if "request_id" in message.DESCRIPTOR.fields_by_name:
            message.request_id = self._request.request_id


# How often each kind is made, by weight.
MAKERS: dict[Make, int] = {
    Mill.twisted: 10,
    Mill.filled: 6,
    Mill.flipped: 4,
    Mill.multiplied: 2,
    Mill.raw_number: 2,
    Mill.no_text: 2,
    Mill.truncated: 1,
    Mill.random_bytes: 1,
    Mill.deep: 1,
}


def ids_in(message: Message) -> Iterator[str]:
    """Return the values of all id fields of a message and of the messages in it."""
    for field, value in message.ListFields():
        if _is_map(field):
            continue
        for item in value if field.is_repeated else [value]:
            if isinstance(item, Message):
                yield from ids_in(item)
            elif isinstance(item, str) and field.name.endswith("_id"):
                yield item


def _copy(message: Message) -> Any:
    other = type(message)()
    other.CopyFrom(message)
    return other


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
