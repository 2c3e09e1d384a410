"""What is done with the ledger: other capabilities post, finance posts by hand, many read."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from chassis import scope
from chassis.database import Transaction, together
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller
from settlement.ledger import balance_storage, storage
from settlement.ledger.domain import (
    CREDIT_CODES,
    PARTNER_CODES,
    Account,
    AccountNotFound,
    AccountRef,
    Kind,
    Move,
    PendingTransferNotFound,
    Transfer,
    TransferExists,
    Wish,
    check_currency,
    unit_account_of,
)
from settlement.ledger.periods import TrialLine, check_day

BY_HAND: Final = "manual"


def post(tx: Transaction, moves: Sequence[Move]) -> None:
    """Write the moves of a use case in its transaction; accounts that are missing are opened.

    Errors: AccountCurrencyDiffers, TransferExists.
    """
    post_all(tx, [moves])


def post_all(tx: Transaction, transactions: Iterable[Sequence[Move]]) -> None:
    """Write the moves of many use cases, all or none, as if one posted after the other.

    Shape: as many statements as for one of them. Every account is locked once, in one order, so
        that two who post many do not wait for each other in a circle.
    Errors: AccountCurrencyDiffers, TransferExists.
    """
    moves = [move for transaction in transactions for move in transaction]
    if not moves:
        return
    transfers = [move.transfer() for move in moves]
    with together(tx):
        storage.open_accounts(tx, (ref for move in moves for ref in (move.debit, move.credit)))
        storage.lock_accounts(
            tx, {one for move in moves for one in (move.debit.account_id, move.credit.account_id)}
        )
        _write(tx, transfers)


def take_turn(tx: Transaction) -> None:
    """Wait until nobody else applies a stretch of facts.

    Shape: a use case locks a partner's credit and then the ledger. A stretch is many of them in one
        transaction: it comes back to credit while it holds the ledger, so two of them would wait
        for each other in a circle. They meet over the units' accounts in any case.
    """
    storage.take_turn(tx)


def open_partner_accounts(
    tx: Transaction, *, partner_id: str, unit_id: str, currency_code: str
) -> None:
    """Open the accounts that a partner has with us."""
    storage.open_accounts(
        tx, (AccountRef(code, partner_id, unit_id, currency_code) for code in PARTNER_CODES)
    )


def post_by_hand(
    tx: Transaction,
    *,
    wishes: Sequence[Wish],
    lock_credit: Callable[[Transaction, str], None],
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[list[Transfer]]:
    """Write the transfers that finance asks for, all or none.

    Shape: `lock_credit` locks the credit of a partner whose limit the transfers use up; credit
        stands on the ledger, so the ledger cannot know it.
    Errors: AccountNotFound, AccountCurrencyDiffers, TransferExists, PendingTransferNotFound,
        PendingTransferResolved, PendingTransferExpired, PeriodClosed, PostDateInFuture, OutOfScope.
    """
    pending = _pending(tx, wishes)
    named = {one for wish in wishes for one in _accounts_of(wish, pending)}
    for partner_id in _debtors(tx, named):
        lock_credit(tx, partner_id)
    refs = _opened(tx, named, by=by)
    for wish in wishes:
        if wish.amount is not None:
            check_currency([refs[wish.debit_account_id], refs[wish.credit_account_id]], wish.amount)
    storage.lock_accounts(tx, named)
    open_from = balance_storage.open_from(tx)
    for wish in wishes:
        check_day(wish.post_date or today, today=today, open_from=open_from)
    done = storage.resolved(tx, pending)
    transfers = [
        pending[wish.pending_transfer_id].resolve(
            wish,
            resolved=wish.pending_transfer_id in done,
            post_date=wish.post_date or today,
            at=at,
        )
        if wish.pending_transfer_id
        else _by_hand(wish, at=at, today=today)
        for wish in wishes
    ]
    places = _write(tx, transfers)
    return Outcome([replace(one, sequence=places[one.transfer_id]) for one in transfers])


def get_account(
    tx: Transaction, *, account_id: str, by: Caller, at: datetime, as_of: date | None = None
) -> Account:
    """Return an account with its sums, now or at the end of a day.

    Errors: AccountNotFound, OutOfScope.
    """
    found = _account(tx, account_id, by=by)
    if as_of is not None:
        debits, credits_ = balance_storage.sums_until(tx, account_id, as_of)
        return replace(found, debits_minor=debits, credits_minor=credits_)
    debits, credits_ = storage.pending_sums(tx, account_id, at=at)
    return replace(found, pending_debits_minor=debits, pending_credits_minor=credits_)


def balances(tx: Transaction, refs: Iterable[AccountRef]) -> list[Account]:
    """Return accounts as they are now, in the order asked for; one that is not open has no sums."""
    wanted = list(refs)
    found = storage.find_accounts(tx, [ref.account_id for ref in wanted])
    return [found.get(ref.account_id, Account(ref)) for ref in wanted]


def list_transfers(
    tx: Transaction,
    part: Page,
    *,
    account_id: str,
    by: Caller,
    start: date | None = None,
    until: date | None = None,
) -> Slice[Transfer]:
    """Return a page of an account's transfers by day, those of a day in the order of the ledger.

    Errors: AccountNotFound, OutOfScope.
    """
    _account(tx, account_id, by=by)
    return storage.page(tx, part, account_id=account_id, start=start, until=until)


def moved(
    tx: Transaction, part: Page, groups: Sequence[Collection[str]], *, start: date, end: date
) -> Slice[Transfer]:
    """Return a page of the posted transfers that touch groups of accounts, from one day up to and
    without another, by day and place; those within a group are left out."""
    return storage.moved(tx, part, groups, start=start, end=end)


def sums_before(tx: Transaction, account_id: str, day: date) -> tuple[int, int]:
    """Sum the posted debits and credits of an account up to and without a day."""
    if day == date.min:
        return 0, 0
    return balance_storage.sums_until(tx, account_id, day - timedelta(days=1))


def trial_balance(tx: Transaction, *, by: Caller, as_of: date | None = None) -> list[TrialLine]:
    """Sum the accounts in the caller's scope by currency and code."""
    units = scope.units_of(by)
    if as_of is None:
        return storage.trial(tx, units=units)
    return balance_storage.trial_until(tx, as_of, units=units)


