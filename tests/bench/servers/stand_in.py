"""The peers that a bench leaves out: `python -m tests.bench.servers.stand_in PORT THREADS`.

Its log never grows, and it grants every credit. It runs on the client's core, and the baselines ask
it too, so that both halves pay the same for it.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from mantle.events.v1 import event_log_service_pb2 as log_pb
from mantle.settlement.v1 import credit_service_pb2 as credit_pb

from tests.bench.machine import pin_self
from tests.bench.servers.echo import serve_until_told, served

# Never set: a wait with a limit.
_pause = threading.Event().wait


def nothing_new(data: bytes) -> Message:
    """Wait as long as the reader is willing to, and tell it to stay where it is."""
    request = log_pb.ReadEventsRequest.FromString(data)
    _pause(request.wait.ToTimedelta().total_seconds())
    return log_pb.ReadEventsResponse(
        next_position=request.after_position,
        head_position=request.after_position,
        log_epoch=request.log_epoch or "stand-in",
    )


ANSWERS: dict[str, Callable[[bytes], Message]] = {
    "/mantle.events.v1.EventLogService/ReadEvents": nothing_new,
    "/mantle.settlement.v1.CreditService/ReserveCredit": lambda _: (
        credit_pb.ReserveCreditResponse()
    ),
    "/mantle.settlement.v1.CreditService/ReserveCredits": lambda data: (
        credit_pb.ReserveCreditsResponse(
            answers=[
                credit_pb.CreditAnswer()
                for _ in credit_pb.ReserveCreditsRequest.FromString(data).wishes
            ]
        )
    ),
    "/mantle.settlement.v1.CreditService/ReleaseCredit": lambda _: (
        credit_pb.ReleaseCreditResponse()
    ),
}


class StandIn(grpc.GenericRpcHandler):
    """Answer what peers are asked."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a method, or None."""
        act = ANSWERS.get(details.method)
        if act is None:
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, _context: act(request).SerializeToString()
        )


if __name__ == "__main__":
    pin_self()
    PORT, THREADS = (int(word) for word in sys.argv[1:3])
    serve_until_told(served(StandIn(), PORT, threads=THREADS))
