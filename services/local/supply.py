"""A stand-in for the neighbour system that knows production and supply, for the demo and for tests.

It serves the contract that the neighbour implements, from numbers that somebody sets. It checks no
credential: it holds nothing that is worth one.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
from mantle.neighbour.v1 import supply_service_pb2 as pb
from mantle.neighbour.v1 import supply_service_pb2_grpc

from local import ports

THREADS = 4
STOP_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class Ability:
    """Hold what can be done for a product in any month, in pieces."""

    finished_stock: int
    capacity: int
    material: int


PLENTY = Ability(finished_stock=0, capacity=10**9, material=10**9)


@dataclass(slots=True)
class SupplyStandIn:
    """Answer what production and supply would.

    Shape: `abilities` by product, `otherwise` for all others. While `awake` is not set, it does not
        answer.
    """

    abilities: Mapping[str, Ability] = field(default_factory=dict)
    otherwise: Ability = PLENTY
    awake: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    _server: grpc.Server | None = None

    def __post_init__(self) -> None:
        """Begin awake."""
        self.awake.set()

    def start(self, port: int = 0) -> int:
        """Serve on a port of this machine, a free one when it is 0, and return the port."""
        server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="supply"))
        supply_service_pb2_grpc.add_SupplyServiceServicer_to_server(_Desk(self), server)
        taken = server.add_insecure_port(f"{ports.LOOPBACK}:{port}")
        server.start()
        self._server = server
        return taken

    def stop(self) -> None:
        """Answer nobody any more."""
        self.awake.set()
        if self._server is not None:
            self._server.stop(STOP_GRACE_S).wait()
        self._server = None

    def ability(self, product_id: str) -> Ability:
        """Tell what can be done for a product."""
        return self.abilities.get(product_id, self.otherwise)


class _Desk(supply_service_pb2_grpc.SupplyServiceServicer):
    def __init__(self, stand_in: SupplyStandIn) -> None:
        self._stand_in = stand_in

    def CheckCapacity(
        self, request: pb.CheckCapacityRequest, context: grpc.ServicerContext
    ) -> pb.CheckCapacityResponse:
        self._await("CheckCapacity")
        return pb.CheckCapacityResponse(
            lines=[
                pb.CapacityLine(
                    product_id=line.product_id,
                    month=line.month,
                    finished_stock=self._stand_in.ability(line.product_id).finished_stock,
                    capacity=self._stand_in.ability(line.product_id).capacity,
                )
                for line in request.lines
            ]
        )

    def CheckMaterial(
        self, request: pb.CheckMaterialRequest, context: grpc.ServicerContext
    ) -> pb.CheckMaterialResponse:
        self._await("CheckMaterial")
        return pb.CheckMaterialResponse(
            lines=[
                pb.MaterialLine(
                    product_id=line.product_id,
                    month=line.month,
                    material=self._stand_in.ability(line.product_id).material,
                )
                for line in request.lines
            ]
        )

    def _await(self, asked: str) -> None:
        self._stand_in.asked.append(asked)
        self._stand_in.awake.wait()
