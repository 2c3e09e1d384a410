"""How the demo talks: chapters, sentences and small tables on a terminal of any width."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from mantle.planning.v1 import campaign_pb2
from mantle.type.v1 import money_pb2
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chassis.clock import FileClock

ZONE = ZoneInfo("Asia/Shanghai")
INDENT = 3


class Narrator:
    """Tell the story, with the business time at which each part plays."""

    def __init__(self, console: Console, clock: FileClock) -> None:
        """Print to the console; business time comes from the clock of the platform."""
        self._console = console
        self._clock = clock
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapters += 1
        heading = Text.assemble((f"{self._chapters}  {title}", "bold"), "  ")
        heading.append(day_text(self._clock.now()), "dim")
        self._console.print()
        self._console.print(heading)

    def tell(self, sentence: str, note: str = "") -> None:
        """Say what happened, and what a reader may want to know beside it, or below where the
        line is full."""
        line = Text(sentence)
        if not note:
            self._indented(line)
        elif INDENT + len(sentence) + 2 + len(note) <= self._console.width:
            self._indented(line.append(f"  {note}", "dim"))
        else:
            self._indented(line)
            self._indented(Text(note, "dim"), by=INDENT + 2)

    def refused(self, sentence: str, reason: str) -> None:
        """Say what was refused, and why."""
        self._indented(Text(sentence).append("  refused: ", "dim").append(reason, "yellow"))

    def table(self, rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """Print rows below each other; `right` names the columns that hold numbers."""
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for column in range(max(map(len, rows), default=0)):
            table.add_column(justify="right" if column in right else "left")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._indented(table)

    def blank(self) -> None:
        """Leave a line free."""
        self._console.print()

    def _indented(self, what: RenderableType, *, by: int = INDENT) -> None:
        self._console.print(Padding(what, (0, 0, 0, by), expand=False))

    @property
    def console(self) -> Console:
        """Return the console, for what draws itself."""
        return self._console


def day_text(at: datetime) -> str:
    """Write a business time in the company's zone: `Mon 2 Mar 2026, 09:00`."""
    local = at.astimezone(ZONE)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M}"


def money_text(amount: money_pb2.Money) -> str:
    """Write an amount with its decimals: 1,250.00."""
    return minor_text(amount.amount_minor)


def minor_text(minor: int) -> str:
    """Write minor units as an amount: 125000 is 1,250.00."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100:,}.{abs(minor) % 100:02d}"


def cny(minor: int) -> money_pb2.Money:
    """Make an amount in the demo's currency from minor units."""
    return money_pb2.Money(currency_code="CNY", amount_minor=minor)


def roi_text(result: campaign_pb2.CampaignResult) -> str:
    """Write the return on a campaign's money."""
    if not result.HasField("roi_percent"):
        return "nothing was spent"
    return f"return {result.roi_percent} %"
