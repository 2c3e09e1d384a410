"""The front door of cases."""

from collections.abc import Callable
from datetime import tzinfo
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from mantle.crm.v1 import service_case_service_pb2 as pb

from chassis import telemetry
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door, Read
from chassis.scope import Caller
from crm.service_case import usecases, wire
from crm.service_case.domain import ServiceCase
from crm.service_case.peers import Sales

R = TypeVar("R", bound=Message)


class ServiceCaseServicer:
    """Serve `mantle.crm.v1.ServiceCaseService`."""

    def __init__(self, door: Door, clock: Clock, *, sales: Sales, zone: tzinfo) -> None:
        """Know the door, the business time in the company's zone, and who sells."""
        self._door = door
        self._clock = clock
        self._sales = sales
        self._zone = zone

    def OpenCase(self, request: pb.OpenCaseRequest, context: grpc.ServicerContext) -> bytes:
        """Take a case."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.open_case(
                tx,
                wire.opening(request),
                zone=self._zone,
                trace=telemetry.traceparent(),
                by=who,
                at=self._clock.now(),
            ),
            reply=_case_in(pb.OpenCaseResponse),
        )

    def AssignCase(self, request: pb.AssignCaseRequest, context: grpc.ServicerContext) -> bytes:
        """Classify a case and give it to a department."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.assign(
                tx,
                case_id=request.case_id,
                category=request.category,
                department=request.department,
                by=who,
            ),
            reply=_case_in(pb.AssignCaseResponse),
        )

    def PlaceCaseOrder(
        self, request: pb.PlaceCaseOrderRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Order what the customer wants."""
        return self._door.write(
            request,
            context,
            ask=lambda who, read: self._placed(request, who, read=read),
            act=lambda tx, who, order_id: usecases.add_order(
                tx, case_id=request.case_id, order_id=order_id, by=who
            ),
            reply=_case_in(pb.PlaceCaseOrderResponse),
        )

    def RequestCaseReturn(
        self, request: pb.RequestCaseReturnRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Ask for goods to be taken back."""
        return self._door.write(
            request,
            context,
            ask=lambda who, read: self._returned(request, who, read=read),
            act=lambda tx, who, return_id: usecases.add_return(
                tx,
                case_id=request.case_id,
                return_id=return_id,
                order_id=request.order_id,
                by=who,
            ),
            reply=_case_in(pb.RequestCaseReturnResponse),
        )

    def SolveCase(self, request: pb.SolveCaseRequest, context: grpc.ServicerContext) -> bytes:
        """Say what was done."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.solve(
                tx, case_id=request.case_id, solution=request.solution, by=who
            ),
            reply=_case_in(pb.SolveCaseResponse),
        )

    def RecordCallback(
        self, request: pb.RecordCallbackRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Keep what the customer says of the solution."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.call_back(
                tx,
                case_id=request.case_id,
                satisfied=request.satisfied,
                note=request.note,
                by=who,
            ),
            reply=_case_in(pb.RecordCallbackResponse),
        )

    def CloseCase(self, request: pb.CloseCaseRequest, context: grpc.ServicerContext) -> bytes:
        """End a case."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.close(
                tx, case_id=request.case_id, by=who, at=self._clock.now()
            ),
            reply=_case_in(pb.CloseCaseResponse),
        )

    def GetCase(self, request: pb.GetCaseRequest, context: grpc.ServicerContext) -> bytes:
        """Return a case."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, case_id=request.case_id, by=who),
            reply=_case_in(pb.GetCaseResponse),
        )

    def ListCases(self, request: pb.ListCasesRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of cases."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                part=page_of(request),
                by=who,
                wanted=wire.wanted(request, now=self._clock.now()),
            ),
            reply=wire.listed,
        )

    def GetCaseReport(
        self, request: pb.GetCaseReportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Count how cases were dealt with."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.report(tx, days=wire.to_days(request), by=who),
            reply=wire.reported,
        )

    def _placed(self, request: pb.PlaceCaseOrderRequest, who: Caller, *, read: Read) -> str:
        return self._sales.place(
            read(
                lambda tx: usecases.order_terms(
                    tx,
                    case_id=request.case_id,
                    partner_id=request.partner_id,
                    lines=wire.to_lines(request.lines),
                    by=who,
                )
            )
        )

    def _returned(self, request: pb.RequestCaseReturnRequest, who: Caller, *, read: Read) -> str:
        return self._sales.request_return(
            read(
                lambda tx: usecases.return_terms(
                    tx,
                    case_id=request.case_id,
                    order_id=request.order_id,
                    lines=wire.to_lines(request.lines),
                    reason_code=request.reason_code,
                    by=who,
                )
            )
        )


def _case_in(response: Callable[..., R]) -> Callable[[ServiceCase], R]:
    """Return what answers with a case, in a span that links to the trace it was opened in."""
    answer = wire.case_in(response)

    def linked(case: ServiceCase) -> R:
        telemetry.link(case.traceparent)
        return answer(case)

    return linked
