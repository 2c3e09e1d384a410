"""How commission stands in the ledger: the moves of an entry, and the actual amounts told of."""

from datetime import datetime
from typing import Final

from chassis.ids import derived_id
from settlement.commission.domain import Entry, Reversal, State
from settlement.ledger.domain import (
    AccountCode,
    AccountRef,
    ActualKind,
    ActualPosted,
    Move,
    Reason,
    unit_account,
)

SUBJECT: Final = "commission"


def accrual(entry: Entry) -> Move:
    """Make an expense of what was earned, owed to the partner one day."""
    return Move(
        derived_id(entry.entry_id, "accrue", 0),
        _expense(entry),
        owed(entry, AccountCode.COMMISSION_ACCRUED),
        entry.amount,
        Reason("commission_accrued", SUBJECT, entry.entry_id, entry.accrue_date, entry.accrue_time),
    )


def confirmation(entry: Entry, reason: Reason) -> Move:
    """Let what still stands be payable."""
    return Move(
        derived_id(entry.entry_id, "confirm", 0),
        owed(entry, AccountCode.COMMISSION_ACCRUED),
        owed(entry, AccountCode.COMMISSION_PAYABLE),
        entry.left,
        reason,
    )


def inverse(reversal: Reversal, before: State, *, at: datetime) -> Move:
    """Take an amount back from where it stands: the exact inverse of its postings."""
    entry = reversal.entry
    accrued = before is State.ACCRUED
    code = AccountCode.COMMISSION_ACCRUED if accrued else AccountCode.COMMISSION_PAYABLE
    reason = Reason("commission_reversed", SUBJECT, entry.entry_id, reversal.reverse_date, at)
    return Move(reversal.reversal_id, owed(entry, code), _expense(entry), reversal.amount, reason)


def actual(entry: Entry, move: Move, *, reversal: bool) -> ActualPosted:
    """Tell what was spent, or what of it was taken back."""
    return ActualPosted(
        kind=ActualKind.COMMISSION,
        amount=move.amount,
        reversal=reversal,
        transfer_id=move.transfer_id,
        post_date=move.reason.post_date,
        order_id=entry.order_id,
        partner_id=entry.partner_id,
        unit_id=entry.unit_id,
        campaign_id=entry.campaign_id,
        product_id=entry.earning.product_id,
    )


def owed(entry: Entry, code: AccountCode) -> AccountRef:
    """Name the account on which an entry is owed to its partner."""
    return AccountRef(code, entry.partner_id, entry.unit_id, entry.amount.currency_code)


def _expense(entry: Entry) -> AccountRef:
    return unit_account(AccountCode.COMMISSION_EXPENSE, entry.unit_id, entry.amount.currency_code)
