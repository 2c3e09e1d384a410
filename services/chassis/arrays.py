"""Arrays for PostgreSQL, written as its array literals.

A statement for many rows takes its columns as arrays. The driver adapts a list value by value, 2 to
5 us each and 40 for bytes, which is more than the database needs for the rows; a text that SQL
casts costs a twentieth of that. Bytes go in the binary form, because PostgreSQL reads the text of
an array character by character: 14 kB of replies took it 200 us longer.
"""

import struct
from collections.abc import Iterable
from typing import Final

# Dimensions, whether it has NULLs, type of the elements, how many they are, number of the first.
_HEAD: Final = struct.Struct(">iiIii")
_LENGTH: Final = struct.Struct(">i")
# From PostgreSQL's catalogue, where it never changes.
_BYTEA: Final = 17


class Blobs(bytes):
    """The binary form of a `bytea[]`, which is no `bytea` itself.

    Shape: for parameters of the driver's own choice of form or of the binary one, never as text.
    """


def texts(values: Iterable[str | None]) -> str:
    """Write texts, whatever is in them; to be cast to `text[]` or `jsonb[]`.

    Shape: None becomes NULL.
    """
    items = list(values)
    known = [one for one in items if one is not None]
    # Mostly nothing needs care, and one look at all together is cheaper than one at each.
    if not known or len(known) < len(items) or _needs_care("".join(known)):
        return f"{{{','.join(['NULL' if one is None else _quoted(one) for one in items])}}}"
    return '{"' + '","'.join(known) + '"}'


def plain(values: Iterable[object]) -> str:
    """Write values whose text needs no quotes: ids, numbers, truth values, dates and times; to be
    cast to `uuid[]`, `bigint[]` and the like, which refuse what is none.

    Shape: None becomes NULL.
    """
    return f"{{{','.join(['NULL' if one is None else str(one) for one in values])}}}"


def blobs(values: Iterable[bytes]) -> Blobs:
    """Write bytes in the binary form of `bytea[]`."""
    items = list(values)
    parts = [_HEAD.pack(1, 0, _BYTEA, len(items), 1)]
    for one in items:
        parts += (_LENGTH.pack(len(one)), one)
    return Blobs(b"".join(parts))


def _quoted(text: str) -> str:
    if _needs_care(text):
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _needs_care(text: str) -> bool:
    return "\\" in text or '"' in text
