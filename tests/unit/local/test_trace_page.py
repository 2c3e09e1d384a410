"""The HTML page stands alone and shows a hostile text as text."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from local.trace.files import TelemetryFiles
from local.trace.model import read_trace
from local.trace.page import Stage, trace_page
from local.trace.search import linked_traces
from tests.unit.local.otlp_lines import TRACE, Telemetry, record, span_id, trace_id

HOSTILE = "<!--title--></script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028&\"'"


class Elements(HTMLParser):
    """Collect the elements of a page and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.tags)


def page_of(folder: Path, **more: Any) -> str:
    files = TelemetryFiles.in_folder(folder)
    trace = read_trace(files, TRACE)
    return trace_page(trace, linked_traces(files, trace), **more)


def content_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="spans">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a"))

    page = page_of(tmp_path)

    elements = Elements(page)
    named = {name for _, attributes in elements.tags for name in attributes}
    assert named.isdisjoint({"src", "href", "srcset", "style"})
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in json.dumps(elements.tags)


def test_the_header_has_id_duration_services_spans_and_errors(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path).add("crm", record("root", 0, 120), record("b", error="no"))
    telemetry.add("channels", record("c", parent="root"))

    text = " ".join(Elements(page_of(tmp_path)).text)

    assert TRACE in text
    for figure in ("120 ms", "root", "crm", "channels"):
        assert figure in text
    assert re.search(r"Spans\s+3", text)
    assert re.search(r"Errors\s+1", text)


def test_a_hostile_text_stays_text_wherever_it_stands(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path)
    telemetry.add(HOSTILE.replace("/", "").replace("\u2028", ""), record("calm", 0, 3))
    folder_file = next(tmp_path.iterdir())
    folder_file.rename(tmp_path / "a.jsonl")
    telemetry.add(
        "crm",
        record("a", 0, 9, title=HOSTILE, error=HOSTILE, attributes={HOSTILE: HOSTILE, "n": 1}),
        record("b", 9, 99, parent="a", title=HOSTILE),
    )
    telemetry.add("crm", record("t", trace=trace_id(1), title=HOSTILE, links=[(TRACE, "a")]))
    calm = Telemetry(tmp_path / "calm").add("crm", record("a"))

    page = page_of(tmp_path, stages=[Stage(name=HOSTILE, note=HOSTILE, span_id=HOSTILE)])

    hostile, plain = Elements(page), Elements(page_of(calm.folder))
    assert hostile.count("script") == plain.count("script")
    assert hostile.count("img") == 0
    assert "<title>&lt;!--title--&gt;" in page
    names = {span["name"] for span in content_of(page)["spans"]}
    assert any("<img src=x onerror=alert(2)>" in name for name in names)


def test_the_policy_allows_the_own_script_alone(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a", title=HOSTILE))
    other = Telemetry(tmp_path / "other").add("crm", record("a"))

    page, again = page_of(tmp_path), page_of(other.folder)

    policies = [re.search(r'Policy" content="([^"]*)"', text)[1] for text in (page, again)]
    assert policies[0] == policies[1]
    assert "unsafe" not in policies[0]


def test_the_business_summary_shows_when_it_is_given(tmp_path: Path) -> None:
    Telemetry(tmp_path).add("crm", record("a"))
    at = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)

    page = page_of(tmp_path, stages=[Stage(name="批准 Approve", time=at, span_id=span_id("a"))])

    assert "批准 Approve" in page
    assert "2026-03-02 10:30" in page
    assert f'data-span="{span_id("a")}"' in page
    assert 'class="stages"' not in page_of(tmp_path)


def test_two_thousand_spans_stay_below_two_megabytes(tmp_path: Path) -> None:
    spans = [
        record(f"s{at}", at, at + 5, parent=f"s{at // 7}", attributes={"mantle.plan.id": str(at)})
        for at in range(1, 2000)
    ]
    Telemetry(tmp_path).add("crm", record("s0", 0, 3000), *spans)

    page = page_of(tmp_path)

    assert len(content_of(page)["spans"]) == 2000
    assert len(page) < 2_000_000


def test_a_huge_name_is_cut(tmp_path: Path) -> None:
    Telemetry(tmp_path).add(
        "crm", record("a", title="长" * 100_000, attributes={"k": "v" * 99_999})
    )

    page = page_of(tmp_path)

    assert len(page) < 100_000


def test_many_linked_traces_are_summed_up_and_a_few_listed(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path).add("planning", record("campaign"))
    telemetry.add(
        "crm",
        *(record("touch", trace=trace_id(n), links=[(TRACE, "campaign")]) for n in range(1, 301)),
    )

    page = page_of(tmp_path)

    assert "×300" in page
    assert "and 250 earlier traces" in page
    assert trace_id(300) in page
    assert trace_id(1) not in page


@pytest.mark.parametrize("unreadable", [0, 2])
def test_the_page_says_when_the_record_has_holes(tmp_path: Path, unreadable: int) -> None:
    Telemetry(tmp_path).add("crm", record("a"))

    page = page_of(tmp_path, unreadable=unreadable)

    assert ("2 lines of the files could not be read" in page) == bool(unreadable)
