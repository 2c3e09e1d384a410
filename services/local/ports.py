"""Ports on the loopback interface: which are free, and which one to take."""

import random
import socket
from collections.abc import Collection

LOOPBACK = "127.0.0.1"
# Below the range from which Linux and macOS take the ports of outgoing connections, so that none of
# them sits on a port between our look and the server's bind.
RANGE = range(20_000, 30_000)
ATTEMPTS_MAX = 200


class NoPortFree(Exception):
    """No free port was found in the range."""


def is_free(port: int) -> bool:
    """Tell whether nothing listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without it, connections that are fading away (TIME_WAIT) would make a port of ours look
        # taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(preferred: int | None = None, *, without: Collection[int] = ()) -> int:
    """Return the preferred port when it is free, else a random free one.

    Shape: never one of `without`, which the caller has promised to someone else.
    Errors: NoPortFree.
    """
    if preferred is not None and preferred not in without and is_free(preferred):
        return preferred
    # Not a secret; random keeps two platforms that start at once apart.
    candidates = random.sample(RANGE, ATTEMPTS_MAX)
    for port in candidates:
        if port not in without and is_free(port):
            return port
    raise NoPortFree(f"no free port among {ATTEMPTS_MAX} between {RANGE.start} and {RANGE.stop}")
