"""Many invoices at once as rows, with what pays them; `usecases` alone uses it.

The partners' credit accounts are locked before anything here is read. Statements are written out
once, because building one costs more than running it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from chassis import arrays
from chassis.database import Transaction, run
from chassis.money import Money
from settlement.receivable import storage
from settlement.receivable.domain import Allocation, Invoice, OpenItems, Receipt

INVOICED = """
SELECT order_id FROM invoice WHERE order_id = ANY(%(order_ids)s::text[])
"""
ADD = """
WITH issued AS (
  INSERT INTO invoice (invoice_id, order_id, contract_number, partner_id, unit_id, campaign_id,
    state, amount_minor, open_minor, currency_code, issue_date, due_date, create_time)
  SELECT * FROM unnest(%(invoice_ids)s::uuid[], %(order_ids)s::text[],
    %(contract_numbers)s::text[], %(partner_ids)s::text[], %(unit_ids)s::text[],
    %(campaign_ids)s::text[], %(states)s::text[], %(amounts_minor)s::bigint[],
    %(open_minor)s::bigint[], %(currency_codes)s::text[], %(issue_dates)s::date[],
    %(due_dates)s::date[], %(create_times)s::timestamptz[])
)
INSERT INTO invoice_line (invoice_id, line_number, product_id, quantity, amount_minor)
SELECT * FROM unnest(%(owner_ids)s::uuid[], %(line_numbers)s::integer[], %(product_ids)s::text[],
  %(quantities)s::bigint[], %(line_amounts_minor)s::bigint[])
"""
SAVE_PAID = """
UPDATE invoice AS i SET state = paid.state, open_minor = paid.open_minor
FROM unnest(%(invoice_ids)s::uuid[], %(states)s::text[], %(open_minor)s::bigint[])
  AS paid (invoice_id, state, open_minor)
WHERE i.invoice_id = paid.invoice_id
"""
OPEN_RECEIPTS = """
SELECT receipt_id::text, partner_id, amount_minor, unallocated_minor, currency_code, reference,
  receive_date
FROM receipt
WHERE partner_id = ANY(%(partner_ids)s::text[]) AND unallocated_minor > 0
  AND NOT by_hand
ORDER BY sequence
FOR UPDATE
"""
SAVE_RECEIPTS = """
UPDATE receipt AS r SET unallocated_minor = used.unallocated_minor
FROM unnest(%(receipt_ids)s::uuid[], %(unallocated_minor)s::bigint[])
  AS used (receipt_id, unallocated_minor)
WHERE r.receipt_id = used.receipt_id
"""
ADD_ALLOCATIONS = """
INSERT INTO receipt_allocation (allocation_id, receipt_id, invoice_id, amount_minor, undone,
  match_date)
SELECT allocation_id, receipt_id, invoice_id, amount_minor, false, match_date
FROM unnest(%(allocation_ids)s::uuid[], %(receipt_ids)s::uuid[], %(invoice_ids)s::uuid[],
  %(amounts_minor)s::bigint[], %(match_dates)s::date[])
  AS new (allocation_id, receipt_id, invoice_id, amount_minor, match_date)
"""


def invoiced(tx: Transaction, order_ids: Collection[str]) -> set[str]:
    """Return those of the orders that have an invoice."""
    return {order_id for (order_id,) in run(tx, INVOICED, {"order_ids": arrays.texts(order_ids)})}


def open_items(
    tx: Transaction, partner_ids: Collection[str]
) -> Mapping[tuple[str, str], OpenItems]:
    """Lock and return what partners have paid and still have to pay.

    Shape: by partner and currency; where nothing is left of any receipt there is nothing, because
        nothing can be paid.
    """
    found: dict[tuple[str, str], OpenItems] = defaultdict(OpenItems)
    rows = run(tx, OPEN_RECEIPTS, {"partner_ids": arrays.texts(partner_ids)})
    for receipt_id, partner_id, minor, left_minor, currency_code, reference, on in rows:
        amount, left = Money(currency_code, minor), Money(currency_code, left_minor)
        one = Receipt(receipt_id, partner_id, amount, left, reference, on)
        found[partner_id, currency_code].receipts.append(one)
    payers = {partner_id for partner_id, _ in found}
    for invoice in storage.open_invoices(tx, payers) if payers else ():
        key = invoice.delivery.partner_id, invoice.amount.currency_code
        if key in found:
            found[key].invoices.append(invoice)
    return dict(found)


def add(tx: Transaction, new: Sequence[Invoice]) -> None:
    """Store new invoices in their order, with their lines."""
    delivered = [one.delivery for one in new]
    run(
        tx,
        ADD,
        {
            "invoice_ids": arrays.plain(one.invoice_id for one in new),
            "order_ids": arrays.texts(one.order_id for one in delivered),
            "contract_numbers": arrays.texts(one.contract_number for one in delivered),
            "partner_ids": arrays.texts(one.partner_id for one in delivered),
            "unit_ids": arrays.texts(one.unit_id for one in delivered),
            "campaign_ids": arrays.texts(one.campaign_id for one in delivered),
            "states": arrays.plain(one.state for one in new),
            "amounts_minor": arrays.plain(one.amount.amount_minor for one in new),
            "open_minor": arrays.plain(one.open_amount.amount_minor for one in new),
            "currency_codes": arrays.plain(one.amount.currency_code for one in new),
            "issue_dates": arrays.plain(one.issue_date for one in new),
            "due_dates": arrays.plain(one.due_date for one in new),
            "create_times": arrays.plain(one.create_time for one in new),
            **_line_columns(new),
        },
    )


def _line_columns(new: Sequence[Invoice]) -> dict[str, str]:
    rows = [
        (one.invoice_id, number, line)
        for one in new
        for number, line in enumerate(one.delivery.lines, 1)
    ]
    return {
        "owner_ids": arrays.plain(invoice_id for invoice_id, _, _ in rows),
        "line_numbers": arrays.plain(number for _, number, _ in rows),
        "product_ids": arrays.texts(line.product_id for _, _, line in rows),
        "quantities": arrays.plain(line.quantity for _, _, line in rows),
        "line_amounts_minor": arrays.plain(line.amount.amount_minor for _, _, line in rows),
    }


def save_paid(
    tx: Transaction,
    *,
    invoices: Collection[Invoice],
    receipts: Collection[Receipt],
    allocations: Collection[Allocation],
) -> None:
    """Store which receipts paid which invoices, and what is left of both."""
    if not allocations:
        return
    run(
        tx,
        SAVE_PAID,
        {
            "invoice_ids": arrays.plain(one.invoice_id for one in invoices),
            "states": arrays.plain(one.state for one in invoices),
            "open_minor": arrays.plain(one.open_amount.amount_minor for one in invoices),
        },
    )
    run(
        tx,
        SAVE_RECEIPTS,
        {
            "receipt_ids": arrays.plain(one.receipt_id for one in receipts),
            "unallocated_minor": arrays.plain(one.unallocated.amount_minor for one in receipts),
        },
    )
    run(
        tx,
        ADD_ALLOCATIONS,
        {
            "allocation_ids": arrays.plain(one.allocation_id for one in allocations),
            "receipt_ids": arrays.plain(one.receipt_id for one in allocations),
            "invoice_ids": arrays.plain(one.invoice_id for one in allocations),
            "amounts_minor": arrays.plain(one.amount.amount_minor for one in allocations),
            "match_dates": arrays.plain(one.match_date for one in allocations),
        },
    )
