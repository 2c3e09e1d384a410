"""New ids ascend, derived ids repeat."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import derived_id, new_id


def test_new_ids_are_version_7_and_ascend() -> None:
    made = [new_id() for _ in range(1000)]

    versions = {UUID(text).version for text in made}
    assert (versions, made) == ({7}, sorted(set(made)))


@given(st.uuids(), st.text(), st.integers(0, 99))
def test_a_derived_id_is_the_same_every_time(cause: UUID, method: str, ordinal: int) -> None:
    first = derived_id(str(cause), method, ordinal)

    again = derived_id(str(cause), method, ordinal)

    assert (again, UUID(first).version) == (first, 5)


def test_a_derived_id_differs_by_cause_method_and_ordinal() -> None:
    causes = [("a", "M", 0), ("b", "M", 0), ("a", "N", 0), ("a", "M", 1)]

    made = {derived_id(*cause) for cause in causes}

    assert len(made) == len(causes)


def test_a_derived_id_never_changes_between_releases() -> None:
    made = derived_id("0198f0a0-0000-7000-8000-000000000001", "/mantle.x.v1.XService/Do", 2)

    assert made == "1cf9be4b-accc-5150-a710-79c2a6e0de8d"
