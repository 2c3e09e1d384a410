"""Times between protobuf and our own types: as protobuf itself reads them, or refused."""

from datetime import UTC

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from chassis.wire import from_time, to_time

FIRST, LAST = -62_135_596_800, 253_402_300_799
NANOS_MAX = 999_999_999


@given(st.integers(FIRST, LAST), st.integers(0, NANOS_MAX))
@example(FIRST, 0)
@example(LAST, NANOS_MAX)
def test_a_time_is_read_as_protobuf_reads_it(seconds: int, nanos: int) -> None:
    stamp = Timestamp(seconds=seconds, nanos=nanos)

    read = to_time(stamp, "at")

    assert read == stamp.ToDatetime(UTC)
    assert from_time(read) == Timestamp(seconds=seconds, nanos=nanos - nanos % 1_000)


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(FIRST - 1, 0), (LAST + 1, 0), (0, -1), (0, NANOS_MAX + 1)]
)
def test_what_no_calendar_has_is_refused(seconds: int, nanos: int) -> None:
    with pytest.raises(InvalidArgument) as refused:
        to_time(Timestamp(seconds=seconds, nanos=nanos), "event.occur_time")

    assert [one.field for one in refused.value.violations] == ["event.occur_time"]
