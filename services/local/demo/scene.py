"""What every chapter of the story needs: who acts, when it plays, how large it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.clock import FileClock
from local.demo.desk import Desk
from local.demo.narrator import ZONE, Narrator
from local.demo.source import Known

MORNING = time(9, 0)


@dataclass(frozen=True, slots=True)
class Size:
    """Say how much happens.

    Shape: `customers` None means all of the file; `touches` None means a thousand, and fewer when
        the platform has seen a campaign before; `in_flight` touches are on their way at once.
    """

    customers: int | None = None
    touches: int | None = None
    in_flight: int = 8


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold the stage that the chapters play on."""

    desk: Desk
    narrator: Narrator
    clock: FileClock
    size: Size
    seed: int
    customers: Sequence[Known]

    def chance(self, *about: object) -> Random:
        """Return randomness that depends on the seed and on what it is about, and on nothing
        else: threads may be faster or slower, the story stays the same."""
        return Random("/".join(map(str, (self.seed, *about))))

    def morning(self, days: int) -> datetime:
        """Return nine in the morning so many days from the business day of now."""
        day = self.clock.today(ZONE) + timedelta(days=days)
        return datetime.combine(day, MORNING, ZONE)

    def move_to(self, at: datetime) -> None:
        """Let business time run on from a later instant; it never goes back."""
        if at > self.clock.now():
            self.clock.set(at)

    def sleep_until_morning(self, days: int = 1) -> None:
        """Let days pass."""
        self.move_to(self.morning(days))

    def pass_hours(self, hours: float) -> None:
        """Let hours pass."""
        self.clock.advance(timedelta(hours=hours))


def stamp(at: datetime) -> Timestamp:
    """Write an instant as the contracts have it."""
    written = Timestamp()
    written.FromDatetime(at)
    return written