def _write(tx: Transaction, transfers: Sequence[Transfer]) -> Mapping[str, int]:
    """Insert transfers whose accounts are locked, move the accounts' sums, and return the place of
    each in the ledger."""
    places = storage.add(tx, transfers)
    if len(places) < len(transfers):
        # The accounts are locked, so only the id can have been used by somebody else.
        raise TransferExists(_used_before(transfers, places))
    return places


def _used_before(transfers: Sequence[Transfer], places: Mapping[str, int]) -> str:
    """Return the first id that was used before, by somebody else or by a transfer before it."""
    seen: set[str] = set()
    for transfer in transfers:
        if transfer.transfer_id not in places or transfer.transfer_id in seen:
            break
        seen.add(transfer.transfer_id)
    return transfer.transfer_id


def _pending(tx: Transaction, wishes: Sequence[Wish]) -> Mapping[str, Transfer]:
    """Return what is to be resolved; what a bill or another capability made is resolved there."""
    wanted = {wish.pending_transfer_id for wish in wishes if wish.pending_transfer_id}
    found = {
        one: transfer
        for one, transfer in storage.find_transfers(tx, wanted).items()
        if transfer.purpose == BY_HAND
    }
    for transfer_id in sorted(wanted - found.keys()):
        raise PendingTransferNotFound(transfer_id)
    return found


def _accounts_of(wish: Wish, pending: Mapping[str, Transfer]) -> tuple[str, str]:
    source = pending[wish.pending_transfer_id] if wish.pending_transfer_id else wish
    return source.debit_account_id, source.credit_account_id


def _debtors(tx: Transaction, account_ids: Collection[str]) -> list[str]:
    """Return the partners whose limits some accounts count against, in the order of locks."""
    found = storage.find_accounts(tx, account_ids).values()
    return sorted({one.ref.holder_id for one in found if one.ref.code in CREDIT_CODES})


def _opened(tx: Transaction, account_ids: Collection[str], *, by: Caller) -> dict[str, AccountRef]:
    """Return the accounts inside the caller's scope, those of units opened when they are new."""
    refs = {one: account.ref for one, account in storage.find_accounts(tx, account_ids).items()}
    new = {one: unit_account_of(one) for one in sorted(set(account_ids) - refs.keys())}
    refs |= new
    for ref in sorted(refs.values(), key=lambda ref: ref.account_id):
        scope.require(tx, by, ref.unit_id)
    storage.open_accounts(tx, new.values())
    return refs


def _by_hand(wish: Wish, *, at: datetime, today: date) -> Transfer:
    assert wish.amount is not None and wish.kind in (Kind.POSTED, Kind.PENDING)
    return Transfer(
        transfer_id=wish.transfer_id,
        kind=wish.kind,
        debit_account_id=wish.debit_account_id,
        credit_account_id=wish.credit_account_id,
        amount=wish.amount,
        post_date=wish.post_date or today,
        purpose=BY_HAND,
        record_time=at,
        memo=wish.memo,
        expire_time=wish.expire_time,
    )


def _account(tx: Transaction, account_id: str, *, by: Caller) -> Account:
    found = storage.find_accounts(tx, [account_id]).get(account_id)
    if found is None:
        raise AccountNotFound(account_id)
    scope.require(tx, by, found.ref.unit_id)
    return found
