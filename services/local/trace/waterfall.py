"""A trace in the terminal: header, waterfall, critical path, hops and linked traces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.trace.model import Trace, edges_of
from local.trace.rows import Row, closed, rows_of
from local.trace.search import Digest, LinkedGroup, LinkedTraces
from local.trace.text import duration_text, instant_text, plural, readable, short_name
from local.trace.timing import CriticalPath, critical_path, path_steps

ROWS_MAX = 400
_COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "bright_red", "bright_cyan", "white")
_BAR_COLUMNS_MIN = 14
_SERVICE_FROM_COLUMNS = 64
_BAR_FROM_COLUMNS = 76
_SERVICES_FROM_COLUMNS = 110
_PATH_STEPS_MAX = 6
_ERRORS_MAX = 8
_DURATION_COLUMNS = 11


@dataclass(frozen=True, slots=True)
class Marks:
    """Name the characters the drawing uses, so that a terminal without Unicode has its own."""

    bar: str
    critical: str
    on_path: str
    error: str
    branch: str
    corner: str
    pipe: str
    arrow: str
    ellipsis: str


UNICODE = Marks("━", "█", "◆", "✗", "├─ ", "└─ ", "│  ", "→", "…")
ASCII = Marks("-", "#", "*", "!", "|- ", "`- ", "|  ", "->", "~")


@dataclass(frozen=True, slots=True)
class _Frame:
    """Hold what every row of one drawing needs."""

    trace: Trace
    path: CriticalPath
    on_path: frozenset[str]
    colours: Mapping[str, str]
    marks: Marks
    name_columns: int
    service_columns: int
    bar_columns: int


def print_trace(
    console: Console, trace: Trace, linked: LinkedTraces, *, every_span: bool = False
) -> None:
    """Print one trace.

    Shape: repeated siblings are folded and ROWS_MAX rows shown unless every_span is set. Colour
    and width come from the console, so NO_COLOR and narrow terminals are respected.
    """
    rows = rows_of(trace, fold=not every_span)
    shown = list(rows if every_span else closed(rows))
    rest = 0 if every_span else max(0, len(shown) - ROWS_MAX)
    shown = shown[: len(shown) - rest]
    frame = _frame(console, trace, shown)
    _print_header(console, frame)
    for line in _waterfall(frame, shown):
        console.print(line, no_wrap=True, overflow="crop", crop=True)
    if rest:
        console.print(f"{plural(rest, 'more row')}; --all shows every span", style="dim")
    _print_path(console, frame)
    _print_edges(console, frame)
    _print_errors(console, frame)
    print_linked(console, linked)


def print_digests(console: Console, digests: Sequence[Digest]) -> None:
    """Print a list of traces, one line each, in the order given."""
    wide = console.width >= _SERVICES_FROM_COLUMNS
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("trace", no_wrap=True, min_width=12)
    table.add_column("started", no_wrap=True, min_width=14)
    table.add_column("begins with", ratio=1, no_wrap=True, overflow="ellipsis")
    for heading in ("duration", "spans", "errors"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
    if wide:
        table.add_column("services", no_wrap=True, overflow="ellipsis", max_width=40)
    for digest in digests:
        services = [Text(readable(" ".join(digest.services), limit=120))] if wide else []
        table.add_row(
            digest.trace_id if console.width >= 150 else digest.trace_id[:12],
            instant_text(digest.start_ns)[5:19],
            Text(readable(f"{digest.root_service} {short_name(digest.root_name)}", limit=120)),
            duration_text(digest.duration_ns),
            str(digest.spans),
            Text(str(digest.errors), style="bold red" if digest.errors else "dim"),
            *services,
        )
    console.print(table)


def print_linked(console: Console, linked: LinkedTraces) -> None:
    """Print the linked traces, one line per first step, however many traces there are."""
    for title, groups in (
        ("Traces that link here", linked.incoming),
        ("Links to", linked.outgoing),
    ):
        if groups:
            console.print()
            console.print(_groups_table(title, groups))


def _groups_table(title: str, groups: Sequence[LinkedGroup]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column(title, ratio=1, no_wrap=True, overflow="ellipsis")
    for heading in ("count", "p50", "p95", "errors"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("for example", no_wrap=True)
    for group in groups:
        table.add_row(
            Text(readable(f"{group.root_service} {short_name(group.root_name)}", limit=120)),
            f"{group.count:,}",
            duration_text(group.p50_ns),
            duration_text(group.p95_ns),
            Text(str(group.errors), style="bold red" if group.errors else "dim"),
            group.traces[-1].trace_id[:12],
        )
    return table


def _frame(console: Console, trace: Trace, rows: Sequence[Row]) -> _Frame:
    width = console.width
    services = trace.services
    longest = max(cell_len(readable(name, limit=24)) for name in services)
    service_columns = min(longest, 14) + 1 if width >= _SERVICE_FROM_COLUMNS else 0
    room = width - service_columns - _DURATION_COLUMNS - 4
    label_columns = max(3 * row.depth + cell_len(_label(row)) + 4 for row in rows)
    bar_columns = 0
    if width >= _BAR_FROM_COLUMNS:
        bar_columns = max(_BAR_COLUMNS_MIN, room * 2 // 5, room - label_columns)
    path = critical_path(trace)
    return _Frame(
        trace=trace,
        path=path,
        on_path=path.span_ids,
        colours=dict(zip(services, cycle(_COLOURS), strict=False)),
        marks=ASCII if console.options.ascii_only else UNICODE,
        name_columns=max(8, room - bar_columns),
        service_columns=service_columns,
        bar_columns=bar_columns,
    )


def _print_header(console: Console, frame: _Frame) -> None:
    trace = frame.trace
    root = trace.main_root
    console.print(Text(readable(f"{root.service} {root.name}", limit=200), style="bold"))
    facts = [duration_text(trace.duration_ns), plural(len(trace.spans), "span")]
    facts.append(plural(len(trace.services), "service"))
    line = Text(" · ".join([*facts, instant_text(trace.start_ns)]), style="dim")
    if trace.errors:
        line.append(f" · {plural(trace.errors, 'error')}", style="bold red")
    console.print(Text(f"trace {trace.trace_id}"))
    console.print(line)
    legend = Text()
    for service, count in trace.services.items():
        legend.append(readable(service, limit=24), style=frame.colours[service])
        legend.append(f" {count:,}   ", style="dim")
    console.print(legend)
    if trace.flaws:
        found = sorted({flaw for flaws in trace.flaws.values() for flaw in flaws})
        text = f"{plural(len(trace.flaws), 'span')} recorded oddly: {', '.join(found)}"
        console.print(Text(text, style="yellow"))
    console.print()


def _waterfall(frame: _Frame, rows: Sequence[Row]) -> list[Text]:
    lines: list[Text] = []
    stems: list[str] = []
    for row in rows:
        del stems[max(0, row.depth - 1) :]
        # A stem per ancestor below the root; the row's own joint comes last.
        joint = frame.marks.corner if row.last else frame.marks.branch
        prefix = "".join(stems) + (joint if row.depth else "")
        if row.depth:
            stems.append("   " if row.last else frame.marks.pipe)
        lines.append(_line(frame, row, prefix))
    return lines


def _line(frame: _Frame, row: Row, prefix: str) -> Text:
    marks = frame.marks
    style = frame.colours[row.first.service]
    line = Text()
    on_path = any(span.span_id in frame.on_path for span in row.spans)
    line.append(f"{marks.on_path} " if on_path else "  ", style="bold")
    line.append_text(_cell(row.first.service, frame.service_columns, marks, style=style))
    line.append_text(_name_cell(frame, row, prefix))
    line.append_text(_bar(frame, row, style))
    duration = duration_text(row.total_ns if row.folded else row.first.duration_ns)
    line.append(f"{duration:>{_DURATION_COLUMNS}} ", style="bold" if on_path else "")
    if row.errors:
        line.append(marks.error, style="bold red")
    return line


def _name_cell(frame: _Frame, row: Row, prefix: str) -> Text:
    # Deep trees keep at least half the column for the name.
    wanted = frame.name_columns - cell_len(_label(row)) - 1
    room = max(frame.name_columns // 2, wanted)
    stem = prefix if len(prefix) <= room else frame.marks.ellipsis + prefix[1 - room :]
    cell = Text(stem, style="dim")
    style = "red" if row.errors else ""
    if frame.service_columns == 0:
        style = style or frame.colours[row.first.service]
    cell.append_text(_cell(_label(row), frame.name_columns - len(stem), frame.marks, style=style))
    return cell


def _label(row: Row) -> str:
    name = readable(short_name(row.first.name), limit=200)
    if row.folded:
        return f"{name} ×{len(row.spans):,}"
    return f"{name} (parent missing)" if row.depth == 0 and row.first.parent_id else name


def _cell(text: str, columns: int, marks: Marks, *, style: str) -> Text:
    """Fit a text into columns with one blank at the end; names keep their end when folded."""
    if columns <= 0:
        return Text()
    shown = readable(text, limit=200)
    room = columns - 1
    if cell_len(shown) > room:
        kept = Text(shown)
        kept.truncate(max(0, room - len(marks.ellipsis)), overflow="crop")
        shown = kept.plain + marks.ellipsis
    return Text(shown + " " * max(0, columns - cell_len(shown)), style=style)


def _bar(frame: _Frame, row: Row, style: str) -> Text:
    """Draw a row's time in proportion; the critical stretches are the thicker part."""
    if frame.bar_columns == 0:
        return Text()
    cells = [" "] * frame.bar_columns
    for span in row.spans:
        _fill(frame, cells, (span.start_ns, span.end_ns), mark=frame.marks.bar)
    members = {span.span_id for span in row.spans} & frame.on_path
    for segment in frame.path.segments if members else ():
        if segment.span_id in members and not segment.waiting:
            _fill(frame, cells, (segment.start_ns, segment.end_ns), mark=frame.marks.critical)
    return Text("".join(cells), style=style)


