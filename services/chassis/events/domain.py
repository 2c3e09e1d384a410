"""Events as values: what is written, what is read, and which partition a key belongs to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zlib import crc32

from google.protobuf.message import Message

PARTITIONS = 64
SHARDS = 4

Keep = Literal["reference", "touch"]


@dataclass(frozen=True, slots=True)
class EventDraft:
    """Describe the event that a fact becomes.

    Shape: `ordering_key` names the object whose events must stay in order; `keep` is "reference"
    for ever, or "touch" for thirteen months.
    """

    payload: Message
    ordering_key: str
    keep: Keep = "reference"
    group: str = ""

    @property
    def partition(self) -> int:
        """Return the partition that the event is stored with."""
        return partition_of(self.group or self.ordering_key)


FactTable = Mapping[type, Callable[[Any], EventDraft]]


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """Hold one event of a peer's log as it was read; the fields are those of
    `mantle.events.v1.Event`."""

    source: str
    position: int
    event_id: str
    type: str
    ordering_key: str
    occur_time: datetime
    record_time: datetime
    actor: str
    traceparent: str
    payload: bytes
    partition: int = 0

    @property
    def shard(self) -> int:
        """Return the lease that this event belongs to, 0 to 3."""
        return shard_of(self.partition)


@dataclass(frozen=True, slots=True)
class Lease:
    """Hold a shard of a source for a while.

    Shape: `lease_epoch` grows with each new holder; an effect is committed only under the epoch it
    began with.
    """

    source: str
    shard: int
    position: int
    log_epoch: str
    lease_epoch: int


@dataclass(frozen=True, slots=True)
class Parked:
    """Hold an event that waits, why, and how often it was tried."""

    event: ReceivedEvent
    reason: str
    attempts: int
    park_time: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hold a stretch of the log with everything a reader needs to go on."""

    events: Sequence[ReceivedEvent]
    next_position: int
    log_epoch: str
    head_position: int


def partition_of(ordering_key: str) -> int:
    """Return the partition of a key, 0 to 63, the same in every process and version."""
    return crc32(ordering_key.encode()) % PARTITIONS


def shard_of(partition: int) -> int:
    """Return the shard whose lease covers a partition, 0 to 3."""
    return partition % SHARDS


def partitions_of(shards: set[int]) -> list[int]:
    """Return the partitions that a set of shards covers, ascending."""
    return [number for number in range(PARTITIONS) if shard_of(number) in shards]
