"""One real service on a core of its own: `python -m tests.bench.servers.service PORT NAME [open]`.

With `open` identity, access and validation are taken out, which is the half that the cost of
security is held against; nothing in the services themselves can be switched off.
"""

import importlib
import os
import sys

from tests.bench.machine import pin_self

pin_self()

from chassis.rpc import gate, visit  # noqa: E402  # after the core is chosen: threads inherit it
from chassis.rpc.access import Tokens  # noqa: E402
from chassis.scope import Caller  # noqa: E402
from chassis.settings import read_settings  # noqa: E402

ANYBODY = Caller("anybody", frozenset({"service"}), "hq", "anybody")


def leave_open() -> None:
    """Let everybody in with everything."""
    Tokens.caller = lambda _self, _header: ANYBODY  # type: ignore[assignment, method-assign]
    for walk in (gate, visit):
        walk.admit = lambda _method, _caller: None  # type: ignore[assignment, attr-defined]
        walk.require_valid = lambda _message: None  # type: ignore[attr-defined]


def main(words: list[str]) -> None:
    """Serve until SIGTERM."""
    port, name, *rest = words
    if "open" in rest:
        leave_open()
    os.environ["MANTLE_LISTEN_ADDRESS"] = f"127.0.0.1:{port}"
    importlib.import_module(f"{name}.__main__").build(read_settings(name)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
