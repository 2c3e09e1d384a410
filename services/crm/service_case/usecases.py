"""What is done with cases, from the first word to the last."""

from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import local_date
from chassis.policy import usecases as policies
from chassis.scope import Caller
from crm.customer import usecases as customers
from crm.partner_file import usecases as partner_files
from crm.policy_kinds import SERVICE_LEVEL, scopes_of
from crm.service_case import storage
from crm.service_case.domain import (
    Days,
    Filter,
    Kind,
    Opening,
    OrderTerms,
    Report,
    ReturnTerms,
    ServiceCase,
    ServiceCasePartnerMissing,
)
from crm.touchpoint import usecases as touchpoints

# What a policy without a word on a kind leaves for it.
LEVEL_UNSAID: Final = timedelta(days=2)


def open_case(
    tx: Transaction, opening: Opening, *, zone: tzinfo, trace: str, by: Caller, at: datetime
) -> Outcome[ServiceCase]:
    """Take a case of a customer or of a partner.

    Errors: CustomerNotFound, TouchpointNotFound, PolicyNotFound, OutOfScope.
    Source: R-224, R-226.
    """
    unit_id = partner_files.unit_of(tx, customer_id=opening.customer_id)
    if unit_id is None:
        unit_id = customers.get(tx, customer_id=opening.customer_id, by=by).unit_id
    scope.require(tx, by, unit_id)
    if opening.touchpoint_id:
        touchpoints.get(tx, touchpoint_id=opening.touchpoint_id)
    new = _new(tx, opening, unit_id=unit_id, zone=zone, trace=trace, by=by.actor, at=at)
    storage.add(tx, new)
    return Outcome(new)


def note(
    tx: Transaction,
    opening: Opening,
    *,
    unit_id: str,
    zone: tzinfo,
    trace: str,
    by: str,
    at: datetime,
) -> None:
    """Open a case because of a fact, once for each cause.

    Errors: PolicyNotFound.
    Source: R-098, R-210.
    """
    storage.add(tx, _new(tx, opening, unit_id=unit_id, zone=zone, trace=trace, by=by, at=at))


def assign(
    tx: Transaction, *, case_id: str, category: str, department: str, by: Caller
) -> Outcome[ServiceCase]:
    """Classify a case and give it to a department.

    Errors: ServiceCaseNotFound, ServiceCaseStateForbids, OutOfScope.
    """
    return _change(
        tx, case_id, lambda case: case.assign(category=category, department=department), by=by
    )


def solve(tx: Transaction, *, case_id: str, solution: str, by: Caller) -> Outcome[ServiceCase]:
    """Say what was done.

    Errors: ServiceCaseNotFound, ServiceCaseStateForbids, OutOfScope.
    """
    return _change(tx, case_id, lambda case: case.solve(solution), by=by)


def call_back(
    tx: Transaction, *, case_id: str, satisfied: bool, note: str, by: Caller
) -> Outcome[ServiceCase]:
    """Keep what the customer says of the solution.

    Errors: ServiceCaseNotFound, ServiceCaseStateForbids, OutOfScope.
    Source: R-225.
    """
    return _change(tx, case_id, lambda case: case.call_back(satisfied=satisfied, note=note), by=by)


def close(tx: Transaction, *, case_id: str, by: Caller, at: datetime) -> Outcome[ServiceCase]:
    """End a case.

    Errors: ServiceCaseNotFound, ServiceCaseStateForbids, OutOfScope.
    """
    return _change(tx, case_id, lambda case: case.close(at=at), by=by)


def order_terms(
    tx: Transaction, *, case_id: str, partner_id: str, lines: list[tuple[str, int]], by: Caller
) -> OrderTerms:
    """Say what to ask channels for, before anything is written; a partner buys for itself.

    Errors: ServiceCaseNotFound, ServiceCaseStateForbids, ServiceCasePartnerMissing, OutOfScope.
    Source: R-081, R-226.
    """
    case = _living(tx, case_id, by)
    if partner_files.unit_of(tx, customer_id=case.customer_id) is not None:
        partner_id = case.customer_id
    if not partner_id:
        raise ServiceCasePartnerMissing(case_id)
    return OrderTerms(case, partner_id, lines)


