"""What a service does every so often.

One daemon thread for each name. `every` acts under a try-lock of the database, so that of several
pods one acts and the others pass; `loop` is for what brings its own lock, as the runner does. The
lock lives and dies with the transaction, which a pooler in front of the database respects and a
crash cannot leave behind.
"""

import logging
import threading
from collections.abc import Callable
from typing import Self

import sqlalchemy as sa

from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.work.backdoor import BackDoor

STOP_TIMEOUT_S = 5.0

Act = Callable[[Transaction], Outcome[bool]]

log = logging.getLogger(__name__)


def _nothing() -> None:
    return None


def _ending(at_stop: Callable[[], None]) -> Callable[[], bool]:
    def turn() -> bool:
        at_stop()
        return False

    return turn


class Schedule:
    """Hold the periodic work of one process.

    Shape: declare with `every` and `loop`, then `start`, at the end `stop`; all of it also as a
        context manager.
    """

    def __init__(self, back_door: BackDoor) -> None:
        """Start nothing yet."""
        self._back_door = back_door
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._turns = back_door.telemetry.meter.create_counter(
            "mantle.work.turns", unit="{turn}", description="Turns of periodic work that ended."
        )

    def every(self, name: str, period_s: float, act: Act) -> None:
        """Act once a period in a transaction, while no other process acts under the same name.

        Shape: the outcome's value is True when there is more to do at once. Several pods keep the
            period each for itself, so `act` may come more often than once a period and must find
            nothing to do then.
        Units: seconds from the end of one turn to the next.
        """
        self.loop(name, period_s, lambda: self.act_alone(name, act))

    def loop(
        self,
        name: str,
        period_s: float,
        turn: Callable[[], bool],
        *,
        at_stop: Callable[[], None] = _nothing,
    ) -> None:
        """Take turns in a thread: at once while a turn answers True, else after the period.

        Shape: an error is logged and counted, and the next turn comes after the period. `at_stop`
            runs in the thread when it ends.
        """
        thread = threading.Thread(
            target=self._run,
            kwargs={"name": name, "period_s": period_s, "turn": turn, "at_stop": at_stop},
            name=f"work-{name}",
            daemon=True,
        )
        self._threads.append(thread)

    def act_alone(self, name: str, act: Act) -> bool:
        """Act now, unless another process is at it; True when there is more to do."""
        key = sa.func.hashtextextended(f"mantle.work.{name}", 0)

        def under_lock(tx: Transaction) -> Outcome[bool]:
            alone = tx.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar_one()
            return act(tx) if alone else Outcome(False)

        return self._back_door.tick(f"work {name}", under_lock)

    def start(self) -> Self:
        """Begin all declared work."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, *, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Let each thread end its turn, and wait for all of them; False when one is still busy."""
        self._stopping.set()
        started = [thread for thread in self._threads if thread.ident is not None]
        for thread in started:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in started)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _run(
        self, *, name: str, period_s: float, turn: Callable[[], bool], at_stop: Callable[[], None]
    ) -> None:
        while not self._stopping.is_set():
            if not self._counted(name, turn):
                self._stopping.wait(period_s)
        self._counted(name, _ending(at_stop))

    def _counted(self, name: str, turn: Callable[[], bool]) -> bool:
        try:
            more = turn()
        except Exception as error:
            # One bad turn must not end the thread: the next one may find the database back or the
            # row mended.
            log.exception("work failed", extra={"work": name})
            self._turns.add(1, {"mantle.work.name": name, "error.type": type(error).__name__})
            return False
        self._turns.add(1, {"mantle.work.name": name})
        return more
