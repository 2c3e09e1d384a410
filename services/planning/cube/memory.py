"""Versions in memory, kept in step with the database.

Each process has its own copy. Before it is used, the head of the version says how far the database
is: acts that the copy lacks are applied in the order of their ids, and a copy that cannot be taken
there is read anew. A transaction never leaves its own uncommitted work in the shared copy, nor is
it shown what its snapshot does not have; for both it reads a copy of its own.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import sqlalchemy as sa

from chassis.database import Transaction
from planning.cube import row_storage, storage
from planning.cube.domain import Axis
from planning.cube.exact import Ints
from planning.cube.packing import CHUNK_ROWS, MONTHS, unpack, unpack_change
from planning.cube.rows import Rows
from planning.cube.sheet import Grouping, Sheet

BYTES_MAX: Final = 512 * 1024 * 1024
# A copy that lacks more pieces than this is read anew from the chunks.
PIECES_MAX: Final = 2_000
GROUPINGS_MAX: Final = 64
GROUPINGS_BYTES_MAX: Final = 128 * 1024 * 1024

_GroupingKey = tuple[tuple[Axis, ...], int, int, int]


class Book:
    """Hold the sheets of one version as they are after one act."""

    def __init__(self, version_id: str, act_id: int, *, bytes_max: int = BYTES_MAX) -> None:
        """Begin with no sheet; beyond so many bytes the sheets used longest ago go."""
        self.version_id = version_id
        self.act_id = act_id
        self._bytes_max = bytes_max
        self.lock = threading.RLock()
        self._sheets: dict[tuple[str, int], Sheet] = {}

    def sheet(self, tx: Transaction, measure: str, year: int) -> Sheet:
        """Return a sheet, which is read when it is not here yet."""
        found = self._sheets.get((measure, year))
        while found is None:
            head, found = _read(tx, self.version_id, measure=measure, year=year)
            if not self.follow(tx, head):
                self._sheets.clear()
                self.act_id = head
            elif self.act_id != head:
                # Another writer was faster between two statements: what was read lacks its act.
                found = None
        # The one used last stands last.
        self._sheets.pop((measure, year), None)
        self._sheets[measure, year] = found
        while len(self._sheets) > 1 and self.size_bytes > self._bytes_max:
            del self._sheets[next(iter(self._sheets))]
        return found

    def follow(self, tx: Transaction, head: int) -> bool:
        """Apply the acts up to the head; False when that cannot be done."""
        if head == self.act_id:
            return True
        if head < self.act_id:
            return False
        pieces = storage.changes_after(tx, self.version_id, self.act_id, limit=PIECES_MAX + 1)
        if len(pieces) > PIECES_MAX:
            return False
        for piece in pieces:
            self._apply(piece)
        # An act that was committed since the head was read is whole and next in order, too.
        self.act_id = max([head, *(piece.act_id for piece in pieces[-1:])])
        return True

    @property
    def size_bytes(self) -> int:
        """Tell what it takes in memory."""
        # Others may be using the book meanwhile, and a copy of the list is enough for an estimate.
        return sum(one.size_bytes for one in list(self._sheets.values()))

    def _apply(self, piece: sa.Row[tuple[int, str, int, int, bytes]]) -> None:
        sheet = self._sheets.get((piece.measure, piece.year))
        if sheet is not None:
            sheet.apply(*_cells(piece.no, piece.data))


class Memory:
    """Hold the rows and the versions that were used last."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.Lock()
        self._rows = Rows.none()
        self._books: OrderedDict[str, Book] = OrderedDict()
        self._groupings: OrderedDict[_GroupingKey, Grouping] = OrderedDict()

    def rows(self, tx: Transaction) -> Rows:
        """Return all rows that the transaction can see."""
        with self._lock:
            committed, own = row_storage.rows_from(tx, len(self._rows))
            self._rows = self._rows.plus(committed)
            return self._rows.plus(own)

    @contextmanager
    def opened(self, tx: Transaction, version_id: str) -> Iterator[Book]:
        """Give a version as the transaction sees it; nobody else uses it meanwhile.

        Shape: a thread has one version open at a time, or two threads could wait for each other.
        Errors: CubeVersionNotFound.
        """
        head = storage.head(tx, version_id)
        if head.own:
            yield Book(version_id, head.act_id)
            return
        book = self._shared(version_id, head.act_id)
        with book.lock:
            if book.follow(tx, head.act_id):
                yield book
            elif book.act_id < head.act_id:
                with self._anew(version_id, head.act_id) as fresh:
                    yield fresh
            else:
                yield Book(version_id, head.act_id)

    def grouping(
        self,
        rows: Rows,
        axes: Sequence[Axis],
        *,
        paths: Mapping[str, str],
        groups: Mapping[Axis, Mapping[str, str]],
    ) -> Grouping:
        """Return the grouping of rows by axes, the same object as long as nothing changes it."""
        if rows is not self._rows:
            # A row that is not committed yet may be another's tomorrow.
            return Grouping.of(rows, axes, paths=paths, groups=groups)
        key = (
            tuple(axes),
            len(rows),
            hash(tuple(sorted(paths.items()))) if Axis.UNIT in axes else 0,
            hash(tuple((axis, tuple(sorted(of.items()))) for axis, of in groups.items())),
        )
        with self._lock:
            found = self._groupings.get(key)
        if found is None:
            found = Grouping.of(rows, axes, paths=paths, groups=groups)
        with self._lock:
            found = self._groupings.setdefault(key, found)
            self._groupings.move_to_end(key)
            while len(self._groupings) > 1 and (
                len(self._groupings) > GROUPINGS_MAX
                or self._groupings_bytes() > GROUPINGS_BYTES_MAX
            ):
                self._groupings.popitem(last=False)
        return found

    def _shared(self, version_id: str, act_id: int) -> Book:
        with self._lock:
            book = self._books.setdefault(version_id, Book(version_id, act_id))
            self._books.move_to_end(version_id)
            while len(self._books) > 1 and self._size_bytes() > BYTES_MAX:
                self._books.popitem(last=False)
            return book

    @contextmanager
    def _anew(self, version_id: str, act_id: int) -> Iterator[Book]:
        """Give an empty copy in the place of one that is too far behind."""
        fresh = Book(version_id, act_id)
        with self._lock:
            self._books[version_id] = fresh
        with fresh.lock:
            yield fresh

    def _groupings_bytes(self) -> int:
        return sum(one.size_bytes for one in self._groupings.values())

    def _size_bytes(self) -> int:
        return sum(one.size_bytes for one in self._books.values())