def return_terms(
    tx: Transaction,
    *,
    case_id: str,
    order_id: str,
    lines: list[tuple[str, int]],
    reason_code: str,
    by: Caller,
) -> ReturnTerms:
    """Say what is to come back, before channels is asked.

    Errors: ServiceCaseNotFound, ServiceCaseStateForbids, OutOfScope.
    """
    return ReturnTerms(_living(tx, case_id, by), order_id, lines, reason_code)


def add_order(tx: Transaction, *, case_id: str, order_id: str, by: Caller) -> Outcome[ServiceCase]:
    """Keep an order that channels took for a case, in whatever state that is meanwhile.

    Errors: ServiceCaseNotFound, OutOfScope.
    """
    return _change(tx, case_id, lambda case: case.ordered(order_id), by=by)


def add_return(
    tx: Transaction, *, case_id: str, return_id: str, order_id: str, by: Caller
) -> Outcome[ServiceCase]:
    """Keep a return that channels took for a case, in whatever state that is meanwhile.

    Errors: ServiceCaseNotFound, OutOfScope.
    """
    return _change(tx, case_id, lambda case: case.ordered(order_id).returned(return_id), by=by)


def settle_return(tx: Transaction, *, return_id: str, solution: str) -> bool:
    """Solve the cases that led to a return, as it was decided; False when none did.

    Shape: a case that a person solved meanwhile stays as it is.
    """
    found = storage.of_return(tx, return_id)
    for case in found:
        if case.can_be_solved():
            storage.save(tx, case.solve(solution))
    return bool(found)


def get(tx: Transaction, *, case_id: str, by: Caller) -> ServiceCase:
    """Return a case.

    Errors: ServiceCaseNotFound, OutOfScope.
    """
    found = storage.get(tx, case_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[ServiceCase]:
    """Return a page of the caller's cases, the newest first."""
    return storage.page(tx, part, by=by, wanted=wanted)


def report(tx: Transaction, *, days: Days, by: Caller) -> Report:
    """Count how the caller's cases were dealt with.

    Source: R-225.
    """
    return storage.count(tx, days, by=by)


def _new(
    tx: Transaction,
    opening: Opening,
    *,
    unit_id: str,
    zone: tzinfo,
    trace: str,
    by: str,
    at: datetime,
) -> ServiceCase:
    today = local_date(at, zone)
    return ServiceCase(
        case_id=new_id(),
        customer_id=opening.customer_id,
        unit_id=unit_id,
        kind=opening.kind,
        subject=opening.subject,
        opened_by=by,
        open_time=at,
        open_date=today,
        due_time=at + _level(tx, opening.kind, unit_id=unit_id, on=today),
        touchpoint_id=opening.touchpoint_id,
        cause=opening.cause,
        traceparent=trace,
        order_ids=(opening.order_id,) if opening.order_id else (),
    )


def _level(tx: Transaction, kind: Kind, *, unit_id: str, on: date) -> timedelta:
    policy = policies.in_force(tx, kind=SERVICE_LEVEL, scopes=scopes_of([unit_id]), on=on)
    for one in policy.parameters.records("levels"):
        if one.text("kind") == kind:
            return timedelta(hours=one.integer("hours"))
    return LEVEL_UNSAID


def _living(tx: Transaction, case_id: str, by: Caller) -> ServiceCase:
    found = get(tx, case_id=case_id, by=by)
    found.require_living()
    return found


def _change(
    tx: Transaction, case_id: str, change: Callable[[ServiceCase], ServiceCase], *, by: Caller
) -> Outcome[ServiceCase]:
    """Lock a case, change it, and keep it."""
    before = storage.get(tx, case_id, lock=True)
    scope.require(tx, by, before.unit_id)
    after = change(before)
    storage.save(tx, after)
    return Outcome(after)
