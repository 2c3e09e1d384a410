"""The connection pool and the one way to open a transaction.

The door and the work runner open transactions; everything else receives one. While one is open on a
thread, outgoing calls refuse to start (`open_transaction`), so that no row stays locked over a
network call.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, LiteralString, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy import Connection as Transaction
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from chassis.statements import Connection, Rows

__all__ = [
    "Database",
    "Later",
    "Rows",
    "Transaction",
    "commit",
    "is_transient",
    "open_transaction",
    "run",
    "send",
    "together",
]

T = TypeVar("T")

# What a statement that was sent answers, once somebody asks for it.
Later = Callable[[], T]

open_transaction: ContextVar[bool] = ContextVar("open_transaction", default=False)

STATEMENT_TIMEOUT_MS_DEFAULT = 30_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000
# The statements of one answer see one moment.
READING = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Columns are listed and migrations only expand, so a prepared plan never changes its result.
PREPARE_AFTER = 2
# Serialization failure, deadlock, and a prepared statement that somebody has removed.
TRANSIENT_STATES = frozenset({"40001", "40P01", "26000"})
# Of two twins that did not see each other the slower one finds the reply when it looks again.
TWINS = "idempotency_key_pkey"
# lock_not_available, query_canceled
BUSY_STATES = frozenset({"55P03", "57014"})


def is_transient(error: BaseException) -> bool:
    """Tell whether a statement failed only because of a neighbour: deadlock, serialization failure,
    or a twin."""
    return (
        isinstance(error, DBAPIError)
        and isinstance(error.orig, psycopg.Error)
        and (error.orig.sqlstate in TRANSIENT_STATES or error.orig.diag.constraint_name == TWINS)
    )


def is_busy(error: BaseException) -> bool:
    """Tell whether a statement failed because a neighbour held its rows or held it up too long."""
    return is_transient(error) or (
        isinstance(error, DBAPIError)
        and isinstance(error.orig, psycopg.Error)
        and error.orig.sqlstate in BUSY_STATES
    )


class Database:
    """Hold one service's connections to its own database.

    Units: `size` connections at most, `wait_s` seconds at most for a free one.
    """

    def __init__(self, url: str, *, size: int, wait_s: float = 5.0, name: str = "mantle") -> None:
        """Prepare the pool; nothing connects before the first use."""
        self.url = url
        self.engine = sa.create_engine(
            url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=wait_s,
            # The connection that was used last: its server process has all at hand, and the others
            # are not woken in turn.
            pool_use_lifo=True,
            pool_recycle=1800,
            connect_args={
                "application_name": name,
                "connect_timeout": 5,
                # Begin and commit are sent by `transaction`, together with the limits.
                "autocommit": True,
                "prepare_threshold": PREPARE_AFTER,
                "options": f"-c timezone=UTC -c lock_timeout={LOCK_TIMEOUT_MS}"
                f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS}",
            },
        )
        sa.event.listen(self.engine, "do_connect", _connect)
        # The driver removes all that is prepared when its cursors roll anything back.
        sa.event.listen(
            self.engine, "rollback_savepoint", lambda tx, *_: _driver(tx).statements.forget()
        )

    @contextmanager
    def transaction(
        self,
        *,
        timeout_s: float | None = None,
        read_only: bool = False,
        first: Callable[[Transaction], object] | None = None,
    ) -> Iterator[Transaction]:
        """Open a transaction: commit on leaving, roll back on any error.

        Shape: what `first` runs with `run` costs no round trip of its own.
        Units: no statement in it may run longer than `timeout_s` seconds.
        """
        token = open_transaction.set(True)
        try:
            # SQLAlchemy's own begin and commit would be bookkeeping alone: the driver has none.
            with self.engine.connect() as tx:
                _begin(tx, timeout_s, read_only=read_only, first=first)
                yield tx
                _commit(tx)
        finally:
            open_transaction.reset(token)

    def read(self, query: Callable[[Transaction], T], *, timeout_s: float | None = None) -> T:
        """Run a query in a short transaction that cannot write."""
        with self.transaction(timeout_s=timeout_s, read_only=True) as tx:
            return query(tx)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()


def run(tx: Transaction, statement: LiteralString, values: Mapping[str, object]) -> Rows:
    """Run a statement of a batch past SQLAlchemy and the driver's cursors.

    Shape: `%(name)s` in the statement, cast there unless its place has one type only; rows as plain
        tuples. It gets no span: a batch serves many traces and is in none of them.
    Errors: those that SQLAlchemy would raise.
    """
    try:
        return _driver(tx).statements.run(statement, values)
    except psycopg.Error as error:
        raise _wrapped(tx, error, statement) from error


@contextmanager
def together(tx: Transaction) -> Iterator[None]:
    """Send what `run` runs inside without waiting for the answer to each, so that many statements
    cost one round trip.

    Shape: rows are asked for inside, best after the last statement; nothing else than `run` may use
        the transaction meanwhile. An error comes with the first rows that are asked for, or at the
        end. Within another one it is a part of that.
    Errors: those that SQLAlchemy would raise.
    """
    statements = _driver(tx).statements
    if statements.is_open:
        yield
        return
    try:
        statements.open()
        try:
            yield
        except BaseException:
            with suppress(psycopg.Error):
                statements.close()
            raise
        statements.close()
    except psycopg.Error as error:
        raise _wrapped(tx, error, "statements sent together") from error


def _connect(_dialect: object, _record: object, words: Any, options: Any) -> Connection:
    return Connection.connect(*words, **options)


def _driver(tx: Transaction) -> Connection:
    if tx.invalidated:
        # SQLAlchemy would connect anew, and what follows would be in no transaction.
        raise PendingRollbackError("the connection was lost within its transaction")
    driver = tx.connection.driver_connection
    assert isinstance(driver, Connection)
    return driver


def _wrapped(tx: Transaction, error: psycopg.Error, statement: str) -> Exception:
    is_lost = not tx.invalidated and _driver(tx).closed
    wrapped = DBAPIError.instance(
        statement,
        {},
        error,
        psycopg.Error,
        connection_invalidated=is_lost,
        dialect=tx.dialect,
    )
    if is_lost:
        tx.invalidate(error)
    return wrapped


def _commit(tx: Transaction) -> None:
    """Commit unless that was done before; whoever leaves otherwise has it rolled back."""
    try:
        _driver(tx).commit()
    except psycopg.Error as error:
        raise _wrapped(tx, error, "COMMIT") from error


def _begin(
    tx: Transaction,
    timeout_s: float | None,
    *,
    read_only: bool,
    first: Callable[[Transaction], object] | None,
) -> None:
    """Begin and set the limit in one round trip, and run there what comes first."""
    limit_ms = STATEMENT_TIMEOUT_MS_DEFAULT if timeout_s is None else max(1, int(timeout_s * 1000))
    statements = _driver(tx).statements
    begin = f"BEGIN {READING if read_only else 'READ WRITE'}"
    limit = f"SET LOCAL statement_timeout = {limit_ms}"
    try:
        if first is None:
            statements.command(f"{begin}; {limit}")
            return
        with together(tx):
            statements.command(begin)
            statements.command(limit)
            first(tx)
    except psycopg.Error as error:
        raise _wrapped(tx, error, begin) from error


def send(tx: Transaction) -> None:
    """Let the database begin with what runs `together`, while this thread does something else.

    Errors: those that SQLAlchemy would raise, at the end of `together`.
    """
    _driver(tx).statements.begin()


def commit(tx: Transaction) -> None:
    """Commit at once, without waiting for what was sent `together` before; nothing may follow."""
    _driver(tx).statements.command("COMMIT")
