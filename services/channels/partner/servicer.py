"""The front door of partners."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import partner_service_pb2 as pb

from channels.partner import agreeing, usecases, wire
from channels.turnover import usecases as turnover
from channels.turnover import wire as turnover_wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door
from chassis.wire import to_money


class PartnerServicer:
    """Serve `mantle.channels.v1.PartnerService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time, and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def CreatePartner(
        self, request: pb.CreatePartnerRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Create a partner."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.create(
                tx,
                partner_id=request.partner_id,
                name=request.name,
                kind=wire.to_kind(request.kind),
                unit_id=request.unit_id,
                grade=wire.to_grade(request.credit_grade),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.created,
        )

    def SignAgreement(
        self, request: pb.SignAgreementRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record the agreement of a year."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: agreeing.sign_agreement(
                tx,
                partner_id=request.partner_id,
                year=request.year,
                credit=wire.to_credit(request.credit_limit, request.credit_days),
                territory=request.territory,
                terms=wire.to_terms(request),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.signed,
        )

    def ActivatePartner(
        self, request: pb.ActivatePartnerRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Let a partner order."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.activate(
                tx,
                partner_id=request.partner_id,
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.activated,
        )

    def ChangeCreditGrade(
        self, request: pb.ChangeCreditGradeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Change how far a partner is trusted to pay."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.change_credit_grade(
                tx,
                partner_id=request.partner_id,
                grade=wire.to_grade(request.credit_grade),
                credit=wire.to_credit(request.credit_limit, request.credit_days),
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.grade_changed,
        )

    def RecordPriorYearPurchases(
        self, request: pb.RecordPriorYearPurchasesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record what a partner bought in a year."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record_purchases(
                tx,
                partner_id=request.partner_id,
                year=request.year,
                amount=to_money(request.amount),
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.purchases_recorded,
        )

    def GetPartner(self, request: pb.GetPartnerRequest, context: grpc.ServicerContext) -> bytes:
        """Return a partner."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_file(
                tx, partner_id=request.partner_id, today=self._clock.today(self._zone), by=who
            ),
            reply=wire.got,
        )

    def GetPartnerYear(
        self, request: pb.GetPartnerYearRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return what settlement told of a partner's year."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: turnover.year_of(
                tx,
                partner_id=request.partner_id,
                year=request.year,
                on=self._clock.today(self._zone),
                by=who,
            ),
            reply=turnover_wire.got,
        )

    def ListPartners(self, request: pb.ListPartnersRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of partners."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                part=page_of(request),
                by=who,
                kind=wire.wanted_kind(request),
                state=wire.wanted_state(request),
            ),
            reply=wire.listed,
        )