def _fill(frame: _Frame, cells: list[str], stretch: tuple[int, int], *, mark: str) -> None:
    """Mark the cells that a stretch of time touches, one at least."""
    whole = max(1, frame.trace.duration_ns)
    start, end = (
        (instant - frame.trace.start_ns) * frame.bar_columns / whole for instant in stretch
    )
    first = min(max(0, int(start)), len(cells) - 1)
    last = min(max(first + 1, round(end)), len(cells))
    cells[first:last] = [mark] * (last - first)


def _print_path(console: Console, frame: _Frame) -> None:
    whole = max(1, frame.trace.duration_ns)
    console.print()
    mark = frame.marks.on_path
    console.print(Text(f"Critical path {mark} {plural(len(frame.on_path), 'span')}", style="bold"))
    for step in path_steps(frame.trace, frame.path)[:_PATH_STEPS_MAX]:
        span = step.longest
        line = Text(f"{step.spent_ns * 100 // whole:>4} % {duration_text(step.spent_ns):>10}  ")
        line.append(readable(span.service, limit=24), style=frame.colours[span.service])
        line.append(f" {readable(short_name(span.name), limit=120)}")
        line.append(f" ×{step.count:,}" if step.count > 1 else "")
        console.print(line, no_wrap=True, overflow="ellipsis")
    if frame.path.waiting_ns:
        waiting = frame.path.waiting_ns
        text = f"{waiting * 100 // whole:>4} % {duration_text(waiting):>10}  waiting between steps"
        console.print(Text(text, style="dim"))


