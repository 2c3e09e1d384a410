"""Statements of batches, sent to PostgreSQL past the driver's cursors.

A cursor finds out anew for each statement what kinds of values it has, whether it is prepared and
how its answer is read, which costs as much as the statement. Here values are texts that the
statement casts, a statement is prepared once a connection, and many can share one round trip.
"""

import select
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import postgres, pq
from psycopg.adapt import Dumper, Transformer
from psycopg.errors import (
    InFailedSqlTransaction,
    InvalidSqlStatementName,
    error_from_result,
)
from psycopg.pq.abc import PGconn, PGresult

from chassis import arrays

Row = tuple[Any, ...]

_DONE: Final = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})
_UNDER_WAY: Final = frozenset({pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR})
_EITHER: Final = select.POLLIN | select.POLLOUT
_PLAIN: Final = (int, Decimal, date, UUID)


class Rows:
    """Hold what a statement answers, which is waited for when somebody asks."""

    __slots__ = ("_of", "_rows", "result")

    def __init__(self, of: "Statements", result: PGresult | None = None) -> None:
        """Know whom to ask."""
        self._of = of
        self.result = result
        self._rows: list[Row] | None = None

    def __iter__(self) -> Iterator[Row]:
        """Go through all rows."""
        return iter(self.fetchall())

    def fetchall(self) -> list[Row]:
        """Return all rows."""
        if self._rows is None:
            self._rows = self._of.read(self._of.arrived(self))
        return self._rows

    def fetchone(self) -> Row | None:
        """Return the first row, or None when there is none."""
        rows = self.fetchall()
        return rows[0] if rows else None


class Statements:
    """Run the statements of one connection.

    Shape: between `open` and `close` nothing is waited for until an answer is asked for. Texts are
        UTF-8 and times come in UTC, as our databases and connections have them.
    """

    def __init__(self, pgconn: PGconn) -> None:
        """Take the connection; nothing is prepared on it yet."""
        self._pgconn = pgconn
        self._reader = Transformer()
        self._names: dict[str, bytes] = {}
        self._number = 0
        # What was sent and has not been answered: rows, a statement to be prepared, or a command.
        self._sent: deque[Rows | str | None] = deque()
        self._error: psycopg.Error | None = None
        self._is_begun = False
        self.is_open = False

    def run(self, statement: LiteralString, values: Mapping[str, object]) -> Rows:
        """Run a statement, or send it while this is open.

        Shape: `%(name)s` in the statement, cast there unless its place has one type only. Values
            are texts and what becomes one, or what `arrays.blobs` makes.
        Errors: psycopg.Error.
        """
        text, places = _parsed(statement)
        written: list[Any] = [_written(values[place]) for place in places]
        formats = [int(isinstance(values[place], arrays.Blobs)) for place in places]
        name = self._names.get(statement)
        if self.is_open:
            self._is_begun = False
            if name is None:
                name = self._next_name()
                self._pgconn.send_prepare(name, text)
                self._names[statement] = name
                self._sent.append(statement)
            self._pgconn.send_query_prepared(name, written, formats)
            rows = Rows(self)
            self._sent.append(rows)
            return rows
        if name is None:
            name = self._next_name()
            self._checked(self._pgconn.prepare(name, text))
            self._names[statement] = name
        return Rows(self, self._checked(self._pgconn.exec_prepared(name, written, formats)))

    def command(self, text: str) -> None:
        """Run a command without values, or send it while this is open.

        Errors: psycopg.Error.
        """
        if self.is_open:
            self._is_begun = False
            self._pgconn.send_query_params(text.encode(), None)
            self._sent.append(None)
        else:
            self._checked(self._pgconn.exec_(text.encode()))

    def forget(self) -> None:
        """Prepare everything anew, because the server has nothing prepared any more."""
        self._names.clear()

    def open(self) -> None:
        """Send from now on without waiting."""
        self._pgconn.enter_pipeline_mode()
        self._error = None
        self.is_open = True

    def begin(self) -> None:
        """Let the server begin with what was sent, and answer it as soon as it can."""
        if not self._is_begun:
            self._pgconn.send_flush_request()
            self._flush()
            self._is_begun = True

    def close(self) -> None:
        """Wait for all that was sent.

        Errors: psycopg.Error, the first of those that nobody has seen.
        """
        self.is_open = False
        try:
            self._pgconn.pipeline_sync()
            self._flush()
            while self._sent:
                self._take()
            self._next()
            self._pgconn.exit_pipeline_mode()
        except psycopg.Error:
            # What comes next on this connection would be anybody's answer.
            self._pgconn.finish()
            raise
        finally:
            self._sent.clear()
        if self._error is not None:
            raise self._error

    def arrived(self, rows: Rows) -> PGresult:
        """Wait for an answer and return it.

        Errors: psycopg.Error.
        """
        if rows in self._sent:
            self.begin()
            while rows in self._sent:
                self._take()
        if rows.result is None:
            raise self._error or psycopg.OperationalError("the statement was not answered")
        return rows.result

    def read(self, result: PGresult) -> list[Row]:
        """Return the rows of an answer."""
        self._reader.set_pgresult(result)
        return self._reader.load_rows(0, result.ntuples, tuple)

    def _take(self) -> None:
        """Receive the answer to the oldest of those that were sent."""
        result = self._next()
        if result is None:
            raise psycopg.OperationalError("a statement was not answered")
        self._pgconn.get_result()
        one = self._sent.popleft()
        if result.status in _DONE:
            if isinstance(one, Rows):
                one.result = result
            return
        if isinstance(one, str):
            self._names.pop(one, None)
        if self._error is None:
            self._error = self._error_of(result)

    def _next(self) -> PGresult | None:
        while self._pgconn.is_busy():
            self._wait(select.POLLIN)
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    def _flush(self) -> None:
        """Write out what is sent, and take in what comes meanwhile, so that neither side waits for
        the other."""
        while self._pgconn.flush():
            if self._wait(_EITHER) & select.POLLIN:
                self._pgconn.consume_input()

    def _wait(self, events: int) -> int:
        poll = select.poll()
        poll.register(self._pgconn.socket, events)
        [(_, found)] = poll.poll()
        return found

    def _checked(self, result: PGresult) -> PGresult:
        if result.status not in _DONE:
            raise self._error_of(result)
        return result

    def _error_of(self, result: PGresult) -> psycopg.Error:
        error = error_from_result(result)
        if isinstance(error, InvalidSqlStatementName):
            self.forget()
        return error

    def _next_name(self) -> bytes:
        self._number += 1
        return b"batch_%d" % self._number


