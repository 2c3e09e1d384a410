"""What moved between the company and a partner within a month, read from the ledger; `usecases`
alone uses it."""

from collections.abc import Collection
from datetime import date

from chassis.database import Transaction
from chassis.money import Money
from chassis.period import Month
from chassis.scope import Caller
from settlement.credit import usecases as limits
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Transfer
from settlement.receivable.sections import Movement, Statement, StatementLine, section

TRADE = (AccountCode.RECEIVABLE, AccountCode.ADVANCE)
COMMISSION = (AccountCode.COMMISSION_ACCRUED, AccountCode.COMMISSION_PAYABLE)


def partner_statement(tx: Transaction, *, partner_id: str, month: Month, by: Caller) -> Statement:
    """Read from the ledger what moved between the company and a partner within a month.

    Errors: CreditAccountNotFound, OutOfScope.
    """
    account = limits.require(tx, partner_id=partner_id, by=by)
    currency_code = account.limit.currency_code
    groups = [
        {AccountRef(code, partner_id, account.unit_id, currency_code).account_id for code in codes}
        for codes in (TRADE, COMMISSION)
    ]
    moved = ledger.moved(
        tx, set().union(*groups), start=month.first_day, end=month.next().first_day
    )
    movements = [_movement(one) for one in moved]
    trade, commission = (
        section(
            _opening(tx, own, first_day=month.first_day, currency_code=currency_code),
            movements,
            own,
        )
        for own in groups
    )
    return Statement(partner_id, month, trade, commission)


def _opening(
    tx: Transaction, own: Collection[str], *, first_day: date, currency_code: str
) -> Money:
    totals = [ledger.sums_before(tx, account_id, first_day) for account_id in sorted(own)]
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
