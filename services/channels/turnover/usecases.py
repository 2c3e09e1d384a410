"""What is done with settlement's invoices: keep them, and add them up by year."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from channels.partner import usecases as partners
from channels.turnover import storage
from channels.turnover.domain import CustomerYear, Invoice, PartnerYear
from chassis.database import Transaction
from chassis.money import Money
from chassis.scope import Caller


def note_issued(tx: Transaction, invoices: Sequence[Invoice]) -> None:
    """Keep invoices that were issued; an invoice is kept once."""
    storage.note(tx, invoices)


def note_paid(tx: Transaction, paid: Sequence[tuple[str, date]]) -> None:
    """Keep on which days invoices were paid in full; the last day that is told holds."""
    storage.note_paid(tx, list(dict(paid).items()))


def note_credited(tx: Transaction, credited: Sequence[tuple[str, str, Money]]) -> None:
    """Take off what credit notes took back of invoices; each note counts once.

    Shape: credit note, invoice, amount.
    """
    storage.note_credited(tx, credited)


def year_of(tx: Transaction, *, partner_id: str, year: int, on: date, by: Caller) -> PartnerYear:
    """Return the figures of a partner's year with what was agreed.

    Errors: PartnerNotFound, OutOfScope.
    Source: R-073, R-151.
    """
    partners.get(tx, partner_id=partner_id, by=by)
    return years_of(tx, [partner_id], year=year, on=on)[partner_id]


def years_of(
    tx: Transaction, partner_ids: Collection[str], *, year: int, on: date
) -> Mapping[str, PartnerYear]:
    """Return the figures of all of the partners, by partner; the caller's say is not looked at."""
    found = storage.years(tx, partner_ids, year=year, on=on)
    agreed = partners.agreements(tx, partner_ids, year=year)
    figures = {}
    for partner_id in partner_ids:
        known = found.get(partner_id) or PartnerYear(partner_id, year, None, None, 0, 0)
        signed = agreed.get(partner_id)
        figures[partner_id] = replace(known, target=signed.terms.target if signed else None)
    return figures


def customers_above(
    tx: Transaction, *, unit_id: str, year: int, threshold: Money
) -> list[CustomerYear]:
    """Return the customers of a unit whose yearly revenue reaches a threshold, the largest first;
    the caller's say over the unit is not looked at."""
    return storage.customers_above(tx, unit_id=unit_id, year=year, threshold=threshold)
