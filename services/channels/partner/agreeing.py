"""What becomes of agreements: signed, followed by the next year's, ended, and taken over when their
year begins."""

from dataclasses import replace
from datetime import date, datetime

from channels.partner import signed as signed_rows
from channels.partner import storage
from channels.partner import usecases as partners
from channels.partner.domain import (
    ORDERING,
    Agreement,
    AgreementExists,
    AgreementSigned,
    AgreementState,
    AgreementTerminated,
    Credit,
    CreditGradeChanged,
    Ending,
    PartnerActivated,
    PartnerFile,
    PartnerStateForbids,
    State,
    Terms,
    TerritoryTaken,
)
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.scope import Caller

TAKEN_OVER_MAX = 100


def sign_agreement(
    tx: Transaction,
    *,
    partner_id: str,
    year: int,
    credit: Credit,
    territory: str,
    terms: Terms,
    today: date,
    by: Caller,
    at: datetime,
    selection_id: str = "",
) -> Outcome[PartnerFile]:
    """Record the agreement of a year and take its terms over.

    Shape: a prospect is approved by it; that is the way of partners that nobody selects.
    Errors: PartnerNotFound, PartnerStateForbids, AgreementExists, TerritoryTaken, OutOfScope.
    """
    before = partners.locked(tx, partner_id, by)
    if before.state is State.APPROVED and not before.terms_year and not selection_id:
        # Approved by a selection, which signs it itself.
        raise PartnerStateForbids(before, State.ACTIVE)
    signed = Agreement(
        agreement_id=new_id(),
        partner_id=partner_id,
        year=year,
        credit=credit,
        territory=territory,
        sign_time=at,
        terms=terms,
    )
    after = before.sign(signed, current_year=today.year)
    if not signed_rows.add_agreement(tx, signed):
        raise AgreementExists(partner_id, year)
    taken = signed_rows.claim(tx, signed, kind=before.kind, on=today)
    if taken is not None:
        raise TerritoryTaken(taken, year)
    storage.save(tx, after)
    is_told = after.state in ORDERING and after.credit != before.credit
    facts: list[object] = [AgreementSigned(after, signed, selection_id)]
    facts += [CreditGradeChanged(after)] if is_told else []
    return Outcome(partners.file_of(tx, after, on=today), facts=facts)


def admit(
    tx: Transaction,
    *,
    partner_id: str,
    year: int,
    territory: str,
    terms: Terms,
    selection_id: str,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[PartnerFile]:
    """Sign the agreement of an approved partner on its approved credit, and let it order at once.

    Errors: those of `sign_agreement`.
    Source: R-069.
    """
    approved = partners.locked(tx, partner_id, by)
    if approved.credit is None or approved.state is not State.APPROVED:
        raise PartnerStateForbids(approved, State.APPROVED)
    signed = sign_agreement(
        tx,
        partner_id=partner_id,
        year=year,
        credit=approved.credit,
        territory=territory,
        terms=terms,
        today=today,
        by=by,
        at=at,
        selection_id=selection_id,
    )
    after = signed.value.partner.activate()
    storage.save(tx, after)
    return Outcome(
        partners.file_of(tx, after, on=today), facts=[*signed.facts, PartnerActivated(after)]
    )


def follow_agreement(
    tx: Transaction,
    *,
    partner_id: str,
    year: int,
    state: AgreementState,
    credit: Credit,
    terms: Terms,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[PartnerFile]:
    """Let the agreement of the next year follow that of a year, renewed or adjusted.

    Errors: those of `sign_agreement`, AgreementMissing.
    Source: R-076.
    """
    partner = partners.locked(tx, partner_id, by)
    before = partners.require_agreement(tx, partner_id=partner_id, year=year)
    reason = f"followed by the agreement of {year + 1}"
    ended = replace(before, ending=Ending(state, before.end_date, reason))
    signed_rows.end_agreement(tx, ended, at=at)
    if signed_rows.agreements(tx, partner_id, year=year + 1):
        # Signed by hand before the maintenance came to it.
        return Outcome(partners.file_of(tx, partner, on=today))
    return sign_agreement(
        tx,
        partner_id=partner.partner_id,
        year=year + 1,
        credit=credit,
        territory=before.territory,
        terms=terms,
        today=today,
        by=by,
        at=at,
    )


def terminate(
    tx: Transaction, *, partner_id: str, year: int, reason: str, on: date, by: Caller, at: datetime
) -> Outcome[PartnerFile]:
    """End a partner under review with its agreement, the current one if there is one: it orders
    nothing more, and gives its areas back; what it owes stays.

    Errors: PartnerNotFound, PartnerStateForbids, AgreementMissing, OutOfScope.
    Source: R-075.
    """
    after = partners.locked(tx, partner_id, by).move(State.TERMINATED)
    current = signed_rows.agreements(tx, partner_id, year=on.year)
    before = (
        current[0] if current else partners.require_agreement(tx, partner_id=partner_id, year=year)
    )
    ended = replace(before, ending=Ending(AgreementState.TERMINATED, on, reason))
    signed_rows.end_agreement(tx, ended, at=at)
    storage.save(tx, after)
    return Outcome(partners.file_of(tx, after, on=on), facts=[AgreementTerminated(after, ended)])


def take_terms_over(tx: Transaction, *, today: date) -> Outcome[bool]:
    """Let the agreements of a year that has begun hold; tell whether there may be more.

    Shape: what was signed in the year before changes nothing until its year begins.
    """
    due = storage.due_for_terms(tx, year=today.year, limit=TAKEN_OVER_MAX)
    facts: list[object] = []
    signed = {one.partner_id: one for one in signed_rows.agreements_of(tx, due, year=today.year)}
    for before in storage.lock_all(tx, due):
        after = before.take_over(signed[before.partner_id])
        after = replace(after, version=before.version + 1)
        storage.save(tx, after)
        if after.credit != before.credit and after.state is not State.APPROVED:
            facts.append(CreditGradeChanged(after))
    return Outcome(len(due) == TAKEN_OVER_MAX, facts=facts)
