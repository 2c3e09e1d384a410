"""The table of figures: a run replaces its own rows and nothing else."""

from tests.bench.table import BEGIN, END, Row, at_least, at_most, merged

TEXT = f"# Performance\n\nbefore\n\n{BEGIN}\n{END}\n\nafter\n"


def row(bench: str, figure: str = "1.00") -> Row:
    return Row(bench, "what", "≥ 1", figure, day="2026-03-02")


def test_rows_stand_between_the_marks_and_the_text_around_stays() -> None:
    text = merged(TEXT, [row("B1 decide")])

    assert text.startswith("# Performance\n\nbefore\n")
    assert text.endswith(f"{END}\n\nafter\n")
    assert row("B1 decide").line() in text


def test_a_later_run_replaces_its_own_rows_and_keeps_the_others() -> None:
    first = merged(TEXT, [row("B1 decide", "0.50"), row("B5 order capture", "0.60")])

    second = merged(first, [row("B1 decide", "0.70")])

    assert row("B1 decide", "0.70").line() in second
    assert row("B1 decide", "0.50").line() not in second
    assert row("B5 order capture", "0.60").line() in second


def test_rows_are_in_the_order_of_their_numbers() -> None:
    text = merged(TEXT, [row("Load 42/s"), row("B11 old events"), row("B5 order capture")])

    places = [text.index(name) for name in ("B5 order", "B11 old", "Load 42")]
    assert places == sorted(places)


def test_the_same_rows_twice_change_nothing() -> None:
    once = merged(TEXT, [row("B1 decide")])

    assert merged(once, [row("B1 decide")]) == once


def test_a_gap_is_what_is_missing() -> None:
    assert at_least(0.62, 0.70) == "0.08 missing"
    assert at_least(0.70, 0.70) == "met"
    assert at_most(1.20, 1.10) == "0.10 over"
    assert at_most(1.10, 1.10) == "met"
