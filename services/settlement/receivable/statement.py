"""What moved between the company and a partner within a month, read from the ledger; `usecases`
alone uses it."""

from collections.abc import Collection, Sequence
from datetime import date

from chassis.database import Transaction
from chassis.money import Money
from chassis.paging import Page
from chassis.period import Month
from chassis.scope import Caller
from settlement.credit import usecases as limits
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Transfer
from settlement.receivable.sections import Movement, Section, Statement, StatementLine, lines_of

TRADE = (AccountCode.RECEIVABLE, AccountCode.ADVANCE)
COMMISSION = (AccountCode.COMMISSION_ACCRUED, AccountCode.COMMISSION_PAYABLE)


def partner_statement(
    tx: Transaction, part: Page, *, partner_id: str, month: Month, by: Caller
) -> Statement:
    """Read from the ledger what moved between the company and a partner within a month, a page of
    movements at a time.

    Errors: CreditAccountNotFound, OutOfScope, PageTokenInvalid.
    """
    account = limits.require(tx, partner_id=partner_id, by=by)
    currency_code = account.limit.currency_code
    groups = [
        {AccountRef(code, partner_id, account.unit_id, currency_code).account_id for code in codes}
        for codes in (TRADE, COMMISSION)
    ]
    moved = ledger.moved(tx, part, groups, start=month.first_day, end=month.next().first_day)
    movements = [_movement(one) for one in moved.items]
    trade, commission = (
        _section(tx, own, movements, month=month, currency_code=currency_code) for own in groups
    )
    return Statement(partner_id, month, trade, commission, moved.next_page_token)


def _section(
    tx: Transaction,
    own: Collection[str],
    movements: Sequence[Movement],
    *,
    month: Month,
    currency_code: str,
) -> Section:
    opening, closing = (
        _balance(tx, own, before=day, currency_code=currency_code)
        for day in (month.first_day, month.next().first_day)
    )
    zero = Money.zero(currency_code)
    return Section(opening, closing, lines_of(movements, own, zero=zero))


def _balance(tx: Transaction, own: Collection[str], *, before: date, currency_code: str) -> Money:
    totals = [ledger.sums_before(tx, account_id, before) for account_id in sorted(own)]
    return Money(currency_code, sum(debits - credits_ for debits, credits_ in totals))


def _movement(transfer: Transfer) -> Movement:
    line = StatementLine(
        transfer_id=transfer.transfer_id,
        post_date=transfer.post_date,
        purpose=transfer.purpose,
        subject_kind=transfer.subject_kind,
        subject_id=transfer.subject_id,
        debit=transfer.amount,
        credit=transfer.amount,
    )
    return Movement(line, transfer.debit_account_id, transfer.credit_account_id)
