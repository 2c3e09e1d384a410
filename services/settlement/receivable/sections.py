"""A partner's statement as values: what moved on some accounts within a month; pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.money import Money
from chassis.period import Month


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Hold a movement on a partner's statement; one of the two amounts is zero."""

    transfer_id: str
    post_date: date
    purpose: str
    subject_kind: str
    subject_id: str
    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class Section:
    """Hold movements of some accounts within a month; amounts are what is owed by one side.

    Shape: `opening` and `closing` are debits less credits before the month and at its end, whatever
        part of the movements `lines` are.
    """

    opening: Money
    closing: Money
    lines: tuple[StatementLine, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold a page of what moved between the company and a partner within a month."""

    partner_id: str
    month: Month
    trade: Section
    commission: Section
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """Hold a transfer as the ledger has it, in this capability's own words."""

    line: StatementLine
    debit_account_id: str
    credit_account_id: str


def lines_of(
    movements: Sequence[Movement], own: Collection[str], *, zero: Money
) -> tuple[StatementLine, ...]:
    """Cut the movements of some accounts out of those of a month.

    Shape: a movement between two of the accounts changes nothing and is left out.
    """
    return tuple(
        replace(one.line, credit=zero)
        if one.debit_account_id in own
        else replace(one.line, debit=zero)
        for one in movements
        if (one.debit_account_id in own) != (one.credit_account_id in own)
    )
