"""What is done with commission: accrue, confirm, take back, pay, state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, Self

from chassis import scope
from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month, local_date
from chassis.policy.book import PolicyBook
from chassis.policy.conditions import Condition, condition_of
from chassis.policy.domain import Bindable, Policy
from chassis.policy.parameters import Parameters
from chassis.scope import Caller
from settlement.commission import storage
from settlement.commission.domain import (
    CommissionAccrued,
    CommissionReversed,
    Entry,
    Payment,
    Per,
    Rate,
    Sale,
    SaleLine,
    State,
    Statement,
    Wanted,
    earnings,
    payment,
)
from settlement.credit import usecases as credit
from settlement.credit.domain import CreditAccount
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import (
    AccountCode,
    AccountRef,
    ActualKind,
    ActualPosted,
    Move,
    Reason,
    unit_account,
)

KIND: Final = "commission"
CONFIRM_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class _Rules:
    """Hold a version of the rules, read and compiled once for all that it is asked about."""

    policy_id: str
    rates: Sequence[Rate]
    conditions: Mapping[str, Condition]

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Read a version."""
        conditions = {name: condition_of(policy, name) for name in policy.conditions}
        return cls(policy.policy_id, _rates(policy), conditions)

    def matching(self, sale: Sale) -> list[list[str]]:
        """Return for each line of a sale the kinds of event that it is.

        Errors: ConditionFailed.
        """
        return [self._kinds(_values(sale, line)) for line in sale.lines]

    def _kinds(self, values: Mapping[str, Bindable]) -> list[str]:
        return [name for name, one in self.conditions.items() if one.holds_for(values)]


def accrue_all(
    tx: Transaction, sales: Sequence[tuple[Sale, datetime]], *, book: PolicyBook, zone: tzinfo
) -> list[Outcome[list[Entry]]]:
    """Write down what partners earned with orders, each with its time.

    Shape: for each sale its new entries; an event that earned before earns nothing again.
    Errors: PolicyNotFound, ConditionFailed.
    Source: R-118, R-119.
    """
    accounts = credit.accounts_for(tx, [_opened(one) for one, _ in sales if _earns(one)])
    rules: dict[str, _Rules] = {}
    new: list[list[Entry]] = []
    for sale, at in sales:
        if not _earns(sale):
            new.append([])
            continue
        today = local_date(at, zone)
        scopes = credit.scopes_of(accounts[sale.partner_id])
        policy = book.in_force(tx, kind=KIND, scopes=scopes, on=today)
        if policy.policy_id not in rules:
            rules[policy.policy_id] = _Rules.of(policy)
        new.append(_entries(sale, rules[policy.policy_id], today=today, at=at))
    stored = storage.add(tx, [one for own in new for one in own])
    kept = [[one for one in own if one.entry_id in stored] for own in new]
    moves = [[_accrual(one) for one in own] for own in kept]
    ledger.post_all(tx, moves)
    return [_accrued(*own) for own in zip(kept, moves, strict=True)]


def start_cooling_off(tx: Transaction, *, ends: Mapping[str, datetime], zone: tzinfo) -> None:
    """Let what delivered orders earned be confirmed on the first day that begins after the time in
    which the order can be cancelled.

    Shape: `ends` has that time by order.
    """
    day = timedelta(days=1)
    storage.set_confirm_dates(
        tx, {order_id: local_date(end, zone) + day for order_id, end in ends.items()}
    )


def confirm_due(tx: Transaction, *, today: date, at: datetime) -> Outcome[bool]:
    """Confirm entries whose cooling-off is over, a batch at a time; True when there may be more."""
    due = storage.confirmable(tx, today=today, limit=CONFIRM_BATCH)
    storage.save(tx, [one.confirm() for one in due])
    ledger.post(
        tx,
        [
            Move(
                derived_id(one.entry_id, "confirm", 0),
                _owed(one, AccountCode.COMMISSION_ACCRUED),
                _owed(one, AccountCode.COMMISSION_PAYABLE),
                one.amount,
                Reason("commission_confirmed", KIND, one.entry_id, today, at),
            )
            for one in due
        ],
    )
    return Outcome(len(due) == CONFIRM_BATCH)


