"""Accounts and transfers as values: who holds what, which side is which, what may be posted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from chassis.money import Money


class AccountCode(StrEnum):
    """What an account is for; the first part of its id."""

    RECEIVABLE = "receivable"
    ADVANCE = "advance"
    COMMISSION_ACCRUED = "commission_accrued"
    COMMISSION_PAYABLE = "commission_payable"
    CASH = "cash"
    REVENUE = "revenue"
    COMMISSION_EXPENSE = "commission_expense"
    OPENING = "opening"
    REBATE_ACCRUED = "rebate_accrued"
    REBATE_PAYABLE = "rebate_payable"
    REBATE_EXPENSE = "rebate_expense"
    BILLS_RECEIVABLE = "bills_receivable"
    SELLING_EXPENSE = "selling_expense"
    SERVICE_EXPENSE = "service_expense"
    EXPENSE_PAYABLE = "expense_payable"
    PENALTY_INCOME = "penalty_income"
    PENALTY_RECEIVABLE = "penalty_receivable"
    AWARD_EXPENSE = "award_expense"
    AWARD_PAYABLE = "award_payable"
    REVENUE_SHARE_EXPENSE = "revenue_share_expense"
    REVENUE_SHARE_PAYABLE = "revenue_share_payable"
    CLEARING = "clearing"


DEBIT_CODES: Final = frozenset(
    {
        AccountCode.RECEIVABLE,
        AccountCode.CASH,
        AccountCode.COMMISSION_EXPENSE,
        AccountCode.REBATE_EXPENSE,
        AccountCode.BILLS_RECEIVABLE,
        AccountCode.SELLING_EXPENSE,
        AccountCode.SERVICE_EXPENSE,
        AccountCode.PENALTY_RECEIVABLE,
        AccountCode.AWARD_EXPENSE,
        AccountCode.REVENUE_SHARE_EXPENSE,
        AccountCode.CLEARING,
    }
)
# What decides, beside reservations, how much of a partner's limit is left.
CREDIT_CODES: Final = frozenset({AccountCode.RECEIVABLE, AccountCode.ADVANCE})
PARTNER_CODES: Final = (
    AccountCode.RECEIVABLE,
    AccountCode.ADVANCE,
    AccountCode.COMMISSION_ACCRUED,
    AccountCode.COMMISSION_PAYABLE,
    AccountCode.REBATE_ACCRUED,
    AccountCode.REBATE_PAYABLE,
    AccountCode.BILLS_RECEIVABLE,
    AccountCode.PENALTY_RECEIVABLE,
    AccountCode.AWARD_PAYABLE,
)
# Opened by what owes them, so that a posting by hand needs an account that is there.
HOLDER_CODES: Final = frozenset({*PARTNER_CODES, AccountCode.REVENUE_SHARE_PAYABLE})


class Kind(StrEnum):
    """What a transfer does."""

    POSTED = "POSTED"
    PENDING = "PENDING"
    POST_PENDING = "POST_PENDING"
    VOID_PENDING = "VOID_PENDING"


MOVING: Final = frozenset({Kind.POSTED, Kind.POST_PENDING})


class AccountNotFound(NotFound):
    """No account has this id, and it does not name one that can be opened by itself."""

    reason = "ACCOUNT_NOT_FOUND"

    def __init__(self, account_id: str) -> None:
        """Name the account."""
        super().__init__(f"there is no account {account_id}", accountId=account_id)


class AccountCurrencyDiffers(InvalidArgument):
    """An account keeps another currency than the transfer has."""

    reason = "ACCOUNT_CURRENCY_DIFFERS"

    def __init__(self, account_id: str, currency_code: str) -> None:
        """Name the account and the transfer's currency."""
        super().__init__(
            f"account {account_id} does not keep {currency_code}",
            accountId=account_id,
            currencyCode=currency_code,
        )


class TransferExists(AlreadyExists):
    """A transfer has this id already."""

    reason = "TRANSFER_EXISTS"

    def __init__(self, transfer_id: str) -> None:
        """Name the transfer."""
        super().__init__(f"there is a transfer {transfer_id} already", transferId=transfer_id)


class PendingTransferNotFound(NotFound):
    """No pending transfer has this id."""

    reason = "PENDING_TRANSFER_NOT_FOUND"

    def __init__(self, transfer_id: str) -> None:
        """Name the transfer."""
        super().__init__(f"there is no pending transfer {transfer_id}", transferId=transfer_id)


class PendingTransferResolved(FailedPrecondition):
    """The pending transfer was posted or voided already."""

    reason = "PENDING_TRANSFER_RESOLVED"

    def __init__(self, transfer_id: str) -> None:
        """Name the transfer."""
        super().__init__(f"transfer {transfer_id} is resolved already", transferId=transfer_id)