_memories: WeakKeyDictionary[sa.Engine, Memory] = WeakKeyDictionary()
_memories_lock = threading.Lock()


def memory_of(tx: Transaction) -> Memory:
    """Return what this process remembers of the transaction's database.

    Shape: found by the engine, and forgotten with it, so that other capabilities can read the cube
        with nothing but their transaction.
    """
    with _memories_lock:
        return _memories.setdefault(tx.engine, Memory())


def _read(tx: Transaction, version_id: str, *, measure: str, year: int) -> tuple[int, Sheet]:
    """Put a sheet together, and tell after which act it was so."""
    first, *parts = storage.sheet(tx, version_id, measure=measure, year=year)
    last = max((one.no for one in parts), default=-1)
    sheet = Sheet.empty((last + 1) * CHUNK_ROWS)
    flat = sheet.values.reshape(-1)
    for one in parts:
        begin = one.no * CHUNK_ROWS * MONTHS
        if one.chunk is not None:
            numbers = unpack(one.chunk)
            flat[begin : begin + len(numbers)] = numbers
        else:
            places, differences = unpack_change(one.change)
            flat[begin + places] += differences
    sheet.measure()
    return first.head, sheet


def _cells(no: int, data: bytes) -> tuple[Ints, Ints, Ints]:
    places, differences = unpack_change(data)
    rows, months = np.divmod(places, MONTHS)
    return rows + no * CHUNK_ROWS, months, differences
