"""The yearly ranking: who bought most among its kind gets an award, which settlement books."""

from datetime import date, datetime

from channels.maintenance import storage
from channels.maintenance.domain import (
    Award,
    AwardGranted,
    AwardsGranted,
    Granted,
    Ranked,
    best_of,
)
from channels.partner import usecases as partners
from channels.partner.domain import Kind
from channels.policy_kinds import PARTNER_AWARD
from channels.turnover import usecases as turnover
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.scope import Caller

RANKED_MAX = 100_000


def grant(
    tx: Transaction,
    *,
    unit_id: str,
    year: int,
    kind: Kind,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Granted]:
    """Rank the partners of a kind and grant the best their awards.

    Shape: a share of all that order, also of those who bought nothing.
    Errors: OutOfScope, PolicyNotFound, AwardsGranted.
    Source: R-078.
    """
    scope.require(tx, by, unit_id)
    values = policy.in_force(
        tx, kind=PARTNER_AWARD, scopes=[f"unit:{unit_id}", ""], on=today
    ).parameters
    found = partners.ordering_of(
        tx, unit_id=unit_id, after="", limit=RANKED_MAX, kinds=[kind], lock=False
    )
    figures = turnover.years_of(tx, [one.partner_id for one in found], year=year, on=today)
    ranked = [
        Ranked(one.partner_id, one.unit_id, bought)
        for one in found
        if (bought := figures[one.partner_id].purchases) is not None
    ]
    best = best_of(ranked, share=values.decimal("share"), of=len(found))
    amounts, currency_code = values.integers("amounts_minor"), values.text("currency_code")
    awards = tuple(
        Award(
            award_id=new_id(),
            partner_id=one.partner_id,
            unit_id=one.unit_id,
            kind=kind,
            year=year,
            rank=rank,
            purchases=one.purchases,
            amount=Money(currency_code, amounts[min(rank, len(amounts)) - 1]),
            grant_time=at,
        )
        for rank, one in enumerate(best, start=1)
    )
    if not storage.add_awards(tx, awards, ranked_unit_id=unit_id):
        raise AwardsGranted(unit_id, year, kind)
    facts = [AwardGranted(one, today.isoformat()) for one in awards]
    return Outcome(Granted(awards, len(found)), facts=facts)


def list_page(tx: Transaction, *, part: Page, by: Caller, year: int) -> Slice[Award]:
    """Return a page of the caller's awards by id."""
    return storage.award_page(tx, part, by=by, year=year)
