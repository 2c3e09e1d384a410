"""A stand-in for settlement's credit, which speaks gRPC: limits are numbers that a test sets."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from mantle.settlement.v1 import credit_service_pb2 as pb

from chassis.errors import FailedPrecondition, MantleError
from chassis.rpc.status import DETAILS_KEY, refusal

SERVICE = "mantle.settlement.v1.CreditService"


class CreditLimitExceeded(FailedPrecondition):
    """The limit does not cover the amount."""

    reason = "CREDIT_LIMIT_EXCEEDED"


class CreditAccountNotFound(FailedPrecondition):
    """Nobody opened an account for the partner."""

    reason = "CREDIT_ACCOUNT_NOT_FOUND"


@dataclass(slots=True)
class StandInDesk:
    """Reserve and release by owner.

    Shape: `limits` is partner → minor units, `reserved` owner → (partner, minor units), `asked` the
        amounts in the order in which they were asked for. A `silent` desk answers nobody; one that
        `refuses` says so to everybody.
    """

    limits: dict[str, int] = field(default_factory=dict)
    reserved: dict[str, tuple[str, int]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    silent: bool = False
    refuses: MantleError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, request: pb.ReserveCreditRequest | pb.CreditWish) -> pb.ReserveCreditResponse:
        """Set an amount aside for an owner, over what it had."""
        if self.refuses is not None:
            raise self.refuses
        with self.lock:
            amount, owner = request.amount.amount_minor, request.owner_id
            self.asked.append(amount)
            if request.partner_id not in self.limits:
                raise CreditAccountNotFound("no account", partnerId=request.partner_id)
            others = sum(
                minor
                for key, (partner, minor) in self.reserved.items()
                if partner == request.partner_id and key != owner
            )
            if others + amount > self.limits[request.partner_id]:
                raise CreditLimitExceeded("too much", partnerId=request.partner_id)
            self.reserved[owner] = (request.partner_id, amount)
        return pb.ReserveCreditResponse()

    def release(self, request: pb.ReleaseCreditRequest) -> pb.ReleaseCreditResponse:
        """Give back what an owner had."""
        with self.lock:
            gone = self.reserved.pop(request.owner_id, None)
        return pb.ReleaseCreditResponse(released=gone is not None)

    def serve_reserve(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        """Answer in bytes; a refusal is a status with details, as every service sends it."""
        if self.silent:
            context.abort(grpc.StatusCode.UNAVAILABLE, "closed")
        try:
            return self.reserve(pb.ReserveCreditRequest.FromString(data)).SerializeToString()
        except MantleError as error:
            answer = refusal(error)
            context.set_code(answer.code)
            context.set_details(answer.message)
            context.set_trailing_metadata(((DETAILS_KEY, answer.details),))
            return b""

    def serve_reserve_all(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        """Answer for each wish; a desk that refuses everybody refuses the call."""
        if self.silent:
            context.abort(grpc.StatusCode.UNAVAILABLE, "closed")
        asked = pb.ReserveCreditsRequest.FromString(data)
        reply = pb.ReserveCreditsResponse()
        for wish in asked.wishes:
            answer = reply.answers.add()
            try:
                self.reserve(wish)
                answer.reservation.SetInParent()
            except MantleError as error:
                answer.refusal.reason = error.reason
                answer.refusal.message = str(error)
                answer.refusal.metadata.update(error.metadata)
        return reply.SerializeToString()

    def serve_release(self, data: bytes, _context: grpc.ServicerContext) -> bytes:
        """Answer in bytes."""
        return self.release(pb.ReleaseCreditRequest.FromString(data)).SerializeToString()


@contextmanager
def served_desk(port: int) -> Iterator[StandInDesk]:
    """Serve a stand-in on a port of this machine."""
    desk = StandInDesk()
    server = grpc.server(ThreadPoolExecutor(4))
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "ReserveCredit": grpc.unary_unary_rpc_method_handler(desk.serve_reserve),
        "ReserveCredits": grpc.unary_unary_rpc_method_handler(desk.serve_reserve_all),
        "ReleaseCredit": grpc.unary_unary_rpc_method_handler(desk.serve_release),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    server.start()
    try:
        yield desk
    finally:
        server.stop(grace=1).wait()
