"""A file of cells reads back as it was written, and names every row that is wrong."""

from hypothesis import given
from hypothesis import strategies as st

from chassis.period import Month
from planning.cube import cell_file
from planning.cube.domain import Address, Cell

HEADER = "measure,unit_id,product_id,channel,terminal_id,month,value\n"
codes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True)
addresses = st.builds(
    Address,
    codes,
    st.just("") | codes,
    st.just("") | codes,
    st.just("") | codes,
    st.builds(Month, st.integers(1000, 9998), st.integers(1, 12)),
)
cells = st.builds(
    Cell, st.sampled_from(["sales", "volume"]), addresses, st.integers(-(10**15), 10**15)
)


def problems(rows: str) -> list[tuple[int, str]]:
    """Read a file and return where it is wrong."""
    _, found = cell_file.read((HEADER + rows).encode(), currency_code="CNY")
    return sorted((row, column) for row, column, _ in found)


@given(
    st.lists(cells, max_size=8, unique_by=lambda one: (one.measure, one.address)),
    st.sampled_from(["CNY", "JPY", "KWD"]),
)
def test_a_file_reads_back_as_it_was_written(wanted: list[Cell], currency_code: str) -> None:
    data = cell_file.write(wanted, currency_code=currency_code)

    found, wrong = cell_file.read(data, currency_code=currency_code)

    assert ([one.cell for one in found], wrong) == (wanted, [])


def test_every_wrong_row_is_named_by_its_number_and_column() -> None:
    rows = (
        "sales,A1,P1,,,2026-01,1.00\n"
        "charm,A1,P1,,,2026-01,1.00\n"
        "sales,,P 1,,,2026-13,1.005\n"
        "volume,A1,P1,,,2026-01,1.5\n"
        "sales,A1,P1\n"
        "sales,A1,P1,,,2026-01,2.00\n"
    )

    assert problems(rows) == [
        (3, "measure"),
        (4, "month"),
        (4, "product_id"),
        (4, "unit_id"),
        (4, "value"),
        (5, "value"),
        (6, ""),
        (7, ""),
    ]


def test_a_file_without_its_names_or_its_encoding_is_wrong_in_row_one() -> None:
    for data in (b"sales,A1\n", b"\xff\xfe", b""):
        assert [row for row, _, _ in cell_file.read(data, currency_code="CNY")[1]] == [1]


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_read_or_named(data: bytes) -> None:
    found, wrong = cell_file.read(HEADER.encode() + data, currency_code="CNY")

    assert all(number > 1 for number, _, _ in wrong) or wrong == [(1, "", "the file is not UTF-8")]
    assert all(one.row > 1 for one in found)
