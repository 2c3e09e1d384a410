"""Transfers: debits equal credits, and a pending one is resolved once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.money import Money
from settlement.ledger.domain import (
    Account,
    AccountCode,
    AccountCurrencyDiffers,
    AccountNotFound,
    AccountRef,
    Kind,
    Move,
    PendingTransferExpired,
    PendingTransferNotFound,
    PendingTransferResolved,
    Reason,
    Transfer,
    Wish,
    sums,
    unit_account,
    unit_account_of,
)

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
TODAY = date(2026, 3, 2)


def a_transfer(**changes: object) -> Transfer:
    fields: dict[str, object] = {
        "transfer_id": new_id(),
        "kind": Kind.POSTED,
        "debit_account_id": "a",
        "credit_account_id": "b",
        "amount": Money("CNY", 100),
        "post_date": TODAY,
        "purpose": "manual",
        "record_time": NOW,
    }
    return Transfer(**{**fields, **changes})  # type: ignore[arg-type]


transfers = st.builds(
    lambda accounts, amount, kind: a_transfer(
        debit_account_id=accounts[0],
        credit_account_id=accounts[1],
        amount=Money("CNY", amount),
        kind=kind,
    ),
    st.lists(st.sampled_from("abcdef"), min_size=2, max_size=2, unique=True),
    st.integers(1, 10**15),
    st.sampled_from(Kind),
)


@given(st.lists(transfers, max_size=50))
def test_debits_equal_credits_whatever_is_posted(made: list[Transfer]) -> None:
    found = sums(made)

    assert sum(debits for debits, _ in found.values()) == sum(c for _, c in found.values())


def test_a_pending_transfer_moves_nothing_until_it_is_posted() -> None:
    pending = a_transfer(kind=Kind.PENDING)
    posted = pending.resolve(
        Wish(new_id(), Kind.POST_PENDING), resolved=False, post_date=TODAY, at=NOW
    )

    assert sums([pending]) == {}
    assert sums([pending, posted]) == {("a", TODAY): (100, 0), ("b", TODAY): (0, 100)}
    assert posted.pending_transfer_id == pending.transfer_id


def test_a_pending_transfer_is_resolved_once() -> None:
    pending = a_transfer(kind=Kind.PENDING)

    with pytest.raises(PendingTransferResolved):
        pending.resolve(Wish(new_id(), Kind.VOID_PENDING), resolved=True, post_date=TODAY, at=NOW)


def test_an_expired_transfer_can_be_voided_and_not_posted() -> None:
    pending = a_transfer(kind=Kind.PENDING, expire_time=NOW)
    late = NOW + timedelta(seconds=1)

    voided = pending.resolve(
        Wish(new_id(), Kind.VOID_PENDING), resolved=False, post_date=TODAY, at=late
    )

    assert voided.kind is Kind.VOID_PENDING
    with pytest.raises(PendingTransferExpired):
        pending.resolve(Wish(new_id(), Kind.POST_PENDING), resolved=False, post_date=TODAY, at=NOW)


def test_only_a_pending_transfer_is_resolved() -> None:
    with pytest.raises(PendingTransferNotFound):
        a_transfer().resolve(
            Wish(new_id(), Kind.POST_PENDING), resolved=False, post_date=TODAY, at=NOW
        )


def test_a_balance_stands_on_the_side_of_its_account() -> None:
    asset = Account(unit_account(AccountCode.CASH, "hq", "CNY"), 300, 100)
    income = Account(unit_account(AccountCode.REVENUE, "hq", "CNY"), 100, 300)

    assert (asset.balance, income.balance) == (Money("CNY", 200), Money("CNY", 200))


def test_an_account_keeps_one_currency() -> None:
    cash = unit_account(AccountCode.CASH, "hq", "CNY")
    owed = AccountRef(AccountCode.RECEIVABLE, "D1", "hq", "USD")
    reason = Reason("manual", "", "", TODAY, NOW)

    with pytest.raises(AccountCurrencyDiffers):
        Move(new_id(), cash, owed, Money("CNY", 1), reason).transfer()


@pytest.mark.parametrize("account_id", ["receivable:D1:CNY", "shoes:hq:CNY"])
def test_only_the_account_of_a_unit_opens_by_itself(account_id: str) -> None:
    with pytest.raises(AccountNotFound):
        unit_account_of(account_id)


def test_the_id_of_a_units_account_reads_back() -> None:
    ref = unit_account(AccountCode.OPENING, "hq", "CNY")

    assert unit_account_of(ref.account_id) == ref
