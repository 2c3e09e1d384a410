"""The ledger's values as messages, and which of its facts becomes which event."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from mantle.settlement.v1 import events_pb2
from mantle.settlement.v1 import ledger_pb2 as pb
from mantle.settlement.v1 import ledger_service_pb2 as service_pb

from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.period import parse_date
from chassis.wire import from_money, from_time, to_money, to_time
from settlement.ledger.blocks import Block, Damage, Verdict
from settlement.ledger.domain import (
    Account,
    AccountCode,
    ActualKind,
    ActualPosted,
    Kind,
    Transfer,
    Wish,
)
from settlement.ledger.periods import TrialLine

_CODES: Final = {code: pb.AccountCode.Value(f"ACCOUNT_CODE_{code.name}") for code in AccountCode}
_KINDS: Final = {kind: pb.Transfer.Kind.Value(f"KIND_{kind}") for kind in Kind}
_KINDS_READ: Final = {number: kind for kind, number in _KINDS.items()}
_DAMAGES: Final = {
    damage: service_pb.VerifyLedgerResponse.Damage.Value(f"DAMAGE_{damage}") for damage in Damage
}
_ACTUAL_KINDS: Final = {
    kind: events_pb2.ActualPosted.Kind.Value(f"KIND_{kind}") for kind in ActualKind
}


def wishes(request: service_pb.PostTransfersRequest) -> list[Wish]:
    """Read the transfers that are asked for.

    Errors: InvalidArgument for a time that no calendar has; PeriodInvalid for such a day.
    """
    return [
        Wish(
            transfer_id=one.transfer_id.lower(),
            kind=_KINDS_READ[one.kind],
            debit_account_id=one.debit_account_id,
            credit_account_id=one.credit_account_id,
            amount=to_money(one.amount) if one.HasField("amount") else None,
            pending_transfer_id=one.pending_transfer_id.lower(),
            expire_time=to_time(one.expire_time, f"transfers[{number}].expire_time")
            if one.HasField("expire_time")
            else None,
            memo=one.memo,
            post_date=day(one.post_date),
        )
        for number, one in enumerate(request.transfers)
    ]


def day(text: str) -> date | None:
    """Read a date that may be absent.

    Errors: PeriodInvalid.
    """
    return parse_date(text) if text else None


def posted(transfers: Sequence[Transfer]) -> service_pb.PostTransfersResponse:
    """Answer with the transfers that were written."""
    return service_pb.PostTransfersResponse(transfers=map(transfer_message, transfers))


def got_account(account: Account) -> service_pb.GetAccountResponse:
    """Answer with an account."""
    return service_pb.GetAccountResponse(account=account_message(account))


def listed(found: Slice[Transfer]) -> service_pb.ListTransfersResponse:
    """Answer with a page of transfers."""
    return service_pb.ListTransfersResponse(
        transfers=map(transfer_message, found.items), next_page_token=found.next_page_token
    )


def trial_balance(lines: Sequence[TrialLine]) -> service_pb.GetTrialBalanceResponse:
    """Answer with the sums by code."""
    return service_pb.GetTrialBalanceResponse(
        lines=[
            service_pb.TrialBalanceLine(
                code=_CODES[line.code],
                debits=from_money(line.debits),
                credits=from_money(line.credits),
            )
            for line in lines
        ]
    )


def verified(found: Verdict) -> service_pb.VerifyLedgerResponse:
    """Answer with how far the chain is whole."""
    broken = found.broken
    return service_pb.VerifyLedgerResponse(
        checked_count=found.checked_count,
        last=block_message(found.last) if found.last else None,
        broken=block_message(broken.block) if broken else None,
        damage=_DAMAGES[broken.damage] if broken else None,
        next_block_number=found.following,
    )


def block_message(block: Block) -> pb.LedgerBlock:
    """Write a block."""
    return pb.LedgerBlock(
        block_number=block.block_number,
        first_sequence=block.first_sequence,
        last_sequence=block.last_sequence,
        transfer_count=block.transfer_count,
        hash=block.hash.hex(),
        previous_hash=block.previous_hash.hex(),
        seal_time=from_time(block.seal_time),
    )


def account_code(code: AccountCode) -> pb.AccountCode.ValueType:
    """Write what an account is for."""
    return _CODES[code]


def account_message(account: Account) -> pb.Account:
    """Write an account."""
    return pb.Account(
        account_id=account.ref.account_id,
        code=_CODES[account.ref.code],
        holder_id=account.ref.holder_id,
        unit_id=account.ref.unit_id,
        debits=from_money(account.money(account.debits_minor)),
        credits=from_money(account.money(account.credits_minor)),
        pending_debits=from_money(account.money(account.pending_debits_minor)),
        pending_credits=from_money(account.money(account.pending_credits_minor)),
        balance=from_money(account.balance),
    )


def transfer_message(transfer: Transfer) -> pb.Transfer:
    """Write a transfer."""
    return pb.Transfer(
        transfer_id=transfer.transfer_id,
        kind=_KINDS[transfer.kind],
        debit_account_id=transfer.debit_account_id,
        credit_account_id=transfer.credit_account_id,
        amount=from_money(transfer.amount),
        pending_transfer_id=transfer.pending_transfer_id or "",
        expire_time=from_time(transfer.expire_time) if transfer.expire_time else None,
        post_date=transfer.post_date.isoformat(),
        purpose=transfer.purpose,
        subject_kind=transfer.subject_kind,
        subject_id=transfer.subject_id,
        memo=transfer.memo,
        record_time=from_time(transfer.record_time),
        sequence=transfer.sequence,
        occur_date=transfer.occur_date.isoformat() if transfer.occur_date else None,
    )


def order_key(order_id: str) -> str:
    """Return the ordering key of all facts about an order."""
    return f"order/{order_id}"


def actual_posted(fact: ActualPosted) -> EventDraft:
    """Write the fact that money was earned or spent."""
    message = events_pb2.ActualPosted(
        campaign_id=fact.campaign_id,
        product_id=fact.product_id,
        unit_id=fact.unit_id,
        kind=_ACTUAL_KINDS[fact.kind],
        amount=from_money(fact.amount),
        reversal=fact.reversal,
        order_id=fact.order_id,
        transfer_id=fact.transfer_id,
        post_date=fact.post_date.isoformat(),
        partner_id=fact.partner_id,
        quantity=fact.quantity,
    )
    return EventDraft(message, order_key(fact.order_id))


FACTS: Final[FactTable] = {ActualPosted: actual_posted}