def reverse_order(
    tx: Transaction, *, order_id: str, at: datetime, zone: tzinfo
) -> Outcome[list[Entry]]:
    """Take back what an order had earned, with the exact inverse of its postings.

    Shape: the entries as they are now; none when nothing stands any more.
    Source: R-119, R-124.
    """
    today = local_date(at, zone)
    standing = storage.of_order(tx, order_id)
    reversed_ = [one.reverse(on=today) for one in standing]
    storage.save(tx, reversed_)
    moves = [
        Move(
            derived_id(one.entry_id, "reverse", 0),
            _owed(one, _owing(one.state)),
            _expense(one),
            one.amount,
            Reason("commission_reversed", KIND, one.entry_id, today, at),
        )
        for one in standing
    ]
    ledger.post(tx, moves)
    actuals = [_actual(one, move, reversal=True) for one, move in zip(standing, moves, strict=True)]
    return Outcome(reversed_, facts=[*map(CommissionReversed, reversed_), *actuals])


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
    taken_back = storage.taken_back(tx, partner_id, currency_code)
    paid = payment(new_id(), partner_id, due=due, taken_back=taken_back, on=today)
    storage.save(tx, [one.pay(paid.payment_id) for one in due])
    storage.add_payment(tx, paid, netted=taken_back)
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
    lines = storage.statement_lines(
        tx, partner_id=partner_id, month=month, currency_code=currency_code
    )
    return Statement(partner_id, month, currency_code, tuple(lines))


def list_entries(tx: Transaction, part: Page, *, wanted: Wanted, by: Caller) -> Slice[Entry]:
    """Return a page of the entries in the caller's scope, in the order in which they were
    earned."""
    return storage.page(tx, part, wanted, units=scope.units_of(by))


def _rates(rules: Policy) -> list[Rate]:
    """Read the rates by what they are earned for; one of nothing earns nothing, nor does one
    without a condition."""
    tables = {per: f"per_{per}" for per in Per if f"per_{per}" in rules.parameters}
    found = [
        Rate(name, per, _amount(rules.parameters.record(table).record(name)))
        for per, table in tables.items()
        for name in rules.parameters.record(table)
    ]
    return [rate for rate in found if rate.amount.amount_minor > 0]


def _amount(values: Parameters) -> Money:
    return Money(values.text("currency_code"), values.integer("amount_minor"))


def _values(sale: Sale, line: SaleLine) -> dict[str, Bindable]:
    return {
        "source": sale.source,
        "partner_id": sale.partner_id,
        "unit_id": sale.unit_id,
        "campaign_id": sale.campaign_id,
        "product_id": line.product_id,
        "quantity": line.quantity,
        "amount_minor": line.amount.amount_minor,
    }


def _earns(sale: Sale) -> bool:
    return bool(sale.partner_id and sale.lines)


def _opened(sale: Sale) -> CreditAccount:
    currency_code = sale.lines[0].amount.currency_code
    return CreditAccount(sale.partner_id, sale.unit_id, Money.zero(currency_code))


def _entries(sale: Sale, rules: _Rules, *, today: date, at: datetime) -> list[Entry]:
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
        for earning in earnings(sale, rules.rates, rules.matching(sale))
    ]


def _accrual(entry: Entry) -> Move:
    return Move(
        derived_id(entry.entry_id, "accrue", 0),
        _expense(entry),
        _owed(entry, AccountCode.COMMISSION_ACCRUED),
        entry.amount,
        Reason("commission_accrued", KIND, entry.entry_id, entry.accrue_date, entry.accrue_time),
    )


def _accrued(entries: list[Entry], moves: Sequence[Move]) -> Outcome[list[Entry]]:
    actuals = [_actual(*both, reversal=False) for both in zip(entries, moves, strict=True)]
    return Outcome(entries, facts=[*map(CommissionAccrued, entries), *actuals])


def _owing(state: State) -> AccountCode:
    """Say on which account an entry is owed to the partner."""
    if state is State.ACCRUED:
        return AccountCode.COMMISSION_ACCRUED
    return AccountCode.COMMISSION_PAYABLE


def _owed(entry: Entry, code: AccountCode) -> AccountRef:
    return AccountRef(code, entry.partner_id, entry.unit_id, entry.amount.currency_code)


def _expense(entry: Entry) -> AccountRef:
    return unit_account(AccountCode.COMMISSION_EXPENSE, entry.unit_id, entry.amount.currency_code)


def _actual(entry: Entry, move: Move, *, reversal: bool) -> ActualPosted:
    return ActualPosted(
        kind=ActualKind.COMMISSION,
        amount=entry.amount,
        reversal=reversal,
        transfer_id=move.transfer_id,
        post_date=move.reason.post_date,
        order_id=entry.order_id,
        partner_id=entry.partner_id,
        unit_id=entry.unit_id,
        campaign_id=entry.campaign_id,
        product_id=entry.earning.product_id,
    )
