"""What finance does with a partner's credit: block it, and let it be used again."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.scope import Caller
from settlement.credit import storage, usecases
from settlement.credit.domain import AccountBlocked, AccountReleased, BlockCause, Position


def block(
    tx: Transaction, *, partner_id: str, why: str, by: Caller, at: datetime, today: date
) -> Outcome[Position]:
    """Let nothing more be reserved for a partner.

    Errors: CreditAccountNotFound, OutOfScope.
    """
    known = usecases.require(tx, partner_id=partner_id, by=by, lock=True)
    changed = replace(known, blocked=True, block_reason=why)
    storage.save(tx, changed)
    fact = AccountBlocked(partner_id, BlockCause.MANUAL, today, why)
    return Outcome(usecases.position_of(tx, changed, at=at), facts=[] if known.blocked else [fact])


def unblock(
    tx: Transaction, *, partner_id: str, by: Caller, at: datetime, today: date
) -> Outcome[Position]:
    """Let a partner's limit be used again, also when it has not paid in time.

    Shape: what is overdue beyond its grace by today is forgiven and does not block again; what gets
        there later does.
    Errors: CreditAccountNotFound, OutOfScope.
    Source: R-085.
    """
    known = usecases.require(tx, partner_id=partner_id, by=by, lock=True)
    changed = replace(known, blocked=False, block_reason="", overdue_since=None)
    if known.overdue_since is not None:
        grace = usecases.grace_days(tx, known, on=today) or 0
        changed = replace(changed, waived_due_date=today - timedelta(days=grace + 1))
    storage.save(tx, changed)
    facts = [AccountReleased(partner_id, today)] if known.is_closed else []
    return Outcome(usecases.position_of(tx, changed, at=at), facts=facts)
