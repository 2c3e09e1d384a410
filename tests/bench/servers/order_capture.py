"""Order capture by hand, the best we can write:
`python -m tests.bench.servers.order_capture PORT THREADS DATABASE_URL CREDIT_ADDRESS TEMPLATE`.

One prepared statement writes the same rows as the service's transaction, in one round trip and one
commit; the credit desk is asked before, as the contract demands. No identity, no validation, no
pricing, no checks, no spans, no lines of log: everything but ids is a constant, taken from an order
that the service captured.
"""

import hashlib
import json
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from tests.bench.machine import pin_self

pin_self()

import grpc  # noqa: E402  # after the core is chosen
import psycopg  # noqa: E402
from mantle.channels.v1 import order_service_pb2 as pb  # noqa: E402
from mantle.settlement.v1 import credit_service_pb2 as credit_pb  # noqa: E402
from mantle.type.v1 import money_pb2  # noqa: E402

from tests.bench.servers.echo import serve_until_told, served  # noqa: E402

RESERVE = "/mantle.settlement.v1.CreditService/ReserveCredit"


class Capture(grpc.GenericRpcHandler):
    """Write an order with one statement."""

    def __init__(self, url: str, credit: str, template: dict[str, Any]) -> None:
        """Know where to write and what an order looks like."""
        self._url = url
        self._statement = template["statement"].encode()
        self._old = template["order_id"].encode()
        self._reply = bytes.fromhex(template["reply"])
        self._payload = bytes.fromhex(template["payload"])
        self._connections = threading.local()
        self._reserve = grpc.insecure_channel(credit).unary_unary(
            RESERVE, credit_pb.ReserveCreditRequest.SerializeToString, bytes
        )

    def service(self, _details: grpc.HandlerCallDetails) -> Any:
        """Return the one handler."""
        return grpc.unary_unary_rpc_method_handler(self._place)

    def _place(self, data: bytes, _context: grpc.ServicerContext) -> bytes:
        request = pb.PlaceOrderRequest.FromString(data)
        order_id = str(uuid.uuid4())
        self._reserve(
            credit_pb.ReserveCreditRequest(
                request_id=str(uuid.uuid4()),
                partner_id=request.partner_id,
                amount=money_pb2.Money(currency_code="CNY", amount_minor=1_000),
                owner_kind="order",
                owner_id=order_id,
                order_date="2026-03-02",
            ),
            timeout=5,
        )
        new = order_id.encode()
        reply = self._reply.replace(self._old, new)
        values = {
            "order_id": order_id,
            "request_id": request.request_id,
            "partner_id": request.partner_id,
            "product_ids": [line.product_id for line in request.lines],
            "fingerprint": hashlib.sha256(data).digest(),
            "reply": reply,
            "payload": self._payload.replace(self._old, new),
            "event_id": str(uuid.uuid4()),
        }
        row = self._cursor().execute(self._statement, values, prepare=True).fetchone()
        assert row is not None and row[0] == 1, "the key was new"
        return reply

    def _cursor(self) -> psycopg.Cursor:
        cursor = getattr(self._connections, "cursor", None)
        if cursor is None:
            connection = psycopg.connect(self._url, autocommit=True)
            cursor = self._connections.cursor = connection.cursor(binary=True)
        return cursor


def main(words: list[str]) -> None:
    """Serve until SIGTERM."""
    port, threads, url, credit, template = words
    handler = Capture(url, credit, json.loads(Path(template).read_text()))
    serve_until_told(served(handler, int(port), threads=int(threads)))


if __name__ == "__main__":
    main(sys.argv[1:])
