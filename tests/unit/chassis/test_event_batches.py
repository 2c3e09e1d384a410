"""What can be applied at once: the events of a partition stay in their order."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chassis.events.applier import batches
from chassis.events.domain import ReceivedEvent

MANY = {"a", "b"}
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def event(position: int, kind: str, partition: int) -> ReceivedEvent:
    return ReceivedEvent(
        "log", position, "", kind, f"k{partition}", NOW, NOW, "", "", b"", partition
    )


stretches = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=40).map(
    lambda found: [event(place, *one) for place, one in enumerate(found, start=1)]
)


@given(stretches)
def test_no_event_is_lost_and_none_passes_another_of_its_partition(
    stretch: list[ReceivedEvent],
) -> None:
    applied = [one for batch in batches(stretch, many=MANY) for one in batch]

    assert sorted(applied, key=lambda one: one.position) == stretch
    for partition in range(6):
        own = [one.position for one in applied if one.partition == partition]
        assert own == sorted(own)


@given(stretches)
def test_a_batch_is_of_one_type_and_a_type_without_many_is_alone(
    stretch: list[ReceivedEvent],
) -> None:
    found = batches(stretch, many=MANY)

    assert all(len({one.type for one in batch}) == 1 for batch in found)
    assert all(len(batch) == 1 for batch in found if batch[0].type not in MANY)


def test_types_that_come_by_turns_on_many_partitions_make_one_batch_each() -> None:
    stretch = [event(place, "ab"[place % 2], place) for place in range(60)]

    found = batches(stretch, many=MANY)

    assert [len(batch) for batch in found] == [30, 30]


def test_types_that_come_by_turns_on_one_partition_stay_apart() -> None:
    stretch = [event(place, "ab"[place % 2], 0) for place in range(4)]

    assert [len(batch) for batch in batches(stretch, many=MANY)] == [1, 1, 1, 1]
