"""The front door of the offers after they were made."""

from datetime import tzinfo
from typing import TypeAlias

import grpc
from mantle.crm.v1 import outreach_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door, Read
from chassis.scope import Caller
from crm.outreach import usecases, wire
from crm.outreach.domain import OrderTerms
from crm.outreach.peers import Orders

Placed: TypeAlias = tuple[OrderTerms | None, str, Read]


class OutreachServicer:
    """Serve `mantle.crm.v1.OutreachService`."""

    def __init__(self, door: Door, clock: Clock, *, orders: Orders, zone: tzinfo) -> None:
        """Know the door, the business time in the company's zone, and who takes orders."""
        self._door = door
        self._clock = clock
        self._orders = orders
        self._zone = zone

    def ShowOffer(self, request: pb.ShowOfferRequest, context: grpc.ServicerContext) -> bytes:
        """Note that the customer has seen an offer."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.show(
                tx, offer_id=request.offer_id, by=who, at=self._clock.now()
            ),
            reply=wire.shown,
        )

    def AnswerOffer(self, request: pb.AnswerOfferRequest, context: grpc.ServicerContext) -> bytes:
        """Keep what the customer said."""
        return self._door.write(
            request,
            context,
            ask=lambda who, read: self._placed(request, who, read=read),
            act=lambda tx, who, placed: usecases.record_answer(
                tx,
                offer_id=request.offer_id,
                answer=wire.answer(request),
                partner_id=request.partner_id,
                terms=placed[0],
                order_id=placed[1],
                by=who,
                at=self._clock.now(),
            ),
            undo=lambda placed: self._give_back(request, placed),
            reply=wire.answered,
        )

    def WithdrawOffer(
        self, request: pb.WithdrawOfferRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Take an open offer back."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.withdraw(
                tx, offer_id=request.offer_id, why=request.reason, by=who, at=self._clock.now()
            ),
            reply=wire.withdrawn,
        )

    def GetOffer(self, request: pb.GetOfferRequest, context: grpc.ServicerContext) -> bytes:
        """Return an offer."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, offer_id=request.offer_id, by=who),
            reply=wire.got,
        )

    def ListOpportunities(
        self, request: pb.ListOpportunitiesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of the open offers."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.opportunities(
                tx,
                page=page_of(request, size_max=200),
                wanted=wire.wanted(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.listed,
        )

    def GetPreference(
        self, request: pb.GetPreferenceRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Tell where a customer accepts offers."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.preference(
                tx,
                customer_id=request.customer_id,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.preferred,
        )

    def _placed(self, request: pb.AnswerOfferRequest, who: Caller, *, read: Read) -> Placed:
        """Place the order that a yes needs, and nothing for another answer."""
        terms: OrderTerms | None = read(
            lambda tx: usecases.order_terms(
                tx,
                offer_id=request.offer_id,
                answer=wire.answer(request),
                partner_id=request.partner_id,
                quantity=request.quantity,
                by=who,
                at=self._clock.now(),
            )
        )
        return terms, self._orders.place(terms) if terms else "", read

    def _give_back(self, request: pb.AnswerOfferRequest, placed: Placed) -> None:
        """Cancel an order whose opportunity went to somebody else.

        Any other refusal leaves the order: its own event accepts the offer, or a repeat of the call
        does.
        """
        terms, order_id, read = placed
        if (
            terms
            and order_id
            and read(lambda tx: usecases.is_lost(tx, offer_id=request.offer_id, order_id=order_id))
        ):
            self._orders.cancel(order_id)
