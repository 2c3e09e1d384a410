"""Waiting with a limit, for what another thread or process does."""

import threading
import time
from collections.abc import Callable

STEP_S = 0.02

_never = threading.Event()


def until(condition: Callable[[], bool], what: str, *, within_s: float = 20.0) -> None:
    """Wait until a condition holds, and say what was waited for when it never does."""
    ends_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends_s, f"waited {within_s} s in vain for: {what}"
        _never.wait(STEP_S)
