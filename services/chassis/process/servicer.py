"""The front door of the process mechanism, which every service with processes mounts."""

import grpc
from mantle.process.v1 import process_service_pb2 as pb

from chassis.clock import Clock
from chassis.outcome import Outcome
from chassis.paging import page_of
from chassis.process import usecases, wire
from chassis.process.source import Definitions
from chassis.rpc.door import Door


class ProcessServicer:
    """Serve the definitions that the service was shipped with, and its running processes."""

    def __init__(self, door: Door, *, definitions: Definitions, clock: Clock) -> None:
        """Know the door, the definitions and the business time."""
        self._door = door
        self._definitions = definitions
        self._clock = clock

    def GetDefinition(
        self, request: pb.GetDefinitionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a definition."""
        return self._door.read(
            request,
            context,
            act=lambda _tx, _who: self._definitions.find(request.name, request.version),
            reply=wire.got_definition,
        )

    def ListDefinitions(
        self, request: pb.ListDefinitionsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List the definitions."""
        return self._door.read(
            request,
            context,
            act=lambda _tx, _who: self._definitions.listed(page_of(request)),
            reply=wire.listed_definitions,
        )

    def GetInstance(self, request: pb.GetInstanceRequest, context: grpc.ServicerContext) -> bytes:
        """Return a process."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, request.process_id, by=who),
            reply=wire.got_instance,
        )

    def ListOpenSteps(
        self, request: pb.ListOpenStepsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List what the caller can do now."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.open_steps(tx, page_of(request), by=who),
            reply=wire.listed_open,
        )

    def ListOverdueSteps(
        self, request: pb.ListOverdueStepsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List what is late."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.overdue(
                tx, page_of(request), at=self._clock.now(), by=who
            ),
            reply=wire.listed_overdue,
        )

    def ListHistory(self, request: pb.ListHistoryRequest, context: grpc.ServicerContext) -> bytes:
        """List what was done."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.history(
                tx, page_of(request), process_id=request.process_id, by=who
            ),
            reply=wire.listed_history,
        )

    def CompleteStep(self, request: pb.CompleteStepRequest, context: grpc.ServicerContext) -> bytes:
        """Complete a step that has no RPC of its own."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                usecases.complete_by_hand(
                    tx,
                    request.process_id,
                    step=request.step,
                    key=request.key,
                    answer=wire.answer_given(request),
                    note=request.note,
                    by=who,
                    at=self._clock.now(),
                )
            ),
            reply=wire.completed_step,
        )
