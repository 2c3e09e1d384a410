"""The `trace` command: what the arguments mean and what is printed."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from local.trace import search
from local.trace.export import export_traces
from local.trace.files import TelemetryFiles
from local.trace.model import Trace, read_trace
from local.trace.page import Stage, trace_page
from local.trace.text import plural
from local.trace.waterfall import print_digests, print_trace

TELEMETRY_FOLDER = Path("build/local/telemetry")
LIST_LENGTH = 20

_OK, _NOTHING_FOUND, _WRONG_USE = 0, 1, 2


def run(argv: Sequence[str]) -> int:
    """Run the command and give its exit code: 0 shown, 1 nothing found, 2 wrong use."""
    asked = _parser().parse_args(argv)
    _replace_what_cannot_be_shown(sys.stdout, sys.stderr)
    console, complaints = Console(), Console(stderr=True)
    files = TelemetryFiles.in_folder(asked.telemetry)
    if not files.paths:
        complaints.print(
            Text(f"no telemetry files in {asked.telemetry}; does the local platform run?")
        )
        return _NOTHING_FOUND
    try:
        code = _show(console, files, asked)
    except LookupError as error:
        complaints.print(Text(str(error)))
        return _NOTHING_FOUND
    except ValueError as error:
        complaints.print(Text(str(error)))
        return _WRONG_USE
    if files.unreadable:
        text = f"{plural(files.unreadable, 'line')} could not be read and was left out"
        complaints.print(Text(text, style="yellow"))
    return code


def read_stages(path: Path) -> list[Stage]:
    """Read the business summary from a JSON list.

    Shape: objects with `name`, and as far as known `time` (ISO 8601), `note` and `span_id`.
    Errors: ValueError when the file is not such a list.
    """
    records = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
        raise ValueError(f"{path} is no JSON list of stages")
    return [
        Stage(
            name=str(record.get("name", "")),
            time=datetime.fromisoformat(record["time"]) if record.get("time") else None,
            note=str(record.get("note", "")),
            span_id=str(record.get("span_id", "")),
        )
        for record in records
    ]


def _replace_what_cannot_be_shown(*streams: TextIO) -> None:
    """Keep a terminal without Unicode from ending the command at the first foreign letter."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trace", description="Show traces of the local platform.")
    parser.add_argument(
        "what",
        nargs="?",
        default="",
        help="a trace id or its beginning, or name=value such as campaign_id=…; "
        "without it, the latest traces",
    )
    parser.add_argument("--latest", type=int, default=LIST_LENGTH, help="length of a list")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one HTML page")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write a file for Jaeger")
    parser.add_argument("--linked", action="store_true", help="list or export linked traces too")
    parser.add_argument("--all", action="store_true", help="show every span, fold nothing")
    parser.add_argument("--stages", type=Path, metavar="FILE", help="business summary, JSON")
    parser.add_argument("--telemetry", type=Path, default=TELEMETRY_FOLDER, metavar="FOLDER")
    return parser


def _show(console: Console, files: TelemetryFiles, asked: argparse.Namespace) -> int:
    if not asked.what:
        return _list(console, search.latest(files, asked.latest), asked.latest)
    name, equals, value = asked.what.partition("=")
    if equals:
        return _list(console, search.by_attribute(files, name, value), asked.latest)
    trace = read_trace(files, search.full_id(files, asked.what))
    linked = search.linked_traces(files, trace)
    if asked.html:
        stages = read_stages(asked.stages) if asked.stages else []
        page = trace_page(trace, linked, stages=stages, unreadable=files.unreadable)
        asked.html.write_text(page, encoding="utf-8")
        console.print(Text(f"wrote {asked.html}"))
    if asked.export:
        count = export_traces(files, _ids(trace, linked, asked.linked), asked.export)
        console.print(Text(f"wrote {plural(count, 'span')} to {asked.export}"))
    if not asked.html and not asked.export:
        print_trace(console, trace, linked, every_span=asked.all)
        if asked.linked:
            console.print()
            print_digests(console, _members(linked))
    return _OK


def _list(console: Console, found: list[search.Digest], length: int) -> int:
    if not found:
        console.print("no trace found")
        return _NOTHING_FOUND
    print_digests(console, found[:length])
    if len(found) > length:
        hidden = plural(len(found) - length, "more trace")
        console.print(f"{hidden}; --latest {len(found)} shows all", style="dim")
    return _OK


def _ids(trace: Trace, linked: search.LinkedTraces, with_linked: bool) -> set[str]:
    others = {digest.trace_id for digest in _members(linked)} if with_linked else set()
    return {trace.trace_id} | others


def _members(linked: search.LinkedTraces) -> list[search.Digest]:
    groups = linked.incoming + linked.outgoing
    return [digest for group in groups for digest in group.traces]
