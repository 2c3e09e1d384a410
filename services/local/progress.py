"""What a person sees while the platform starts: one line a stage, with the seconds it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

WIDTH = 34


class Progress:
    """Print stages to a console.

    Shape: rich leaves colour and motion out where the console is a file or NO_COLOR is set.
    """

    def __init__(self, console: Console | None = None) -> None:
        """Print to the console; without one, be silent."""
        self._console = console or Console(quiet=True)

    @contextmanager
    def stage(self, what: str) -> Iterator[None]:
        """Say what is being done, and how long it took when it is done."""
        begin = time.monotonic()
        with self._console.status(f"{what} …"):
            yield
        self.done(what, time.monotonic() - begin)

    def done(self, what: str, duration_s: float) -> None:
        """Say that a stage is done."""
        dots = "." * max(3, WIDTH - len(what))
        self._console.print(f"  {what} [dim]{dots}[/dim] {duration_s:5.1f} s", highlight=False)
