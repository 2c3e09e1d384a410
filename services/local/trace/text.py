"""How durations, instants and foreign text are written for people."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

_SHOWN_INSTEAD = "\N{REPLACEMENT CHARACTER}"
# Control, surrogate and private use; format is added for the direction overrides, which can make
# a name read as another one. The joiners inside emoji and Indic words are format too: they stay.
_UNPRINTABLE = {"Cc", "Cs", "Co", "Cn", "Cf", "Zl", "Zp"}
_JOINERS = {"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"}

# What stands before the service in a full gRPC method name.
_METHOD = re.compile(r"^/?(?:[a-z][a-z0-9_]*\.)+(?=[A-Z]\w*/\w+$)")

_US, _MS, _S = 1_000, 1_000_000, 1_000_000_000


def readable(text: str, *, limit: int = 4000) -> str:
    """Make foreign text safe to show on one line.

    Shape: line breaks and tabs become spaces, other control characters a replacement mark;
    longer text ends with an ellipsis. It still has to be escaped for HTML.
    """
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(_shown(character) for character in shown)
    return shown + "…" if len(text) > limit else shown


def _shown(character: str) -> str:
    if character in "\n\r\t":
        return " "
    foreign = unicodedata.category(character) in _UNPRINTABLE and character not in _JOINERS
    return _SHOWN_INSTEAD if foreign else character


def short_name(name: str) -> str:
    """Leave the package away from a method's full name.

    Shape: `mantle.crm.v1.OfferService/Decide` gives `OfferService/Decide`; others stay.
    """
    return _METHOD.sub("", name)


def duration_text(duration_ns: int) -> str:
    """Write a duration with three significant digits.

    Units: nanoseconds in; ns, µs, ms, s, min or h out.
    """
    if duration_ns < _US:
        return f"{duration_ns} ns"
    if duration_ns < _MS:
        return f"{_three_digits(duration_ns / _US)} µs"
    if duration_ns < _S:
        return f"{_three_digits(duration_ns / _MS)} ms"
    seconds = duration_ns // _S
    if seconds < 60:
        return f"{_three_digits(duration_ns / _S)} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def _three_digits(value: float) -> str:
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def instant_text(time_ns: int) -> str:
    """Write an instant in UTC with milliseconds; an impossible one as a dash."""
    try:
        at = datetime.fromtimestamp(time_ns // _S, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return "–"
    return f"{at:%Y-%m-%d %H:%M:%S}.{time_ns % _S // _MS:03} UTC"


def percentile(values: Sequence[int], percent: int) -> int:
    """Give the nearest-rank percentile.

    Shape: at least one value, in any order.
    Units: percent is 1 to 100.
    """
    ranked = sorted(values)
    return ranked[-(-len(ranked) * percent // 100) - 1]


def plural(count: int, noun: str) -> str:
    """Write a count with its noun, `1 span` or `1,200 spans`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
