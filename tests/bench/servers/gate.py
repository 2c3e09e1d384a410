"""A service of the chassis alone, whose one capability does nothing:
`python -m tests.bench.servers.gate PORT REPLY_BYTES [open]`.

It shows what every call pays before it reaches its service.
"""

import os
import sys

from tests.bench.machine import pin_self

pin_self()

from mantle.planning.v1 import budget_service_pb2  # noqa: E402  # after the core is chosen

from chassis.rpc.methods import Handler  # noqa: E402
from chassis.rpc.service import Service  # noqa: E402
from chassis.settings import read_settings  # noqa: E402
from tests.bench.servers.service import leave_open  # noqa: E402

CONTRACT = budget_service_pb2.DESCRIPTOR.services_by_name["BudgetService"]


class Constant:
    """Answer every method of a contract with the same bytes."""

    def __init__(self, reply: bytes) -> None:
        """Prepare the one answer."""
        self._reply = reply

    def __getattr__(self, name: str) -> Handler:
        """Return the handler of any method."""
        return lambda _request, _context: self._reply


def main(words: list[str]) -> None:
    """Serve until SIGTERM."""
    port, reply_bytes, *rest = words
    if "open" in rest:
        leave_open()
    os.environ["MANTLE_LISTEN_ADDRESS"] = f"127.0.0.1:{port}"
    service = Service(read_settings("planning"), facts={})
    service.mount(CONTRACT, Constant(b"\x0a" * int(reply_bytes)))
    service.run()


if __name__ == "__main__":
    main(sys.argv[1:])
