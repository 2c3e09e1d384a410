"""The `trace` command and its export."""

import json
from pathlib import Path

import pytest

from local.trace import run
from local.trace.files import TelemetryFiles
from local.trace.model import read_trace
from tests.unit.local.otlp_lines import TRACE, Telemetry, line, record, trace_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    telemetry = Telemetry(tmp_path / "telemetry")
    telemetry.add(
        "planning",
        record("launch", 0, 90, attributes={"mantle.campaign.id": "c-1"}),
        record("other", 500, 501, trace=trace_id(8)),
    )
    telemetry.add("crm", record("applied", 20, 80, parent="launch", kind=5))
    telemetry.add("crm", record("touch", 100, 110, trace=trace_id(1), links=[(TRACE, "launch")]))
    return telemetry.folder


def test_without_arguments_the_latest_traces_are_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["--telemetry", str(folder)])

    text = capsys.readouterr().out
    assert code == 0
    assert text.index("other") < text.index("touch") < text.index("launch")


def test_an_id_shows_the_trace(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["4bf92f", "--telemetry", str(folder)])

    text = capsys.readouterr().out
    assert code == 0
    for part in (TRACE, "launch", "planning → crm", "Traces that link here", "crm touch"):
        assert part in text


def test_an_attribute_lists_traces(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["campaign_id=c-1", "--telemetry", str(folder)])

    text = capsys.readouterr().out
    assert code == 0
    assert "touch" in text
    assert "other" not in text


@pytest.mark.parametrize(
    ("what", "code"), [("abcdef", 1), ("campaign_id=nobody", 1), ("no id!", 2)]
)
def test_what_is_not_there_or_wrong_has_its_exit_code(folder: Path, what: str, code: int) -> None:
    assert run([what, "--telemetry", str(folder)]) == code


def test_a_platform_that_never_ran_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["--telemetry", str(tmp_path / "nowhere")])

    assert code == 1
    assert "no telemetry files" in capsys.readouterr().err


def test_a_page_is_written_with_its_stages(folder: Path, tmp_path: Path) -> None:
    stages = tmp_path / "stages.json"
    stages.write_text('[{"name": "Approve", "time": "2026-03-02T10:30:00+08:00"}]')
    page = tmp_path / "trace.html"

    code = run([TRACE, "--html", str(page), "--stages", str(stages), "--telemetry", str(folder)])

    assert code == 0
    assert "2026-03-02 10:30" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["{}", "[1]", "nothing"])
def test_stages_that_are_no_list_are_refused(folder: Path, tmp_path: Path, text: str) -> None:
    stages = tmp_path / "stages.json"
    stages.write_text(text)

    code = run(
        [TRACE, "--html", str(tmp_path / "p"), "--stages", str(stages), "--telemetry", str(folder)]
    )

    assert code == 2


def test_the_export_holds_the_trace_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "trace.json"

    run([TRACE, "--export", str(target), "--telemetry", str(folder)])

    (text,) = target.read_text().splitlines()
    names = [
        span["name"]
        for resource in json.loads(text)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert sorted(names) == ["applied", "launch"]


def test_an_export_can_be_read_again(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "trace.jsonl"
    before = read_trace(TelemetryFiles.in_folder(folder), TRACE)

    run([TRACE, "--export", str(target), "--linked", "--telemetry", str(folder)])

    assert read_trace(TelemetryFiles([target]), TRACE) == before


def test_a_cut_line_is_told_and_the_rest_is_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Telemetry(folder).append("crm", line("crm", record("cut"))[:-9])

    code = run([TRACE, "--telemetry", str(folder)])

    captured = capsys.readouterr()
    assert code == 0
    assert "launch" in captured.out
    assert "1 line could not be read" in captured.err
