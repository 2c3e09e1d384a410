"""The connection pool and the one way to open a transaction.

The door and the work runner open transactions; everything else receives one. While one is open on a
thread, outgoing calls refuse to start (`open_transaction`), so that no row stays locked over a
network call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy import Connection as Transaction
from sqlalchemy.exc import DBAPIError

__all__ = ["Database", "Transaction", "is_transient", "open_transaction"]

T = TypeVar("T")

open_transaction: ContextVar[bool] = ContextVar("open_transaction", default=False)

STATEMENT_TIMEOUT_MS_DEFAULT = 30_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000
# The statements of one answer see one moment.
READING = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Columns are listed and migrations only expand, so a prepared plan never changes its result.
PREPARE_AFTER = 2
TRANSIENT_STATES = frozenset({"40001", "40P01"})
# lock_not_available, query_canceled
BUSY_STATES = frozenset({"55P03", "57014"})


def is_transient(error: BaseException) -> bool:
    """Tell whether a statement failed only because of a neighbour: deadlock or serialization
    failure."""
    return (
        isinstance(error, DBAPIError)
        and isinstance(error.orig, psycopg.Error)
        and error.orig.sqlstate in TRANSIENT_STATES
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

    @contextmanager
    def transaction(
        self, *, timeout_s: float | None = None, read_only: bool = False
    ) -> Iterator[Transaction]:
        """Open a transaction: commit on leaving, roll back on any error.

        Units: no statement in it may run longer than `timeout_s` seconds.
        """
        token = open_transaction.set(True)
        try:
            with self.engine.begin() as tx:
                _begin(tx, timeout_s, read_only=read_only)
                yield tx
        finally:
            open_transaction.reset(token)

    def read(self, query: Callable[[Transaction], T], *, timeout_s: float | None = None) -> T:
        """Run a query in a short transaction that cannot write."""
        with self.transaction(timeout_s=timeout_s, read_only=True) as tx:
            return query(tx)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()


def _begin(tx: Transaction, timeout_s: float | None, *, read_only: bool) -> None:
    """Begin and set the limit in one round trip, past SQLAlchemy, which would take two."""
    limit_ms = STATEMENT_TIMEOUT_MS_DEFAULT if timeout_s is None else max(1, int(timeout_s * 1000))
    driver = tx.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.execute(
        f"BEGIN {READING if read_only else 'READ WRITE'};"
        f" SET LOCAL statement_timeout = {limit_ms}".encode(),
        prepare=False,
    )
