"""Keep the copy of the monthly plans, and look quotas up."""

from channels.quota import storage
from channels.quota.storage import Quotas
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.period import Month


def take_over(
    tx: Transaction, *, unit_id: str, month: str, plan_version: int, quotas: Quotas
) -> Outcome[None]:
    """Take a plan over; an older version never replaces a newer one.

    Source: R-040.
    """
    storage.replace(tx, unit_id=unit_id, month=month, plan_version=plan_version, quotas=quotas)
    return Outcome(None)


def planned(tx: Transaction, *, partner_id: str, month: Month) -> dict[str, int]:
    """Return the pieces of each product planned for a partner; empty when there is no plan."""
    return storage.planned(tx, partner_id=partner_id, month=str(month))
