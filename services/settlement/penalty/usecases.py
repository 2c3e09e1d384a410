"""What follows from a confirmed diversion: out of the rebate, a fine, and sales for the victim.

The partner's credit account is locked first, by the exclusion, as for all that moves its money.
"""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.policy.parameters import Parameters, Value
from chassis.scope import Caller
from settlement.award import usecases as awards
from settlement.award.domain import Granted
from settlement.award.domain import Kind as AwardKind
from settlement.ledger import usecases as ledger
from settlement.penalty import storage
from settlement.penalty.domain import Booked, Confirmed, DiversionPenalised, Penalty
from settlement.rebate import usecases as rebate

DIVERSION: Final = "diversion"


def penalise(tx: Transaction, *, case: Confirmed, zone: tzinfo) -> Outcome[None]:
    """Book what follows from a case, once.

    Errors: CreditAccountNotFound, PolicyNotFound.
    Source: R-210.
    """
    rules = policy.in_force(tx, kind=DIVERSION, scopes=[f"unit:{case.unit_id}", ""], on=case.day)
    penalty = Penalty(case, rules.parameters.decimal("fine_factor"), rules.policy_id)
    if not storage.add(tx, penalty):
        return Outcome(None)
    if not case.amount.amount_minor:
        return Outcome(None, facts=[DiversionPenalised(penalty)])
    rebate.exclude(
        tx,
        exclusion_id=penalty.exclusion_id,
        partner_id=case.partner_id,
        amount=case.amount,
        day=case.day,
        reason=f"diversion case {case.case_id}",
        order_id=case.order_id,
        product_id=case.product_id,
    )
    ledger.post(tx, penalty.moves())
    facts: list[object] = []
    if penalty.fine.amount_minor:
        [booked] = awards.book_granted(tx, [_granted(penalty)], zone=zone)
        facts += booked.facts
    return Outcome(None, facts=[*facts, *penalty.actuals(), DiversionPenalised(penalty)])


def get(tx: Transaction, *, case_id: str, by: Caller) -> Booked:
    """Return what followed from a case.

    Errors: DiversionPenaltyNotFound, OutOfScope.
    """
    found = storage.get(tx, case_id)
    scope.require(tx, by, found.penalty.case.unit_id)
    return found


def list_page(tx: Transaction, *, part: Page, by: Caller, partner_id: str) -> Slice[Booked]:
    """Return a page of the caller's penalties, by case."""
    return storage.page(tx, part, by=by, partner_id=partner_id)


def diversion_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with the rules: a factor below 0."""
    below = Parameters(values).decimal("fine_factor") < 0
    return ["parameters.fine_factor is below 0"] if below else []


def _granted(penalty: Penalty) -> Granted:
    case = penalty.case
    return Granted(
        award_id=penalty.award_id,
        partner_id=case.partner_id,
        unit_id=case.unit_id,
        amount=penalty.fine,
        reason=f"diversion of batch {case.batch}",
        actor=case.actor,
        at=case.at,
        kind=AwardKind.PENALTY,
    )
