"""The copy of settlement's invoices."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from channels.turnover.domain import CustomerYear, Invoice, PartnerYear
from chassis import arrays
from chassis.database import Transaction
from chassis.money import Money

TABLES = sa.MetaData()

invoice_copy = sa.Table(
    "invoice_copy",
    TABLES,
    sa.Column("invoice_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("issue_date", sa.Date, nullable=False),
    sa.Column("due_date", sa.Date, nullable=False),
    sa.Column("paid_date", sa.Date),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("credited_minor", sa.BigInteger, nullable=False, server_default="0"),
)

# Each note counts once, however often it is told.
credit_note_copy = sa.Table(
    "credit_note_copy",
    TABLES,
    sa.Column("credit_note_id", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)

# The order tells the customer and the unit; an order of nobody here has neither.
NOTE = sa.text(
    """
    INSERT INTO invoice_copy (invoice_id, order_id, partner_id, customer_id, unit_id, issue_date,
      due_date, currency_code, amount_minor)
    SELECT told.invoice_id, told.order_id, told.partner_id, coalesce(placed.customer_id, ''),
      coalesce(placed.unit_id, ''), told.issue_date, told.due_date, told.currency_code,
      told.amount_minor
    FROM unnest(CAST(:invoice_ids AS text[]), CAST(:order_ids AS uuid[]),
      CAST(:partner_ids AS text[]), CAST(:issue_dates AS date[]), CAST(:due_dates AS date[]),
      CAST(:currency_codes AS text[]), CAST(:amounts AS bigint[]))
      AS told (invoice_id, order_id, partner_id, issue_date, due_date, currency_code, amount_minor)
    LEFT JOIN sales_order AS placed ON placed.order_id = told.order_id
    ON CONFLICT (invoice_id) DO NOTHING
    """
)
PAID = sa.text(
    """
    UPDATE invoice_copy AS known SET paid_date = told.paid_date
    FROM unnest(CAST(:invoice_ids AS text[]), CAST(:paid_dates AS date[]))
      AS told (invoice_id, paid_date)
    WHERE known.invoice_id = told.invoice_id
    """
)
CREDITED = sa.text(
    """
    WITH fresh AS (
      INSERT INTO credit_note_copy (credit_note_id, invoice_id, amount_minor)
      SELECT * FROM unnest(CAST(:credit_note_ids AS text[]), CAST(:invoice_ids AS text[]),
        CAST(:amounts AS bigint[]))
      ON CONFLICT DO NOTHING
      RETURNING invoice_id, amount_minor
    )
    UPDATE invoice_copy AS known
    SET credited_minor = least(known.amount_minor, known.credited_minor + told.amount_minor)
    FROM (
      SELECT invoice_id, sum(amount_minor) AS amount_minor FROM fresh GROUP BY invoice_id
    ) AS told
    WHERE known.invoice_id = told.invoice_id
    """
)
# An invoice that was taken back whole is as if it had never been. One that nobody paid is late
# from the day after it was due. A partner trades in the one currency of its credit limit, so its
# invoices can be added up.
YEARS = sa.text(
    """
    SELECT partner_id, max(currency_code) AS currency_code,
      sum(amount_minor - credited_minor) AS purchases_minor,
      count(*) FILTER (WHERE credited_minor < amount_minor OR amount_minor = 0) AS invoices,
      count(*) FILTER (WHERE coalesce(paid_date, :on) > due_date
        AND (credited_minor < amount_minor OR amount_minor = 0)) AS late_invoices
    FROM invoice_copy
    WHERE partner_id = ANY(CAST(:partner_ids AS text[]))
      AND issue_date >= :start AND issue_date < :end
    GROUP BY partner_id
    """
)
CUSTOMERS = sa.text(
    """
    SELECT bought.customer_id, min(bought.unit_id) AS unit_id, bought.currency_code,
      sum(bought.amount_minor - bought.credited_minor) AS revenue_minor
    FROM invoice_copy AS bought
    JOIN org_unit_copy AS below ON below.unit_id = bought.unit_id
    JOIN org_unit_copy AS own ON starts_with(below.path, own.path)
    WHERE own.unit_id = :unit_id AND bought.customer_id <> ''
      AND bought.issue_date >= :start AND bought.issue_date < :end
    GROUP BY bought.customer_id, bought.currency_code
    HAVING sum(bought.amount_minor - bought.credited_minor) >= :threshold
      AND bought.currency_code = :currency_code
    ORDER BY revenue_minor DESC, bought.customer_id
    """
)


def note(tx: Transaction, invoices: Sequence[Invoice]) -> None:
    """Keep invoices; one that is known is left as it is."""
    tx.execute(
        NOTE,
        {
            "invoice_ids": arrays.texts(one.invoice_id for one in invoices),
            "order_ids": arrays.plain(one.order_id for one in invoices),
            "partner_ids": arrays.texts(one.partner_id for one in invoices),
            "issue_dates": arrays.plain(one.issue_date for one in invoices),
            "due_dates": arrays.plain(one.due_date for one in invoices),
            "currency_codes": arrays.texts(one.amount.currency_code for one in invoices),
            "amounts": arrays.plain(one.amount.amount_minor for one in invoices),
        },
    )


def note_paid(tx: Transaction, paid: Sequence[tuple[str, date]]) -> None:
    """Keep on which days invoices were paid in full."""
    tx.execute(
        PAID,
        {
            "invoice_ids": arrays.texts(invoice_id for invoice_id, _ in paid),
            "paid_dates": arrays.plain(day for _, day in paid),
        },
    )


def note_credited(tx: Transaction, credited: Sequence[tuple[str, str, Money]]) -> None:
    """Keep what credit notes took back of invoices, each note once."""
    tx.execute(
        CREDITED,
        {
            "credit_note_ids": arrays.texts(note_id for note_id, _, _ in credited),
            "invoice_ids": arrays.texts(invoice_id for _, invoice_id, _ in credited),
            "amounts": arrays.plain(amount.amount_minor for _, _, amount in credited),
        },
    )


def years(
    tx: Transaction, partner_ids: Collection[str], *, year: int, on: date
) -> dict[str, PartnerYear]:
    """Return the figures of those of the partners that were invoiced, without their targets."""
    values: dict[str, Any] = {
        "partner_ids": arrays.texts(partner_ids),
        "start": date(year, 1, 1),
        "end": date(year + 1, 1, 1),
        "on": on,
    }
    return {
        row.partner_id: PartnerYear(
            partner_id=row.partner_id,
            year=year,
            purchases=Money(row.currency_code, int(row.purchases_minor)),
            target=None,
            invoices=row.invoices,
            late_invoices=row.late_invoices,
        )
        for row in tx.execute(YEARS, values)
    }


def customers_above(
    tx: Transaction, *, unit_id: str, year: int, threshold: Money
) -> list[CustomerYear]:
    """Return the customers of a unit and those below it whose year reaches a threshold, the largest
    first."""
    values: dict[str, Any] = {
        "unit_id": unit_id,
        "start": date(year, 1, 1),
        "end": date(year + 1, 1, 1),
        "threshold": threshold.amount_minor,
        "currency_code": threshold.currency_code,
    }
    return [
        CustomerYear(row.customer_id, row.unit_id, Money(row.currency_code, int(row.revenue_minor)))
        for row in tx.execute(CUSTOMERS, values)
    ]
