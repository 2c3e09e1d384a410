"""Places where a test may end the process on purpose; inert unless the environment arms one.

`MANTLE_FAULT=<what>/<seam>[#n]` ends the process at the n-th passing (default 1) of that seam, as
`kill -9` would. `what` is the RPC's or the event's short name, or `*`.
"""

import os
import signal
import threading

_ARMED = os.environ.get("MANTLE_FAULT", "")
_lock = threading.Lock()
_left = int(_ARMED.partition("#")[2] or 1)


def seam(what: str, name: str) -> None:
    """Pass one seam; the armed one ends the process."""
    if _ARMED:
        _pass(what, name)


def _pass(what: str, name: str) -> None:
    global _left  # noqa: PLW0603  # one countdown a process
    wanted, _, seam_name = _ARMED.partition("#")[0].partition("/")
    if seam_name != name or wanted not in ("*", what):
        return
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