class _BlobsDumper(Dumper):
    """Let the driver's cursors take what `arrays.blobs` makes."""

    format = pq.Format.BINARY
    oid = postgres.types["bytea"].array_oid

    def dump(self, obj: arrays.Blobs) -> bytes:
        return obj


psycopg.adapters.register_dumper(arrays.Blobs, _BlobsDumper)


class BusyError(Exception):
    """Something else was run among statements that are sent together; that is a mistake of ours."""


class Connection(psycopg.Connection[Row]):
    """A connection of the driver that runs statements of batches, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what the driver gives."""
        super().__init__(*args, **kwargs)
        self.statements = Statements(self.pgconn)

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Do what a cursor of the driver wants; it would wait for ever for an answer that belongs
        to what was sent before.

        Errors: BusyError.
        """
        if self.statements.is_open:
            raise BusyError("a cursor was used among statements that are sent together")
        return super().wait(*args, **kwargs)

    def commit(self) -> None:
        """Commit what is under way, if anything is.

        Errors: InFailedSqlTransaction, because PostgreSQL would roll back without a word.
        """
        if self.pgconn.transaction_status == pq.TransactionStatus.INERROR:
            raise InFailedSqlTransaction("a statement has failed, so nothing can be committed")
        self._end("COMMIT", super().commit)

    def rollback(self) -> None:
        """Roll back, and keep what is prepared: no transaction of ours changes the schema."""
        self._end("ROLLBACK", super().rollback)

    def _end(self, command: str, otherwise: Callable[[], None]) -> None:
        status = self.pgconn.transaction_status
        if status in _UNDER_WAY:
            self.statements.command(command)
        elif status != pq.TransactionStatus.IDLE:
            # The connection is lost, or is used where nothing may be used: the driver says which.
            otherwise()


@lru_cache(maxsize=1024)
def _parsed(statement: LiteralString) -> tuple[bytes, Sequence[str]]:
    """Return a statement as PostgreSQL takes it, and what its places are called."""
    places: dict[str, int] = {}
    text, *parts = statement.split("%(")
    for part in parts:
        name, _, rest = part.partition(")s")
        text += f"${places.setdefault(name, len(places) + 1)}{rest}"
    return text.replace("%%", "%").encode(), tuple(places)


def _written(value: object) -> bytes | None:
    """Write a value as text; numbers, days, times and ids as well, because the statement casts.

    Shape: what `arrays.blobs` makes is in its binary form already.
    """
    if value is None or isinstance(value, arrays.Blobs):
        return value
    if isinstance(value, str):
        if "\0" in value:
            raise psycopg.DataError("a text cannot contain NUL (0x00) bytes")
        return value.encode()
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if not isinstance(value, _PLAIN):
        raise TypeError(f"{type(value).__name__} is no value of a statement")
    return str(value).encode()
