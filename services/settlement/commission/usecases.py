"""What is done with commission: earn, confirm, take back, split, pay, list."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month, local_date
from chassis.policy.book import PolicyBook
from chassis.scope import Caller
from settlement.commission import collecting, posting, promises, reversals, statements, storage
from settlement.commission import day as days
from settlement.commission import stating as _stating
from settlement.commission import taking_back as _taking_back
from settlement.commission.accruing import accrued_all
from settlement.commission.cash import Collected, Promise
from settlement.commission.domain import (
    Cause,
    CommissionDay,
    CommissionEntryNotFound,
    Entry,
    IssuedStatement,
    Payment,
    Share,
    Statement,
    Wanted,
    payment,
)
from settlement.commission.earning import NOTHING, Basis, Sale, earnings
from settlement.commission.rules import Rules
from settlement.commission.taking_back import Why, take_back
from settlement.credit import usecases as credit
from settlement.credit.domain import CreditAccount
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account

KIND: Final = "commission"
CONFIRM_BATCH: Final = 500

# Stating and taking back have modules of their own; callers know this one.
STATEMENTS: Final = _stating.STATEMENTS
settle = _stating.settle
steps = _stating.steps
reverse_order = _taking_back.reverse_order
give_back = _taking_back.give_back


def accrue_all(
    tx: Transaction, sales: Sequence[tuple[Sale, datetime]], *, book: PolicyBook, zone: tzinfo
) -> list[Outcome[list[Entry]]]:
    """Write down what partners earned with orders, each with its time.

    Shape: for each sale its new entries; an event that earned before earns nothing again.
    Errors: PolicyNotFound, ConditionFailed.
    Source: R-118, R-119.
    """
    accounts = credit.accounts_for(tx, [_opened(one) for one, _ in sales if _earns(one)])
    rules: dict[str, Rules] = {}
    new: list[list[Entry]] = []
    promised: list[tuple[Promise, int]] = []
    for sale, at in sales:
        if not _earns(sale):
            new.append([])
            continue
        today = local_date(at, zone)
        scopes = credit.scopes_of(accounts[sale.partner_id])
        policy = book.in_force(tx, kind=KIND, scopes=scopes, on=today)
        if policy.policy_id not in rules:
            rules[policy.policy_id] = Rules.of(policy)
        own = rules[policy.policy_id]
        matching = own.matching(sale)
        new.append(_entries(sale, own, matching, today=today, at=at))
        promised += _promises(sale, own, matching)
    collecting.promise(tx, promised)
    return accrued_all(tx, new)


def collected(
    tx: Transaction, collections: Sequence[Collected], *, at: datetime, zone: tzinfo
) -> Outcome[list[Entry]]:
    """Let partners earn the shares that wait for the money of an order, or take them back where a
    match with its invoice was undone.

    Shape: to be called in the transaction that matches money with invoices, with every match; what
        has no such share costs one statement for all. The new entries and their facts, and the
        facts of what was taken back.
    Source: R-117.
    """
    if not collections:
        return Outcome([])
    on = local_date(at, zone)
    new, less = collecting.earned(tx, collections, on=on, at=at)
    [earned] = accrued_all(tx, [new])
    undone = take_back(tx, less, why=Why(Cause.UNCOLLECTED, "", on, at))
    return Outcome(earned.value, facts=[*earned.facts, *undone.facts])


def waits_for_money(tx: Transaction, partner_id: str) -> bool:
    """Tell whether money of a partner may earn commission."""
    return promises.has_any(tx, partner_id)


def start_cooling_off(tx: Transaction, *, ends: Mapping[str, datetime], zone: tzinfo) -> None:
    """Let what delivered orders earned be confirmed on the first day that begins after the time in
    which the order can be cancelled.

    Shape: `ends` has that time by order.
    """
    day = timedelta(days=1)
    days = {order_id: local_date(end, zone) + day for order_id, end in ends.items()}
    storage.set_confirm_dates(tx, days)
    promises.set_confirm_dates(tx, days)


def confirm_due(tx: Transaction, *, today: date, at: datetime) -> Outcome[bool]:
    """Confirm entries whose cooling-off is over, a batch at a time; True when there may be more."""
    due = storage.confirmable(tx, today=today, limit=CONFIRM_BATCH)
    storage.save(tx, [one.confirm() for one in due])
    moves = [
        posting.confirmation(one, Reason("commission_confirmed", KIND, one.entry_id, today, at))
        for one in due
    ]
    ledger.post(tx, moves)
    return Outcome(len(due) == CONFIRM_BATCH)


def pay(
    tx: Transaction, *, partner_id: str, by: Caller, at: datetime, today: date
) -> Outcome[Payment]:
    """Pay a partner all that is confirmed, less what was taken back after an earlier payment.

    Errors: CreditAccountNotFound, CommissionNothingToPay, OutOfScope.
    Source: R-124.
    """
    account = credit.require(tx, partner_id=partner_id, by=by, lock=True)
    currency_code = account.limit.currency_code
    due = storage.payable(tx, partner_id, currency_code)
    payment_id = new_id()
    back_minor = reversals.net(tx, partner_id, currency_code, payment_id=payment_id)
    paid = payment(payment_id, partner_id, due=due, taken_back_minor=back_minor, on=today)
    storage.save(tx, [one.pay(paid.payment_id) for one in due])
    storage.add_payment(tx, paid)
    payable = AccountRef(AccountCode.COMMISSION_PAYABLE, partner_id, account.unit_id, currency_code)
    cash = unit_account(AccountCode.CASH, account.unit_id, currency_code)
    reason = Reason("commission_paid", "commission_payment", paid.payment_id, today, at)
    ledger.post(tx, [Move(paid.payment_id, payable, cash, paid.amount, reason)])
    return Outcome(paid)


def statement(tx: Transaction, *, partner_id: str, month: Month, by: Caller) -> Statement:
    """Sum what a partner earned within a month.

    Errors: CreditAccountNotFound, OutOfScope.
    Source: R-118.
    """
    currency_code = credit.require(tx, partner_id=partner_id, by=by).limit.currency_code
    lines = statements.statement_lines(
        tx, partner_id=partner_id, month=month, currency_code=currency_code
    )
    return Statement(partner_id, month, currency_code, tuple(lines))


def note_opportunities(
    tx: Transaction, shown: Sequence[tuple[str, str, datetime]], *, zone: tzinfo
) -> None:
    """Keep the offers that partners' customers were shown, each with its partner and time."""
    days.note(tx, shown, zone=zone)


