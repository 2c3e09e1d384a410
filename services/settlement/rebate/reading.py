"""What is shown of rebate: a partner's year explained to the cent, the report, a proposal."""

from collections.abc import Sequence
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.policy import usecases as policy
from chassis.scope import Caller
from settlement.credit import usecases as credit
from settlement.rebate import batches, books, figures, rules, storage
from settlement.rebate.domain import BaseEntry, Rules
from settlement.rebate.statement import Proposal, Report, Statement

CHUNK_PARTNERS: Final = 2_000


def statement(tx: Transaction, *, partner_id: str, year: int, by: Caller) -> Statement:
    """Explain a partner's year.

    Errors: CreditAccountNotFound, OutOfScope, PolicyNotFound.
    Source: R-104.
    """
    account = credit.require(tx, partner_id=partner_id, by=by)
    code = account.limit.currency_code
    known = figures.partner(tx, partner_id=partner_id, year=year)
    lost = storage.forfeits(tx, partner_id=partner_id, year=year)
    line = next(
        (
            one
            for one, _, _ in books.settled(tx, [partner_id])
            if one.year == year and one.amount.currency_code == code
        ),
        None,
    )
    if line is not None:
        own, grade, kept = rules.of_version(tx, line.policy_id), line.credit_grade, line.kept_rate
    else:
        scopes = [*filter(None, [known.policy_scope]), *credit.scopes_of(account)]
        last_day = Month(year, 12).last_day
        own = rules.rules_of(policy.in_force(tx, kind=rules.KIND, scopes=scopes, on=last_day))
        grade = known.credit_grade
        kept = own.kept([one.cause for one in lost])
    sums = figures.sums_of(tx, partner_id=partner_id, year=year, currency_code=code)
    earned = own.earned(sums.base_minor, grade=grade, kept=kept)
    return Statement(
        partner_id=partner_id,
        year=year,
        currency_code=code,
        sums=sums,
        rules=own,
        credit_grade=grade,
        kept_rate=kept,
        parts=own.parts(sums.base_minor, grade=grade),
        rebate=Money(code, earned.rebate_minor),
        amount=Money(code, earned.amount_minor),
        target=known.target,
        forfeits=lost,
        accruals=figures.accruals(tx, partner_id=partner_id, year=year),
        settled=line,
        corrections=figures.corrections(tx, partner_id=partner_id, year=year),
        payments=figures.payments(tx, partner_id=partner_id, year=year),
        offsets=figures.offsets(tx, partner_id=partner_id, year=year, currency_code=code),
    )


def base_page(
    tx: Transaction, part: Page, *, partner_id: str, year: int, by: Caller
) -> Slice[BaseEntry]:
    """Return a page of the entries of a partner's base.

    Errors: CreditAccountNotFound, OutOfScope.
    """
    credit.require(tx, partner_id=partner_id, by=by)
    return figures.base_page(tx, part, partner_id=partner_id, year=year)


def report(tx: Transaction, *, year: int, unit_id: str, by: Caller) -> Report:
    """Say what rebate cost the partners' units in a year, beside the plan.

    Errors: OutOfScope, PolicyNotFound.
    Source: R-101, R-106.
    """
    scope.require(tx, by, unit_id)
    scopes = [f"unit:{unit_id}", ""]
    own = rules.rules_of(
        policy.in_force(tx, kind=rules.KIND, scopes=scopes, on=Month(year, 12).last_day)
    )
    units = storage.units_below(tx, unit_id)
    code = own.currency_code
    cost_minor, partners = figures.cost(tx, year=year, units=units, currency_code=code)
    return Report(
        year=year,
        unit_id=unit_id,
        currency_code=code,
        sums=figures.sums_below(tx, year=year, units=units, currency_code=code),
        cost=Money(code, cost_minor),
        paid=Money(code, figures.paid(tx, year=year, units=units, currency_code=code)),
        partner_count=partners,
        planned_rate=own.planned_rate,
    )


def proposal(tx: Transaction, *, policy_id: str, unit_id: str, by: Caller) -> Proposal:
    """Show a version of the rules beside last year's execution and what it would have cost then.

    Errors: OutOfScope, PolicyNotFound.
    Source: R-100.
    """
    scope.require(tx, by, unit_id)
    draft = rules.of_version(tx, policy_id)
    last_year = policy.get(tx, policy_id=policy_id).valid.start.year - 1
    last_day = Month(last_year, 12).last_day
    units = storage.units_below(tx, unit_id)
    before = rules.in_force(tx, on=last_day)
    amounts = _simulated(tx, rules.replaced(before, draft), year=last_year, units=units)
    code = draft.currency_code
    return Proposal(
        rules=draft,
        last_year=last_year,
        budget=_budget(before, draft.scope),
        paid=Money(code, figures.paid(tx, year=last_year, units=units, currency_code=code)),
        simulated=Money(code, sum(amounts)),
        partner_count=len(amounts),
    )


def _budget(before: Sequence[Rules], wanted: str) -> Money | None:
    for one in before:
        if one.scope == wanted and one.budget_minor is not None:
            return Money(one.currency_code, one.budget_minor)
    return None


def _simulated(
    tx: Transaction, known: Sequence[Rules], *, year: int, units: Sequence[str]
) -> list[int]:
    """Return what each partner that gets something would get."""
    amounts: list[int] = []
    after, more = "", True
    while more:
        part, more = batches.next_range(tx, year=year, after=after, partners=CHUNK_PARTNERS)
        if part is None:
            break
        found = batches.simulate(tx, part, known, units=units, again=True)
        amounts += [one.amount_minor for one in found if one.amount_minor]
        after = part.last
    return amounts
