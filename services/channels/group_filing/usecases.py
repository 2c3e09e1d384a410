"""What is done with filings: file, confirm, measure, waive, and hand over to a contract."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from channels.group_filing import storage
from channels.group_filing.domain import Filing, Filter, SizeCount, State, Waiver
from channels.policy_kinds import GROUP_FILING
from chassis import scope
from chassis.database import Transaction
from chassis.errors import Conflict
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.scope import Caller

EXPIRED_MAX = 200


def file_client(
    tx: Transaction,
    *,
    unit_id: str,
    client_id: str,
    project: str,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Filing]:
    """File a client for a branch; who comes second gets a conflict that names the first.

    Errors: OutOfScope, PolicyNotFound.
    Source: R-144.
    """
    scope.require(tx, by, unit_id)
    rules = policy.in_force(tx, kind=GROUP_FILING, scopes=[f"unit:{unit_id}", ""], on=today)
    new = Filing(
        filing_id=new_id(),
        unit_id=unit_id,
        client_id=client_id,
        project=project,
        filed_by=by.actor,
        file_date=today,
        protect_until=today + timedelta(days=rules.parameters.integer("protection_days")),
        create_time=at,
    )
    if storage.add(tx, new):
        return Outcome(new)
    first = storage.protecting(tx, new)
    if first is None:
        raise Conflict(f"the filing that protected client {client_id} ended just now")
    behind = new.behind(first)
    storage.add(tx, behind)
    return Outcome(behind)


def confirm(tx: Transaction, *, filing_id: str, by: Caller) -> Outcome[Filing]:
    """Confirm a filing.

    Errors: GroupFilingNotFound, GroupFilingStateForbids, OutOfScope.
    """
    return _saved(tx, _locked(tx, filing_id, by).move(State.CONFIRMED))


def measure(
    tx: Transaction, *, filing_id: str, planned: int, sizes: Sequence[SizeCount], by: Caller
) -> Outcome[Filing]:
    """Record who was measured so far.

    Errors: GroupFilingNotFound, GroupFilingStateForbids, MeasuringExceedsPlan, OutOfScope.
    Source: R-145.
    """
    return _saved(tx, _locked(tx, filing_id, by).measure(planned, sizes))


def waive(
    tx: Transaction, *, filing_id: str, reason: str, reference: str, by: Caller
) -> Outcome[Filing]:
    """Let production begin before everybody is measured.

    Errors: GroupFilingNotFound, GroupFilingStateForbids, MeasuringIncomplete, OutOfScope.
    Source: R-145.
    """
    return _saved(tx, _locked(tx, filing_id, by).waive(Waiver(reason, reference, by.actor)))


def get(tx: Transaction, *, filing_id: str, by: Caller) -> Filing:
    """Return a filing.

    Errors: GroupFilingNotFound, OutOfScope.
    """
    found = storage.get(tx, filing_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[Filing]:
    """Return a page of the caller's filings, the newest first."""
    return storage.page(tx, part, by=by, wanted=wanted)


def contracted(tx: Transaction, *, filing_id: str, contract_id: str, by: Caller) -> Filing:
    """Let a signed contract stand behind a filing.

    Errors: GroupFilingNotFound, GroupFilingStateForbids, OutOfScope.
    """
    return _saved(tx, _locked(tx, filing_id, by).contracted(contract_id)).value


def require_measured(tx: Transaction, filing_id: str) -> None:
    """Refuse production of a filing's goods before everybody is measured or it was waived; the
    caller's say is not looked at.

    Errors: GroupFilingNotFound, MeasuringIncomplete.
    """
    storage.get(tx, filing_id, lock=True).require_measured()


def expire_due(tx: Transaction, *, today: date) -> Outcome[bool]:
    """Note of filings that their protection is over; True when there may be more."""
    expired = storage.lock_expired(tx, today=today, limit=EXPIRED_MAX)
    for one in expired:
        storage.save(tx, one.move(State.EXPIRED))
    return Outcome(len(expired) == EXPIRED_MAX)


def _locked(tx: Transaction, filing_id: str, by: Caller) -> Filing:
    found = storage.get(tx, filing_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _saved(tx: Transaction, changed: Filing) -> Outcome[Filing]:
    storage.save(tx, changed)
    return Outcome(changed)