class PendingTransferExpired(FailedPrecondition):
    """The pending transfer waited longer than it may."""

    reason = "PENDING_TRANSFER_EXPIRED"

    def __init__(self, transfer_id: str, expire_time: datetime) -> None:
        """Name the transfer and when it expired."""
        super().__init__(
            f"transfer {transfer_id} expired at {expire_time.isoformat()}",
            transferId=transfer_id,
            expireTime=expire_time.isoformat(),
        )


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Name an account by what makes it: code, holder and currency; `unit_id` is its scope."""

    code: AccountCode
    holder_id: str
    unit_id: str
    currency_code: str

    @property
    def account_id(self) -> str:
        """Return the id, such as `receivable:D1:CNY`."""
        return f"{self.code}:{self.holder_id}:{self.currency_code}"


def unit_account(code: AccountCode, unit_id: str, currency_code: str) -> AccountRef:
    """Name an account that a unit holds."""
    return AccountRef(code, unit_id, unit_id, currency_code)


def unit_account_of(account_id: str) -> AccountRef:
    """Read the id of an account that a unit holds, which its first transfer opens.

    Errors: AccountNotFound for an account of a partner or a participant, or a code that is none.
    """
    code, holder_id, currency_code = account_id.split(":")
    if code not in set(AccountCode) - HOLDER_CODES:
        raise AccountNotFound(account_id)
    return unit_account(AccountCode(code), holder_id, currency_code)


@dataclass(frozen=True, slots=True)
class Account:
    """Hold an account with its sums.

    Units: minor units of the account's currency; each of the four sums is 0 or more.
    """

    ref: AccountRef
    debits_minor: int = 0
    credits_minor: int = 0
    pending_debits_minor: int = 0
    pending_credits_minor: int = 0

    def money(self, amount_minor: int) -> Money:
        """Give an amount in the account's currency."""
        return Money(self.ref.currency_code, amount_minor)

    @property
    def balance(self) -> Money:
        """Return the balance on the side on which the account usually stands."""
        difference = self.debits_minor - self.credits_minor
        return self.money(difference if self.ref.code in DEBIT_CODES else -difference)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hold a movement of an amount from one account to another.

    Shape: `occur_date` is the day of its reason when that day's month was closed, so that it counts
        for another; else it is `post_date` and not kept twice.
    """

    transfer_id: str
    kind: Kind
    debit_account_id: str
    credit_account_id: str
    amount: Money
    post_date: date
    purpose: str
    record_time: datetime
    subject_kind: str = ""
    subject_id: str = ""
    memo: str = ""
    pending_transfer_id: str | None = None
    expire_time: datetime | None = None
    sequence: int = 0
    occur_date: date | None = None

    def resolve(self, wish: "Wish", *, resolved: bool, post_date: date, at: datetime) -> "Transfer":
        """Post or void this pending transfer, once and before it expires.

        Errors: PendingTransferNotFound, PendingTransferResolved, PendingTransferExpired.
        """
        if self.kind is not Kind.PENDING:
            raise PendingTransferNotFound(self.transfer_id)
        if resolved:
            raise PendingTransferResolved(self.transfer_id)
        is_late = self.expire_time is not None and self.expire_time <= at
        if is_late and wish.kind is Kind.POST_PENDING and self.expire_time is not None:
            raise PendingTransferExpired(self.transfer_id, self.expire_time)
        return replace(
            self,
            transfer_id=wish.transfer_id,
            kind=wish.kind,
            post_date=post_date,
            record_time=at,
            memo=wish.memo,
            pending_transfer_id=self.transfer_id,
            expire_time=None,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """Hold a transfer that somebody asks for by hand.

    Shape: accounts and amount are empty when the transfer resolves a pending one; no day means
        today.
    """

    transfer_id: str
    kind: Kind
    debit_account_id: str = ""
    credit_account_id: str = ""
    amount: Money | None = None
    pending_transfer_id: str = ""
    expire_time: datetime | None = None
    memo: str = ""
    post_date: date | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Say why transfers are made and for which day they count."""

    purpose: str
    subject_kind: str
    subject_id: str
    post_date: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """Ask for an amount to be debited to one account and credited to another.

    Shape: a PENDING one moves nothing before another, with its id in `pending_transfer_id`, posts
        or voids it; who asks for that knows that nobody did before.
    """

    transfer_id: str
    debit: AccountRef
    credit: AccountRef
    amount: Money
    reason: Reason
    kind: Kind = Kind.POSTED
    pending_transfer_id: str | None = None

    def transfer(self) -> Transfer:
        """Make the transfer.

        Errors: AccountCurrencyDiffers.
        """
        check_currency([self.debit, self.credit], self.amount)
        return Transfer(
            transfer_id=self.transfer_id,
            kind=self.kind,
            debit_account_id=self.debit.account_id,
            credit_account_id=self.credit.account_id,
            amount=self.amount,
            post_date=self.reason.post_date,
            purpose=self.reason.purpose,
            record_time=self.reason.at,
            subject_kind=self.reason.subject_kind,
            subject_id=self.reason.subject_id,
            pending_transfer_id=self.pending_transfer_id,
        )


def check_currency(refs: Iterable[AccountRef], amount: Money) -> None:
    """Refuse an amount that one of the accounts cannot keep.

    Errors: AccountCurrencyDiffers.
    """
    for ref in refs:
        if ref.currency_code != amount.currency_code:
            raise AccountCurrencyDiffers(ref.account_id, amount.currency_code)


def sums(transfers: Sequence[Transfer]) -> Mapping[tuple[str, date], tuple[int, int]]:
    """Sum what moving transfers debit and credit by account and day.

    Shape: (account id, day) → (debits, credits), accounts that nothing moves left out.
    """
    found: dict[tuple[str, date], tuple[int, int]] = {}
    for transfer in transfers:
        if transfer.kind in MOVING:
            amount_minor, day = transfer.amount.amount_minor, transfer.post_date
            debits, credits_ = found.get((transfer.debit_account_id, day), (0, 0))
            found[transfer.debit_account_id, day] = (debits + amount_minor, credits_)
            debits, credits_ = found.get((transfer.credit_account_id, day), (0, 0))
            found[transfer.credit_account_id, day] = (debits, credits_ + amount_minor)
    return found


class ActualKind(StrEnum):
    """What an actual amount is."""

    REVENUE = "REVENUE"
    COMMISSION = "COMMISSION"


@dataclass(frozen=True, slots=True)
class ActualPosted:
    """Money was earned or spent, or an earlier posting of it was taken back."""

    kind: ActualKind
    amount: Money
    reversal: bool
    transfer_id: str
    post_date: date
    order_id: str
    partner_id: str
    unit_id: str
    campaign_id: str
    product_id: str = ""
    quantity: int = 0
