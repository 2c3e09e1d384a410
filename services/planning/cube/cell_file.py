"""Cells as rows of a file, and back. Row 1 names the columns; amounts stand in major units."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chassis.errors import Violation
from chassis.money import AmountInvalid, currency_exponent, parse_decimal
from chassis.period import Month, PeriodInvalid
from planning.cube.domain import VALUE_MAX, Address, Cell
from planning.cube.errors import CellsCsvInvalid, MeasureUnknown
from planning.cube.measures import Unit, measure

COLUMNS: Final = ("measure", "unit_id", "product_id", "channel", "terminal_id", "month", "value")
LISTED_MAX: Final = 1_000
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_PIECES: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")


@dataclass(frozen=True, slots=True)
class Numbered:
    """Hold a cell with the number of its row in the file."""

    row: int
    cell: Cell


Problem = tuple[int, str, str]


def read(data: bytes, *, currency_code: str) -> tuple[list[Numbered], list[Problem]]:
    """Read a file: its cells, and what is wrong as (row, column, why).

    Shape: a row that is wrong gives no cell. A cell that two rows name is wrong in the second.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], [(1, "", "the file is not UTF-8")]
    rows = _rows(text)
    header = next(rows, [])
    if tuple(header) != COLUMNS:
        return [], [(1, "", f"the columns are {','.join(COLUMNS)}")]
    cells: list[Numbered] = []
    problems: list[Problem] = []
    seen: dict[tuple[str, Address], int] = {}
    for number, row in enumerate(rows, start=2):
        cell = _cell(number, row, currency_code=currency_code, problems=problems)
        if cell is None:
            continue
        before = seen.setdefault((cell.measure, cell.address), number)
        if before != number:
            problems.append((number, "", f"row {before} names the same cell"))
        else:
            cells.append(Numbered(number, cell))
    return cells, problems


def refuse(problems: Sequence[Problem]) -> CellsCsvInvalid:
    """Make the refusal of a file, with its first wrong places by row."""
    ordered = sorted(problems)
    violations = [
        Violation(f"csv.rows[{row}].{column}".rstrip("."), "csv", message)
        for row, column, message in ordered[:LISTED_MAX]
    ]
    return CellsCsvInvalid(violations, len({row for row, _, _ in ordered}))


def write(cells: Iterable[Cell], *, currency_code: str) -> bytes:
    """Write cells as `read` reads them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in cells:
        at = cell.address
        value = _major(cell, currency_code)
        writer.writerow(
            (cell.measure, at.unit_id, at.product_id, at.channel, at.terminal_id, at.month, value)
        )
    return text.getvalue().encode()


def _rows(text: str) -> Iterator[list[str]]:
    """Yield the rows; one that cannot be read is empty, and so is wrong in every column."""
    reader = csv.reader(io.StringIO(text, newline=""))
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield []


def _cell(
    number: int, row: Sequence[str], *, currency_code: str, problems: list[Problem]
) -> Cell | None:
    if len(row) != len(COLUMNS):
        problems.append((number, "", f"it has {len(row)} columns, not {len(COLUMNS)}"))
        return None
    named = dict(zip(COLUMNS, row, strict=True))
    wrong = [(number, column, why) for column, why in _problems(named, currency_code)]
    problems += wrong
    if wrong:
        return None
    codes = (named["unit_id"], named["product_id"], named["channel"], named["terminal_id"])
    address = Address(*codes, Month.parse(named["month"]))
    return Cell(named["measure"], address, _value(named, currency_code))


def _problems(row: Mapping[str, str], currency_code: str) -> Iterator[tuple[str, str]]:
    if why := _why(lambda: measure(row["measure"][:40])):
        yield "measure", why
    elif why := _why(lambda: _bounded(_value(row, currency_code))):
        yield "value", why
    if not _CODE.fullmatch(row["unit_id"]):
        yield "unit_id", "it is not a unit's id"
    for column in ("product_id", "channel", "terminal_id"):
        if row[column] and not _CODE.fullmatch(row[column]):
            yield column, "it is not a code"
    if why := _why(lambda: Month.parse(row["month"])):
        yield "month", why


def _why(read_it: Callable[[], object]) -> str:
    try:
        read_it()
    except (AmountInvalid, MeasureUnknown, PeriodInvalid) as error:
        return str(error)
    return ""


def _value(row: Mapping[str, str], currency_code: str) -> int:
    text = row["value"]
    if measure(row["measure"]).unit is Unit.PIECES:
        if not _PIECES.fullmatch(text):
            raise AmountInvalid("is not a whole number", text)
        return int(text)
    exponent = currency_exponent(currency_code)
    return int(parse_decimal(text, decimals_max=exponent).scaleb(exponent))


def _bounded(value: int) -> None:
    if abs(value) > VALUE_MAX:
        raise AmountInvalid(f"is beyond {VALUE_MAX} minor units or pieces", value)


def _major(cell: Cell, currency_code: str) -> str:
    if measure(cell.measure).unit is Unit.PIECES:
        return str(cell.value)
    exponent = currency_exponent(currency_code)
    whole, rest = divmod(abs(cell.value), 10**exponent)
    sign = "-" if cell.value < 0 else ""
    return f"{sign}{whole}.{rest:0{exponent}d}" if exponent else f"{sign}{whole}"
