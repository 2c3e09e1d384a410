"""The front door of the customers."""

import grpc
from mantle.crm.v1 import customer_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door
from crm.customer import usecases, wire


class CustomerServicer:
    """Serve `mantle.crm.v1.CustomerService`."""

    def __init__(self, door: Door, clock: Clock) -> None:
        """Know the door and the business time."""
        self._door = door
        self._clock = clock

    def ImportCustomers(
        self, request: pb.ImportCustomersRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Take a part of a file."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.take_rows(
                tx,
                import_id=request.import_id,
                unit_id=request.unit_id,
                rows=wire.rows(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.imported,
        )

    def GetImport(self, request: pb.GetImportRequest, context: grpc.ServicerContext) -> bytes:
        """Tell how far an import is."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_import(tx, import_id=request.import_id, by=who),
            reply=wire.import_got,
        )

    def ChangeTags(self, request: pb.ChangeTagsRequest, context: grpc.ServicerContext) -> bytes:
        """Add and remove tags."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.change_tags(
                tx,
                customer_id=request.customer_id,
                add=list(request.add),
                remove=list(request.remove),
                by=who,
            ),
            reply=wire.tags_changed,
        )

    def SetConsent(self, request: pb.SetConsentRequest, context: grpc.ServicerContext) -> bytes:
        """Keep whether a customer agrees to a kind of contact."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.set_consent(
                tx,
                customer_id=request.customer_id,
                kind=wire.contact_kind(request),
                granted=request.granted,
                by=who,
            ),
            reply=wire.consent_set,
        )

    def RecordSubscription(
        self, request: pb.RecordSubscriptionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Move a subscription."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record_subscription(
                tx,
                customer_id=request.customer_id,
                product_id=request.product_id,
                state=wire.subscription_state(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.subscription_recorded,
        )

    def SetScores(self, request: pb.SetScoresRequest, context: grpc.ServicerContext) -> bytes:
        """Keep a customer's own propensities."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.set_scores(
                tx, customer_id=request.customer_id, scores=wire.scores(request), by=who
            ),
            reply=wire.scores_set,
        )

    def GetCustomer(self, request: pb.GetCustomerRequest, context: grpc.ServicerContext) -> bytes:
        """Return a customer."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, customer_id=request.customer_id, by=who),
            reply=wire.got,
        )

    def ListCustomers(
        self, request: pb.ListCustomersRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of customers."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.listing(
                tx,
                page=page_of(request, size_max=200),
                by=who,
                unit_id=request.unit_id,
                tag=request.tag,
                kind=wire.kind(request),
            ),
            reply=wire.listed,
        )
