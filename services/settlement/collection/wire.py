"""Ages, reminders and collection as messages, and which fact becomes which event."""

from collections.abc import Iterable
from typing import Final

from mantle.settlement.v1 import collection_pb2 as pb
from mantle.settlement.v1 import collection_service_pb2 as service_pb
from mantle.settlement.v1 import events_pb2

from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.period import Month
from chassis.wire import from_money, to_money
from settlement.collection.domain import (
    Ageing,
    Bucket,
    Collected,
    DunningLevelReached,
    Exposure,
    Notice,
    OverdueInvoice,
    Statistics,
    Target,
)


def target(request: service_pb.SetCollectionTargetRequest) -> Target:
    """Read a target.

    Errors: PeriodInvalid.
    """
    return Target(request.unit_id, Month.parse(request.month), to_money(request.amount))


def target_set(found: Target) -> service_pb.SetCollectionTargetResponse:
    """Answer with a target."""
    return service_pb.SetCollectionTargetResponse(
        target=pb.CollectionTarget(
            unit_id=found.unit_id, month=str(found.month), amount=from_money(found.amount)
        )
    )


def collected(found: Statistics) -> service_pb.GetCollectionStatisticsResponse:
    """Answer with months and their sum."""
    return service_pb.GetCollectionStatisticsResponse(
        months=map(_collected, found.months), total=_collected(found.total)
    )


def ageings_listed(found: Slice[Ageing]) -> service_pb.ListAgeingsResponse:
    """Answer with a page of ages."""
    return service_pb.ListAgeingsResponse(
        ageings=[
            pb.Ageing(
                partner_id=one.partner_id,
                unit_id=one.unit_id,
                open_amount=from_money(one.open_amount),
                buckets=_buckets(one.buckets),
                overdue_days=one.overdue_days,
            )
            for one in found.items
        ],
        next_page_token=found.next_page_token,
    )


def overdue_listed(found: Slice[OverdueInvoice]) -> service_pb.ListOverdueInvoicesResponse:
    """Answer with a page of invoices that were not paid in time."""
    return service_pb.ListOverdueInvoicesResponse(
        invoices=[
            pb.OverdueInvoice(
                invoice_id=one.invoice_id,
                order_id=one.order_id,
                partner_id=one.partner_id,
                due_date=one.due_date.isoformat(),
                overdue_days=one.overdue_days,
                bucket=one.bucket,
                open_amount=from_money(one.open_amount),
                dunning_level=one.dunning_level,
            )
            for one in found.items
        ],
        next_page_token=found.next_page_token,
    )


def notices_listed(found: Slice[Notice]) -> service_pb.ListDunningNoticesResponse:
    """Answer with a page of reminders."""
    return service_pb.ListDunningNoticesResponse(
        notices=[
            pb.DunningNotice(
                notice_id=one.notice_id,
                invoice_id=one.invoice_id,
                order_id=one.order_id,
                partner_id=one.partner_id,
                level=one.level,
                overdue_days=one.overdue_days,
                open_amount=from_money(one.open_amount),
                notice_date=one.notice_date.isoformat(),
            )
            for one in found.items
        ],
        next_page_token=found.next_page_token,
    )


def exposure(found: Exposure) -> service_pb.GetExposureResponse:
    """Answer with an exposure."""
    return service_pb.GetExposureResponse(
        exposure=pb.Exposure(
            partner_id=found.partner_id,
            receivable=from_money(found.receivable),
            buckets=_buckets(found.buckets),
            open_orders=from_money(found.open_orders),
            advance=from_money(found.advance),
            exposure=from_money(found.exposure),
            limit=from_money(found.limit),
            available=from_money(found.available),
            pending_bills=from_money(found.pending_bills),
        )
    )


def _collected(found: Collected) -> pb.CollectionMonth:
    return pb.CollectionMonth(
        month="" if found.month is None else str(found.month),
        target=None if found.target is None else from_money(found.target),
        received=from_money(found.received),
        rate_percent=found.rate_percent,
    )


def _buckets(found: Iterable[Bucket]) -> list[pb.AgeingBucket]:
    return [pb.AgeingBucket(label=one.label, amount=from_money(one.amount)) for one in found]


def dunning_level_reached(fact: DunningLevelReached) -> EventDraft:
    """Write the fact that an invoice reached a dunning level."""
    notice = fact.notice
    message = events_pb2.DunningLevelReached(
        invoice_id=notice.invoice_id,
        order_id=notice.order_id,
        partner_id=notice.partner_id,
        level=notice.level,
        overdue_days=notice.overdue_days,
        open_amount=from_money(notice.open_amount),
        notice_date=notice.notice_date.isoformat(),
    )
    return EventDraft(message, f"partner/{notice.partner_id}")


FACTS: Final[FactTable] = {DunningLevelReached: dunning_level_reached}
