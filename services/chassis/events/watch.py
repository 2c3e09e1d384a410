"""One wake-up for everybody in this process who waits for the log to grow."""

import logging
import selectors
import socket
import threading

import psycopg

from chassis.events.sequencer import CHANNEL

RETRY_S = 1.0
LISTEN_S = 0.5
STOP_S = 3.0
WAIT_STEP_S = 1.0
UNKNOWN = -1
# A connection that died without a word is noticed after three times this; until then readers find
# what is new at the end of their wait.
KEEPALIVE_S = 4

log = logging.getLogger(__name__)


class LogWatch:
    """Listen to the sequencer, wherever it runs, and wake all waiting readers at once."""

    def __init__(self, url: str) -> None:
        """Take the address of the service's database; LISTEN needs a direct connection, not a
        pooler's."""
        self._url = url
        self._grown = threading.Condition()
        self._count = 0
        self._head = UNKNOWN
        self._stop = threading.Event()
        self._bell: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="log-watch", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        # The thread waits for the database and for its end of this, which tells when the other end
        # is closed.
        self._ear, self._bell = socket.socketpair()
        self._thread.start()

    def stop(self) -> None:
        """Wake everybody and stop listening."""
        self._stop.set()
        self._bump()
        if self._bell is not None:
            self._bell.close()
            self._thread.join(timeout=STOP_S)

    @property
    def count(self) -> int:
        """Return how often the log grew; to be read before looking, and handed to `wait`."""
        return self._count

    @property
    def head(self) -> int:
        """Return the highest position that was told of, or -1 while none is known; to be read
        behind `count`."""
        return self._head

    def wait(self, count: int, *, timeout_s: float) -> bool:
        """Wait until the log has grown since `count` was read, and tell whether it has.

        Units: at most `timeout_s` seconds, and never more than 1 s, so that a caller who has gone
        is noticed.
        """
        with self._grown:
            return self._grown.wait_for(
                lambda: self._count != count or self._stop.is_set(),
                timeout=min(timeout_s, WAIT_STEP_S),
            )

    @property
    def stopped(self) -> bool:
        """Tell whether the process is going away, so that a reader answers at once."""
        return self._stop.is_set()

    def _bump(self, head: int = UNKNOWN) -> None:
        with self._grown:
            self._head = head
            self._count += 1
            self._grown.notify_all()

    def _run(self) -> None:
        with self._ear:
            self._follow()

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(
                    self._url,
                    autocommit=True,
                    application_name="log-watch",
                    keepalives_idle=KEEPALIVE_S,
                    keepalives_interval=KEEPALIVE_S,
                    keepalives_count=2,
                ) as db:
                    db.execute(f"LISTEN {CHANNEL}")
                    self._bump()
                    self._listen(db)
            except psycopg.Error as error:
                self._bump()
                log.warning("log watch lost its connection", extra={"error": type(error).__name__})
                self._stop.wait(RETRY_S)

    def _listen(self, db: psycopg.Connection) -> None:
        with selectors.DefaultSelector() as heard:
            heard.register(db, selectors.EVENT_READ)
            heard.register(self._ear, selectors.EVENT_READ)
            while not self._stop.is_set():
                for told in db.notifies(timeout=0):
                    self._bump(int(told.payload))
                heard.select(LISTEN_S)
