"""What can be done with partners. Every function checks that the caller has a say over the unit."""

from collections.abc import Collection, Mapping
from datetime import datetime

from channels.partner import storage
from channels.partner.domain import (
    Agreement,
    AgreementExists,
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
from chassis.ids import new_id
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


def sign_agreement(
    tx: Transaction,
    *,
    partner_id: str,
    year: int,
    credit: Credit,
    territory: str,
    current_year: int,
    by: Caller,
    at: datetime,
) -> Outcome[PartnerFile]:
    """Record the agreement of a year and take its credit terms over.

    Errors: PartnerNotFound, AgreementExists, OutOfScope.
    """
    before = _locked(tx, partner_id, by)
    signed = Agreement(
        agreement_id=new_id(),
        partner_id=partner_id,
        year=year,
        credit=credit,
        territory=territory,
        sign_time=at,
    )
    if not storage.add_agreement(tx, signed):
        raise AgreementExists(partner_id, year)
    after = before.sign(signed, current_year=current_year)
    storage.save(tx, after)
    is_told = after.state is State.ACTIVE and after.credit != before.credit
    facts = [CreditGradeChanged(after)] if is_told else []
    return Outcome(_file(tx, after), facts=facts)


def activate(
    tx: Transaction, *, partner_id: str, current_year: int, by: Caller
) -> Outcome[PartnerFile]:
    """Let a partner order.

    Errors: PartnerNotFound, PartnerStateForbids, AgreementMissing, OutOfScope.
    """
    after = _locked(tx, partner_id, by).activate()
    require_agreement(tx, partner_id=partner_id, year=current_year)
    storage.save(tx, after)
    return Outcome(_file(tx, after), facts=[PartnerActivated(after)])


def change_credit_grade(
    tx: Transaction, *, partner_id: str, grade: Grade, credit: Credit, by: Caller
) -> Outcome[PartnerFile]:
    """Change how far a partner is trusted to pay.

    Errors: PartnerNotFound, PartnerStateForbids, OutOfScope.
    """
    after = _locked(tx, partner_id, by).change_grade(grade, credit)
    storage.save(tx, after)
    return Outcome(_file(tx, after), facts=[CreditGradeChanged(after)])


def record_purchases(
    tx: Transaction, *, partner_id: str, year: int, amount: Money, by: Caller
) -> Outcome[PartnerFile]:
    """Record what a partner bought in a year.

    Errors: PartnerNotFound, OutOfScope.
    Source: R-083, the accounting check of the customer's status.
    """
    partner = _locked(tx, partner_id, by)
    storage.save_purchases(tx, YearPurchases(partner_id, year, amount))
    return Outcome(_file(tx, partner))


def get(tx: Transaction, *, partner_id: str, by: Caller) -> Partner:
    """Return a partner without its file.

    Errors: PartnerNotFound, OutOfScope.
    """
    partner = storage.get(tx, partner_id)
    scope.require(tx, by, partner.unit_id)
    return partner


def get_file(tx: Transaction, *, partner_id: str, by: Caller) -> PartnerFile:
    """Return a partner with its agreements and purchases.

    Errors: PartnerNotFound, OutOfScope.
    """
    return _file(tx, get(tx, partner_id=partner_id, by=by))


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


def require_agreement(tx: Transaction, *, partner_id: str, year: int) -> None:
    """Refuse a partner without an agreement for the year.

    Errors: AgreementMissing.
    """
    if not storage.agreements(tx, partner_id, year=year):
        raise AgreementMissing(partner_id, year)


def purchases_minor(tx: Transaction, *, partner_id: str, year: int) -> int:
    """Return what a partner bought in a year in minor units, 0 when nothing was recorded."""
    return sum(
        recorded.amount.amount_minor for recorded in storage.purchases(tx, partner_id, year=year)
    )


def _locked(tx: Transaction, partner_id: str, by: Caller) -> Partner:
    partner = storage.get(tx, partner_id, lock=True)
    scope.require(tx, by, partner.unit_id)
    return partner


def _file(tx: Transaction, partner: Partner) -> PartnerFile:
    return PartnerFile(
        partner,
        storage.agreements(tx, partner.partner_id),
        storage.purchases(tx, partner.partner_id),
    )
