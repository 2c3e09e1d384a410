"""What is done with diversion: trace a scanned batch, decide on the case, take over the fine."""

from dataclasses import replace
from datetime import date, datetime

from channels.diversion import storage
from channels.diversion.domain import (
    BatchQuantityExceeded,
    DiversionCase,
    DiversionConfirmed,
    Filter,
    Scan,
    State,
    Traced,
    source_of,
)
from channels.grading import usecases as grading
from channels.inspection import usecases as inspections
from channels.partner import usecases as partners
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller


def scan_batch(tx: Transaction, *, scan: Scan, by: Caller, at: datetime) -> Outcome[Traced]:
    """Find whom a batch was sent to, and open a case when it is not where it belongs.

    Errors: BatchNotShipped, BatchAmbiguous, BatchQuantityExceeded, FindingNotFound,
        PartnerNotFound, OutOfScope.
    Source: R-209.
    """
    scope.require(tx, by, scan.found_unit_id)
    if scan.finding_id:
        finding = inspections.get_finding(tx, finding_id=scan.finding_id, by=by)
        scan = replace(scan, finding_id=finding.finding_id)
    if scan.found_partner_id:
        partners.get(tx, partner_id=scan.found_partner_id, by=by)
    storage.lock_batch(tx, scan)
    source = source_of(scan, storage.sources(tx, scan))
    if storage.is_inside(tx, scan.found_unit_id, of=source.unit_id):
        return Outcome(Traced(source, None))
    left = source.quantity - storage.found_before(tx, scan, source.partner_id)
    if scan.quantity > left:
        raise BatchQuantityExceeded(scan, left)
    new = DiversionCase(new_id(), scan, source, by.actor, at)
    storage.add(tx, new)
    return Outcome(Traced(source, new))


def confirm(
    tx: Transaction, *, case_id: str, decision: str, today: date, by: Caller, at: datetime
) -> Outcome[DiversionCase]:
    """Confirm a case, which settlement then penalises.

    Errors: DiversionCaseNotFound, DiversionStateForbids, DiversionNeedsAnotherPerson, OutOfScope.
    Source: R-209.
    """
    after = _decided(tx, case_id, State.CONFIRMED, decision=decision, by=by, at=at)
    return Outcome(after, facts=[DiversionConfirmed(after, today)])


def dismiss(
    tx: Transaction, *, case_id: str, decision: str, by: Caller, at: datetime
) -> Outcome[DiversionCase]:
    """Dismiss a case.

    Errors: DiversionCaseNotFound, DiversionStateForbids, DiversionNeedsAnotherPerson, OutOfScope.
    Source: R-209.
    """
    return Outcome(_decided(tx, case_id, State.DISMISSED, decision=decision, by=by, at=at))


def penalised(
    tx: Transaction, *, case_id: str, fine: Money, today: date, source: str, at: datetime
) -> None:
    """Take over the fine that settlement booked, and have the partner's grade reviewed; a second
    telling changes nothing.

    Errors: DiversionCaseNotFound, DiversionStateForbids, PolicyNotFound.
    Source: R-210.
    """
    before = storage.get(tx, case_id, lock=True)
    if before.state is State.PENALISED:
        return
    storage.save(tx, before.penalise(fine))
    grading.propose_lower(
        tx,
        partner_id=before.source.partner_id,
        reason=f"diversion case {case_id} was penalised",
        today=today,
        source=source,
        at=at,
    )


def get(tx: Transaction, *, case_id: str, by: Caller) -> DiversionCase:
    """Return a case.

    Errors: DiversionCaseNotFound, OutOfScope.
    """
    found = storage.get(tx, case_id)
    scope.require(tx, by, found.scan.found_unit_id)
    return found


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[DiversionCase]:
    """Return a page of the caller's cases, the newest first."""
    return storage.page(tx, part, by=by, wanted=wanted)


def _decided(
    tx: Transaction, case_id: str, to: State, *, decision: str, by: Caller, at: datetime
) -> DiversionCase:
    """Decide as somebody with a say over both units: neither side judges alone."""
    before = storage.get(tx, case_id, lock=True)
    scope.require(tx, by, before.scan.found_unit_id)
    scope.require(tx, by, before.source.unit_id)
    after = before.decide(to, decision=decision, by=by.actor, at=at)
    storage.save(tx, after)
    return after
