"""The front door of contracts."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import contract_service_pb2 as pb

from channels.contract import signing, usecases, wire
from channels.contract.domain import State
from channels.contract.proposing import Desk
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.policy.book import PolicyBook
from chassis.rpc.door import Door
from chassis.scope import Caller


class ContractServicer:
    """Serve `mantle.channels.v1.ContractService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, book: PolicyBook) -> None:
        """Know the door, the time, the company's time zone, and the policies in memory."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._book = book

    def PublishContractTemplate(
        self, request: pb.PublishContractTemplateRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Publish a template."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.publish_template(
                tx,
                product_id=request.product_id,
                reference=request.reference,
                sha256=request.sha256,
                promotion=request.promotion,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.template_in(pb.PublishContractTemplateResponse),
        )

    def GetContractTemplate(
        self, request: pb.GetContractTemplateRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a template."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.template(tx, product_id=request.product_id),
            reply=wire.template_in(pb.GetContractTemplateResponse),
        )

    def CreateContract(
        self, request: pb.CreateContractRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Propose a contract."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.create(
                tx,
                kind=wire.to_kind(request),
                partner_id=request.partner_id,
                customer_id=request.customer_id,
                title=request.title,
                filing_id=request.filing_id,
                draft=wire.to_draft(request),
                desk=self._desk(who),
            ),
            reply=wire.contract_in(pb.CreateContractResponse),
        )

    def AddContractAttachment(
        self, request: pb.AddContractAttachmentRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Add a document."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.attach(
                tx,
                contract_id=request.contract_id,
                name=request.name,
                reference=request.reference,
                sha256=request.sha256,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.contract_in(pb.AddContractAttachmentResponse),
        )

    def ReviewContract(
        self, request: pb.ReviewContractRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record a review."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.review(
                tx,
                contract_id=request.contract_id,
                passed=request.passed,
                opinion=request.opinion,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.contract_in(pb.ReviewContractResponse),
        )

    def RequestSealUse(
        self, request: pb.RequestSealUseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Ask for a seal."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: signing.request_seal(
                tx,
                contract_id=request.contract_id,
                seal=request.seal,
                purpose=request.purpose,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.seal_in(pb.RequestSealUseResponse),
        )

    def ApproveSealUse(
        self, request: pb.ApproveSealUseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Allow the use of a seal."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: signing.approve_seal(
                tx, seal_use_id=request.seal_use_id, by=who, at=self._clock.now()
            ),
            reply=wire.seal_in(pb.ApproveSealUseResponse),
        )

    def ListSealUses(self, request: pb.ListSealUsesRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of the register."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: signing.list_seals(
                tx,
                part=page_of(request),
                by=who,
                contract_id=request.contract_id,
                state=wire.to_seal_state(request),
            ),
            reply=wire.seals_listed,
        )

    def SignContract(self, request: pb.SignContractRequest, context: grpc.ServicerContext) -> bytes:
        """Sign a contract."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: signing.sign(
                tx, contract_id=request.contract_id, by=who, at=self._clock.now()
            ),
            reply=wire.contract_in(pb.SignContractResponse),
        )

    def AddContractOrder(
        self, request: pb.AddContractOrderRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Put an order under a contract."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.add_order(
                tx,
                contract_id=request.contract_id,
                order_id=request.order_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.contract_in(pb.AddContractOrderResponse),
        )

    def ChangeContract(
        self, request: pb.ChangeContractRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Write the next version of the terms."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.change(
                tx,
                contract_id=request.contract_id,
                draft=wire.to_draft(request),
                desk=self._desk(who),
            ),
            reply=wire.contract_in(pb.ChangeContractResponse),
        )

    def CompleteContract(
        self, request: pb.CompleteContractRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Complete a contract."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.end(
                tx,
                contract_id=request.contract_id,
                to=State.COMPLETED,
                reason="",
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.contract_in(pb.CompleteContractResponse),
        )

    def TerminateContract(
        self, request: pb.TerminateContractRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Terminate a contract."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.end(
                tx,
                contract_id=request.contract_id,
                to=State.TERMINATED,
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.contract_in(pb.TerminateContractResponse),
        )

    def GetContract(self, request: pb.GetContractRequest, context: grpc.ServicerContext) -> bytes:
        """Return a contract."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, contract_id=request.contract_id, by=who),
            reply=wire.contract_in(pb.GetContractResponse),
        )

    def ListContracts(
        self, request: pb.ListContractsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of contracts."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, wanted=wire.wanted(request)
            ),
            reply=wire.listed,
        )

    def GetContractProgress(
        self, request: pb.GetContractProgressRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return how far a contract is."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.progress(tx, contract_id=request.contract_id, by=who),
            reply=wire.progressed,
        )

    def _desk(self, who: Caller) -> Desk:
        return Desk(self._book, who, self._clock.now(), self._clock.today(self._zone))
