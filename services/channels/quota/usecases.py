"""Keep the copies of monthly plans and of the year's targets, and look them up."""

from collections.abc import Collection

from channels.quota import storage
from channels.quota.domain import Quotas, Targets
from chassis import scope
from chassis.database import Later, Transaction
from chassis.outcome import Outcome
from chassis.paging import Page
from chassis.period import Month
from chassis.scope import Caller


def take_over(
    tx: Transaction, *, unit_id: str, month: str, plan_version: int, quotas: Quotas
) -> Outcome[None]:
    """Take a plan over; an older version never replaces a newer one.

    Source: R-040.
    """
    storage.replace(tx, unit_id=unit_id, month=month, plan_version=plan_version, quotas=quotas)
    return Outcome(None)


def planned(
    tx: Transaction, wanted: Collection[tuple[str, Month]]
) -> Later[dict[tuple[str, str], dict[str, int]]]:
    """Return the pieces of each product planned for partners in a month.

    Shape: (partner, month such as 2026-03) → product → pieces; a partner without a plan is missing.
    """
    return storage.planned(tx, {(partner_id, str(month)) for partner_id, month in wanted})


def take_over_targets(tx: Transaction, told: Targets) -> Outcome[None]:
    """Take a year's targets over; an older version never replaces a newer one.

    Source: R-040.
    """
    storage.replace_targets(tx, told)
    return Outcome(None)


def targets(tx: Transaction, part: Page, *, unit_id: str, fiscal_year: int, by: Caller) -> Targets:
    """Return a page of the targets of a unit's plan of a year.

    Errors: OutOfScope, SalesTargetsNotFound, PageTokenInvalid.
    """
    scope.require(tx, by, unit_id)
    return storage.targets(tx, part, unit_id=unit_id, fiscal_year=fiscal_year)
