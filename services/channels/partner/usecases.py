"""What can be done with partners. Every function checks that the caller has a say over the unit."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime

from channels.partner import signed as signed_rows
from channels.partner import storage
from channels.partner.domain import (
    Agreement,
    AgreementMissing,
    Credit,
    CreditGradeChanged,
    Grade,
    Kind,
    Partner,
    PartnerActivated,
    PartnerExists,
    PartnerFile,
    PartnerNotFound,
    Standing,
    State,
    YearPurchases,
)
from chassis import scope
from chassis.database import Later, Transaction
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller, Says


def create(
    tx: Transaction,
    *,
    partner_id: str,
    name: str,
    kind: Kind,
    unit_id: str,
    grade: Grade,
    by: Caller,
    at: datetime,
) -> Outcome[PartnerFile]:
    """Create a partner without an agreement.

    Errors: PartnerExists, OutOfScope.
    """
    scope.require(tx, by, unit_id)
    new = Partner(
        partner_id=partner_id,
        name=name,
        kind=kind,
        unit_id=unit_id,
        state=State.PROSPECT,
        credit_grade=grade,
        credit=None,
        version=1,
        create_time=at,
    )
    if not storage.add(tx, new):
        raise PartnerExists(partner_id)
    return Outcome(PartnerFile(new))


def ensure_prospect(
    tx: Transaction,
    *,
    partner_id: str,
    name: str,
    kind: Kind,
    unit_id: str,
    by: Caller,
    at: datetime,
) -> Partner:
    """Return the partner of this id, locked, which is made when there is none; it is not trusted
    with any credit yet.

    Errors: OutOfScope.
    """
    new = Partner(
        partner_id=partner_id,
        name=name,
        kind=kind,
        unit_id=unit_id,
        state=State.PROSPECT,
        credit_grade=Grade.D,
        credit=None,
        version=1,
        create_time=at,
    )
    scope.require(tx, by, unit_id)
    storage.add(tx, new)
    return locked(tx, partner_id, by)


def approve(
    tx: Transaction, *, partner_id: str, grade: Grade, credit: Credit, by: Caller
) -> Partner:
    """Let the selection approve a partner with its grade; the agreement is still to be signed.

    Errors: PartnerNotFound, PartnerStateForbids, OutOfScope.
    """
    moved = locked(tx, partner_id, by).move(State.APPROVED)
    after = replace(moved, credit_grade=grade, credit=credit)
    storage.save(tx, after)
    return after


def move(tx: Transaction, *, partner_id: str, to: State, by: Caller) -> Partner:
    """Let the selection or the maintenance move a partner along the table.

    Errors: PartnerNotFound, PartnerStateForbids, OutOfScope.
    """
    after = locked(tx, partner_id, by).move(to)
    storage.save(tx, after)
    return after


def activate(tx: Transaction, *, partner_id: str, today: date, by: Caller) -> Outcome[PartnerFile]:
    """Let a partner order.

    Errors: PartnerNotFound, PartnerStateForbids, AgreementMissing, OutOfScope.
    """
    after = locked(tx, partner_id, by).activate()
    require_agreement(tx, partner_id=partner_id, year=today.year)
    storage.save(tx, after)
    return Outcome(file_of(tx, after, on=today), facts=[PartnerActivated(after)])


def change_credit_grade(
    tx: Transaction, *, partner_id: str, grade: Grade, credit: Credit, today: date, by: Caller
) -> Outcome[PartnerFile]:
    """Change how far a partner is trusted to pay.

    Errors: PartnerNotFound, PartnerStateForbids, OutOfScope.
    """
    after = locked(tx, partner_id, by).change_grade(grade, credit)
    storage.save(tx, after)
    return Outcome(file_of(tx, after, on=today), facts=[CreditGradeChanged(after)])


def record_purchases(
    tx: Transaction, *, partner_id: str, year: int, amount: Money, today: date, by: Caller
) -> Outcome[PartnerFile]:
    """Record what a partner bought in a year.

    Errors: PartnerNotFound, OutOfScope.
    Source: R-083, the accounting check of the customer's status.
    """
    partner = locked(tx, partner_id, by)
    storage.save_purchases(tx, YearPurchases(partner_id, year, amount))
    return Outcome(file_of(tx, partner, on=today))


def get(tx: Transaction, *, partner_id: str, by: Caller) -> Partner:
    """Return a partner without its file.

    Errors: PartnerNotFound, OutOfScope.
    """
    partner = storage.get(tx, partner_id)
    scope.require(tx, by, partner.unit_id)
    return partner


def get_file(tx: Transaction, *, partner_id: str, today: date, by: Caller) -> PartnerFile:
    """Return a partner with its agreements and purchases.

    Errors: PartnerNotFound, OutOfScope.
    """
    return file_of(tx, get(tx, partner_id=partner_id, by=by), on=today)


def list_page(
    tx: Transaction, *, part: Page, by: Caller, kind: Kind | None, state: State | None
) -> Slice[PartnerFile]:
    """Return a page of the caller's partners by id, without agreements and purchases."""
    return storage.page(tx, part, by=by, kind=kind, state=state).map(PartnerFile)


