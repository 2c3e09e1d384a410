"""Ports for what tests listen on: each worker has some of its own, apart from the platform's.

A world promises ports to services that start seconds later, or never. Nobody else may take one
between the look at it and its use.
"""

import os
from itertools import cycle

from local import ports

FIRST = 10_000


def _own() -> range:
    """Return the ports of this worker; a session without workers has them all."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    width = (ports.RANGE.start - FIRST) // workers
    return range(FIRST + worker * width, FIRST + (worker + 1) * width)


def _turn() -> "cycle[int]":
    """Return the own ports over and over; a second session of this machine begins elsewhere."""
    own = _own()
    begin = os.getpid() * 100 % len(own)
    return cycle([*own[begin:], *own[:begin]])


_ports = _turn()


def choose() -> int:
    """Return a free port, and none that this process was given not long ago."""
    return next(port for port in _ports if ports.is_free(port))
