"""The waterfall in the terminal."""

from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from local.trace.files import TelemetryFiles
from local.trace.model import read_trace
from local.trace.rows import closed, rows_of
from local.trace.search import linked_traces
from local.trace.text import duration_text, instant_text, readable, short_name
from local.trace.waterfall import print_trace
from tests.unit.local.otlp_lines import TRACE, Telemetry, record, trace_id


def printed(folder: Path, *, width: int = 120, every_span: bool = False) -> str:
    files = TelemetryFiles.in_folder(folder)
    trace = read_trace(files, TRACE)
    console = Console(file=StringIO(), width=width, no_color=True)
    print_trace(console, trace, linked_traces(files, trace), every_span=every_span)
    return console.file.getvalue()


def test_the_tree_shows_who_called_whom_and_how_long_it_took(tmp_path: Path) -> None:
    Telemetry(tmp_path).add(
        "crm",
        record("root", 0, 100),
        record("a", 10, 50, parent="root"),
        record("b", 12, 40, parent="a"),
        record("c", 60, 90, parent="root", error="no stock"),
    )

    text = printed(tmp_path)

    assert "├─ a" in text
    assert "│  └─ b" in text
    assert "└─ c" in text
    assert "40.0 ms" in text
    assert "no stock" in text


def test_a_bar_stands_where_its_time_is(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("root", 0, 100), record("late", 50, 100, parent="root"))

    rows = [text for text in printed(tmp_path, width=100).splitlines() if "ms" in text[60:]]
    root, late = (text.index("█") for text in rows[:2])

    bar = rows[0].rindex("━") - root + 1
    assert late == pytest.approx(root + bar / 2, abs=1)


def test_repeated_siblings_fold_and_unfold(tmp_path: Path) -> None:
    siblings = [record(f"s{at}", at, at + 1, parent="root", title="SELECT") for at in range(40)]
    Telemetry(tmp_path).add("crm", record("root", 0, 100), *siblings)

    folded, unfolded = printed(tmp_path), printed(tmp_path, every_span=True)

    assert "SELECT ×40" in folded
    assert "40.0 ms" in folded
    assert (folded.count("─ SELECT"), unfolded.count("─ SELECT")) == (1, 40)


def test_a_folded_row_answers_for_the_errors_it_hides(tmp_path: Path) -> None:
    calls = [record(f"s{at}", at, at + 1, parent="root", title="Decide") for at in range(3)]
    failed = record("deep", 1, 2, parent="s1", error="no")
    Telemetry(tmp_path).add("crm", record("root", 0, 9), *calls, failed)
    trace = read_trace(TelemetryFiles.in_folder(tmp_path), TRACE)

    rows = list(closed(rows_of(trace)))

    assert [(row.first.name, row.errors) for row in rows] == [("root", 0), ("Decide", 1)]


@pytest.mark.parametrize("width", [30, 50, 70, 80, 200])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int) -> None:
    chain = [record("s0", 0, 100, title="名" * 500)]
    chain += [record(f"s{at}", at, 99, parent=f"s{at - 1}", title="x" * 900) for at in range(1, 40)]
    Telemetry(tmp_path).add("a-service-with-a-long-name", *chain)

    text = printed(tmp_path, width=width)

    assert max(cell_len(row) for row in text.splitlines()) <= width


def test_a_hostile_name_neither_colours_nor_moves_the_cursor(tmp_path: Path) -> None:
    name = "\x1b[2J[bold red]x[/] \u202eevil\nline"
    Telemetry(tmp_path).add("crm", record("a", title=name, error="\x1b]0;title\x07"))

    text = printed(tmp_path)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold red]x[/]" in text


def test_no_color_prints_no_escape_sequence_for_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    Telemetry(tmp_path).add("crm", record("a"))
    files = TelemetryFiles.in_folder(tmp_path)
    trace = read_trace(files, TRACE)
    console = Console(file=StringIO(), width=100, force_terminal=True)

    print_trace(console, trace, linked_traces(files, trace))

    assert "\x1b[3" not in console.file.getvalue()


def test_broken_parents_are_marked(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a"), record("b", parent="gone"))

    text = printed(tmp_path)

    assert "b (parent missing)" in text
    assert "1 span recorded oddly: parent missing" in text


def test_a_thousand_linked_traces_take_one_line(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path).add("planning", record("campaign"))
    telemetry.add(
        "crm",
        *(record("touch", trace=trace_id(n), links=[(TRACE, "campaign")]) for n in range(1, 1001)),
    )

    text = printed(tmp_path)

    assert text.count("crm touch") == 1
    assert "1,000" in text


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_500, "1.50 µs"),
        (45_600_000, "45.6 ms"),
        (999_000_000, "999 ms"),
        (1_234_000_000, "1.23 s"),
        (125_000_000_000, "2 min 05 s"),
        (7_380_000_000_000, "2 h 03 min"),
    ],
)
def test_a_duration_has_three_digits_and_its_unit(duration_ns: int, text: str) -> None:
    assert duration_text(duration_ns) == text


def test_an_impossible_instant_is_a_dash() -> None:
    assert instant_text(10**30) == "–"


def test_a_method_is_shown_without_its_package() -> None:
    assert short_name("mantle.crm.v1.OfferService/Decide") == "OfferService/Decide"
    assert short_name("SELECT a.b/c") == "SELECT a.b/c"


def test_a_text_is_cut_with_an_ellipsis() -> None:
    assert readable("abcdef", limit=3) == "abc…"