def _print_edges(console: Console, frame: _Frame) -> None:
    edges = edges_of(frame.trace)
    if not edges:
        return
    console.print()
    console.print(Text("Between services", style="bold"))
    for edge in edges:
        line = Text("  ")
        line.append(readable(edge.source, limit=24), style=frame.colours[edge.source])
        line.append(f" {frame.marks.arrow} ")
        line.append(readable(edge.target, limit=24), style=frame.colours[edge.target])
        line.append(f"  {edge.via} ×{edge.count:,}  p50 {duration_text(edge.p50_ns)}")
        if edge.errors:
            line.append(f"  {plural(edge.errors, 'error')}", style="bold red")
        console.print(line, no_wrap=True, overflow="ellipsis")


def _print_errors(console: Console, frame: _Frame) -> None:
    failed = [span for span in frame.trace.spans if span.failed]
    if not failed:
        return
    console.print()
    console.print(Text(f"Errors {frame.marks.error}", style="bold red"))
    for span in failed[:_ERRORS_MAX]:
        line = Text("  ")
        line.append(readable(span.service, limit=24), style=frame.colours[span.service])
        line.append(f" {readable(short_name(span.name), limit=80)}")
        line.append(f"  {readable(span.status_message, limit=160)}", style="red")
        console.print(line, no_wrap=True, overflow="ellipsis")
    if len(failed) > _ERRORS_MAX:
        console.print(f"  and {plural(len(failed) - _ERRORS_MAX, 'more span')}", style="dim")