def day(tx: Transaction, *, partner_id: str, day: date, by: Caller) -> CommissionDay:
    """Read what a front line earned on a day, and of how many opportunities.

    Errors: CreditAccountNotFound, OutOfScope.
    Source: R-120.
    """
    currency_code = credit.require(tx, partner_id=partner_id, by=by).limit.currency_code
    return days.read(tx, partner_id=partner_id, day=day, currency_code=currency_code)


def list_entries(tx: Transaction, part: Page, *, wanted: Wanted, by: Caller) -> Slice[Entry]:
    """Return a page of the entries in the caller's scope, in the order in which they were
    earned."""
    return storage.page(tx, part, wanted, units=scope.units_of(by))


def list_statements(
    tx: Transaction, part: Page, *, partner_id: str, month: Month | None, by: Caller
) -> Slice[IssuedStatement]:
    """Return a page of the statements issued in the caller's scope, in their order."""
    return statements.page(tx, part, partner_id=partner_id, month=month, units=scope.units_of(by))


def split(
    tx: Transaction, *, entry_id: str, shares: Sequence[Share], by: Caller, at: datetime, on: date
) -> Outcome[list[Entry]]:
    """Share what one partner earned among several by weight; it is taken back and earned anew.

    Shape: the new entries in the order of the shares, what rounds to nothing left out.
    Errors: CommissionEntryNotFound, CommissionSplitForbidden, CreditAccountNotFound, OutOfScope.
    Source: R-125.
    """
    whole = storage.get(tx, entry_id)
    if whole is None:
        raise CommissionEntryNotFound(entry_id)
    scope.require(tx, by, whole.unit_id)
    whole.require_whole()
    for one in shares:
        credit.require(tx, partner_id=one.partner_id, by=by)
    parts = whole.split(shares, ids=[new_id() for _ in shares], on=on, at=at)
    why = Why(Cause.SPLIT, entry_id, on, at)
    undone = take_back(tx, [(whole, whole.left.amount_minor)], why=why)
    [earned] = accrued_all(tx, [parts])
    return Outcome(earned.value, facts=[*undone.facts, *earned.facts])


def _earns(sale: Sale) -> bool:
    return bool(sale.partner_id and sale.lines)


def _opened(sale: Sale) -> CreditAccount:
    currency_code = sale.lines[0].amount.currency_code
    return CreditAccount(sale.partner_id, sale.unit_id, Money.zero(currency_code))


def _entries(
    sale: Sale,
    rules: Rules,
    matching: Sequence[Sequence[str]],
    *,
    today: date,
    at: datetime,
) -> list[Entry]:
    return [
        Entry(
            entry_id=new_id(),
            partner_id=sale.partner_id,
            unit_id=sale.unit_id,
            order_id=sale.order_id,
            offer_id=sale.offer_id,
            campaign_id=sale.campaign_id,
            earning=earning,
            policy_id=rules.policy_id,
            accrue_date=today,
            accrue_time=at,
        )
        for earning in earnings(sale, rules.rates_on(Basis.POSTING), matching)
    ]


def _promises(
    sale: Sale, rules: Rules, matching: Sequence[Sequence[str]]
) -> list[tuple[Promise, int]]:
    total_minor = sum(line.amount.amount_minor for line in sale.lines)
    return [
        (
            Promise(
                order_id=sale.order_id,
                partner_id=sale.partner_id,
                unit_id=sale.unit_id,
                offer_id=sale.offer_id,
                campaign_id=sale.campaign_id,
                policy_id=rules.policy_id,
                earning=earning,
                returned=NOTHING,
                earned_minor=0,
                turns=0,
            ),
            total_minor,
        )
        for earning in earnings(sale, rules.rates_on(Basis.CASH), matching)
    ]