def standings(
    tx: Transaction, partner_ids: Collection[str], *, year: int
) -> Later[dict[str, Standing]]:
    """Read at once how those of the partners stand that exist, by id; the caller's say over them is
    not looked at."""
    return storage.standings(tx, partner_ids, year=year)


def require_ordering(
    found: Mapping[str, Standing], partner_id: str, *, says: Says, by: Caller, year: int
) -> Standing:
    """Return a partner that may order.

    Errors: PartnerNotFound, OutOfScope, PartnerStateForbids, AgreementMissing.
    """
    standing = found.get(partner_id)
    if standing is None:
        raise PartnerNotFound(partner_id)
    says.require(by, standing.partner.unit_id)
    standing.partner.require_active()
    if not standing.signed:
        raise AgreementMissing(partner_id, year)
    return standing


def require_agreement(tx: Transaction, *, partner_id: str, year: int) -> Agreement:
    """Return a partner's agreement for the year.

    Errors: AgreementMissing.
    """
    found = signed_rows.agreements(tx, partner_id, year=year)
    if not found:
        raise AgreementMissing(partner_id, year)
    return found[0]


def agreements(tx: Transaction, partner_ids: Collection[str], *, year: int) -> dict[str, Agreement]:
    """Return the agreements that partners have for a year, by partner."""
    found = signed_rows.agreements_of(tx, partner_ids, year=year)
    return {one.partner_id: one for one in found}


def ordering_of(
    tx: Transaction,
    *,
    unit_id: str,
    after: str,
    limit: int,
    kinds: Collection[Kind] = (),
    lock: bool = True,
) -> list[Partner]:
    """Return the next partners that order, of a unit and those below it, by id; the caller's say
    over the unit is not looked at."""
    return storage.ordering_of(tx, unit_id, after=after, limit=limit, kinds=kinds, lock=lock)


def begin_reviews(tx: Transaction, partners: Collection[Partner]) -> list[Partner]:
    """Put partners that were locked under review; those that are stay so."""
    moved = [
        one if one.state is State.UNDER_REVIEW else one.move(State.UNDER_REVIEW) for one in partners
    ]
    for one in moved:
        storage.save(tx, one)
    return moved


def purchases_minor(tx: Transaction, *, partner_id: str, year: int) -> int:
    """Return what a partner bought in a year in minor units, 0 when nothing was recorded."""
    return sum(
        recorded.amount.amount_minor for recorded in storage.purchases(tx, partner_id, year=year)
    )


def locked(tx: Transaction, partner_id: str, by: Caller) -> Partner:
    """Lock a partner of the caller's part of the organisation.

    Errors: PartnerNotFound, OutOfScope.
    """
    partner = storage.get(tx, partner_id, lock=True)
    scope.require(tx, by, partner.unit_id)
    return partner


def file_of(tx: Transaction, partner: Partner, *, on: date) -> PartnerFile:
    """Return a partner with its agreements and purchases as of a day."""
    return PartnerFile(
        partner,
        signed_rows.agreements(tx, partner.partner_id),
        storage.purchases(tx, partner.partner_id),
        on,
    )
