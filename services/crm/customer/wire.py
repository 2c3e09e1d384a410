"""Customers between the domain and the contract."""

from typing import Final

from mantle.crm.v1 import customer_pb2
from mantle.crm.v1 import customer_service_pb2 as pb

from chassis.paging import Slice
from chassis.wire import from_time
from crm.customer.domain import (
    AttributeValue,
    Customer,
    Kind,
    Status,
    Subscription,
    SubscriptionState,
    from_ppm,
    to_ppm,
)
from crm.customer.rows import Import, Imported, Row, RowError
from crm.touchpoint.domain import ContactKind
from crm.touchpoint.wire import CONTACT_KINDS, CONTACT_KINDS_READ

_KINDS: Final = {
    Kind.END: customer_pb2.Customer.KIND_END,
    Kind.DEALER: customer_pb2.Customer.KIND_DEALER,
}
_KINDS_READ: Final = {number: kind for kind, number in _KINDS.items()}
_STATUSES: Final = {
    Status.LEAD: customer_pb2.Customer.STATUS_LEAD,
    Status.PROSPECT: customer_pb2.Customer.STATUS_PROSPECT,
    Status.ACTIVE: customer_pb2.Customer.STATUS_ACTIVE,
    Status.DORMANT: customer_pb2.Customer.STATUS_DORMANT,
    Status.LOST: customer_pb2.Customer.STATUS_LOST,
}
_STATES: Final = {
    SubscriptionState.ORDERED: customer_pb2.Subscription.STATE_ORDERED,
    SubscriptionState.ACTIVE: customer_pb2.Subscription.STATE_ACTIVE,
    SubscriptionState.CANCELLED: customer_pb2.Subscription.STATE_CANCELLED,
}
_STATES_READ: Final = {number: state for state, number in _STATES.items()}


def attribute_from_proto(message: customer_pb2.AttributeValue) -> AttributeValue | None:
    """Read a value, or None when none is set."""
    match message.WhichOneof("value"):
        case "integer":
            return message.integer
        case "text":
            return message.text
        case "truth":
            return message.truth
        case _:
            return None


def attribute_to_proto(value: AttributeValue) -> customer_pb2.AttributeValue:
    """Write a value."""
    match value:
        case bool():
            return customer_pb2.AttributeValue(truth=value)
        case int():
            return customer_pb2.AttributeValue(integer=value)
        case str():
            return customer_pb2.AttributeValue(text=value)


def rows(request: pb.ImportCustomersRequest) -> list[Row]:
    """Read the rows of a part as they came."""
    return [
        Row(
            row_number=row.row_number,
            customer_id=row.customer_id,
            unit_id=row.unit_id,
            kind=row.kind,
            status=row.status,
            display_name=row.display_name,
            phone=row.phone,
            time_zone=row.time_zone,
            tags=list(row.tags),
            consents=list(row.consents),
            product_ids=list(row.product_ids),
            attributes={
                name: attribute_from_proto(value) for name, value in row.attributes.items()
            },
        )
        for row in request.rows
    ]


def contact_kind(request: pb.SetConsentRequest) -> ContactKind:
    """Read the kind of contact."""
    return CONTACT_KINDS_READ[request.contact_kind]


def subscription_state(request: pb.RecordSubscriptionRequest) -> SubscriptionState:
    """Read the state wanted."""
    return _STATES_READ[request.state]


def scores(request: pb.SetScoresRequest) -> dict[str, int]:
    """Read propensities as product → millionths."""
    return {one.product_id: to_ppm(one.propensity) for one in request.scores}


def kind(request: pb.ListCustomersRequest) -> Kind | None:
    """Read the kind wanted, or None for all."""
    return _KINDS_READ.get(request.kind)


def customer_to_proto(source: Customer) -> customer_pb2.Customer:
    """Write a customer as the contract has it."""
    message = customer_pb2.Customer(
        customer_id=source.customer_id,
        unit_id=source.unit_id,
        kind=_KINDS[source.kind],
        status=_STATUSES[source.status],
        display_name=source.display_name,
        phone=source.phone,
        time_zone=source.time_zone,
        tags=sorted(source.tags),
        consents=sorted(CONTACT_KINDS[one] for one in source.consents),
        subscriptions=[_subscription(one) for one in source.subscriptions],
        scores=[
            customer_pb2.Score(product_id=product_id, propensity=from_ppm(ppm))
            for product_id, ppm in sorted(source.scores.items())
        ],
        create_time=from_time(source.create_time),
        version=source.version,
    )
    for name, value in source.attributes.items():
        message.attributes[name].CopyFrom(attribute_to_proto(value))
    return message


def imported(source: Imported) -> pb.ImportCustomersResponse:
    """Write the answer of ImportCustomers."""
    return pb.ImportCustomersResponse(
        progress=_progress(source.progress), errors=[_error(one) for one in source.errors]
    )


def import_got(source: Imported) -> pb.GetImportResponse:
    """Write the answer of GetImport."""
    return pb.GetImportResponse(
        progress=_progress(source.progress), errors=[_error(one) for one in source.errors]
    )


def tags_changed(source: Customer) -> pb.ChangeTagsResponse:
    """Write the answer of ChangeTags."""
    return pb.ChangeTagsResponse(customer=customer_to_proto(source))


def consent_set(source: Customer) -> pb.SetConsentResponse:
    """Write the answer of SetConsent."""
    return pb.SetConsentResponse(customer=customer_to_proto(source))


def subscription_recorded(source: Customer) -> pb.RecordSubscriptionResponse:
    """Write the answer of RecordSubscription."""
    return pb.RecordSubscriptionResponse(customer=customer_to_proto(source))


def scores_set(source: Customer) -> pb.SetScoresResponse:
    """Write the answer of SetScores."""
    return pb.SetScoresResponse(customer=customer_to_proto(source))


def got(source: Customer) -> pb.GetCustomerResponse:
    """Write the answer of GetCustomer."""
    return pb.GetCustomerResponse(customer=customer_to_proto(source))


def listed(found: Slice[Customer]) -> pb.ListCustomersResponse:
    """Write the answer of ListCustomers."""
    return pb.ListCustomersResponse(
        customers=[customer_to_proto(one) for one in found.items],
        next_page_token=found.next_page_token,
    )


def _subscription(source: Subscription) -> customer_pb2.Subscription:
    return customer_pb2.Subscription(
        product_id=source.product_id,
        state=_STATES[source.state],
        change_time=from_time(source.change_time),
    )


def _progress(source: Import) -> customer_pb2.CustomerImport:
    return customer_pb2.CustomerImport(
        import_id=source.import_id,
        unit_id=source.unit_id,
        rows_received=source.rows_received,
        rows_new=source.rows_new,
        rows_updated=source.rows_updated,
        rows_rejected=source.rows_rejected,
        create_time=from_time(source.create_time),
        update_time=from_time(source.update_time),
    )


def _error(source: RowError) -> customer_pb2.RowError:
    return customer_pb2.RowError(
        row_number=source.row_number, field=source.field, problem=source.problem
    )
