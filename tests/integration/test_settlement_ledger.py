"""The ledger through the real server: all or nothing, balanced, and never changed."""

import threading
from typing import Any

import grpc
import psycopg
import pytest
from mantle.settlement.v1 import ledger_pb2
from mantle.settlement.v1 import ledger_service_pb2 as pb
from mantle.settlement.v1.ledger_pb2 import Transfer

from chassis.ids import new_id
from tests.support.facts_settlement import activate, cny, open_units, unbalanced
from tests.support.requirements import req
from tests.support.server import Refused, World, libpq

CASH, OPENING = "cash:hq:CNY", "opening:hq:CNY"


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/")
    return world


def a_wish(amount_minor: int = 10_000, **fields: Any) -> pb.PostTransfer:
    defaults = {
        "transfer_id": new_id(),
        "kind": Transfer.KIND_POSTED,
        "debit_account_id": CASH,
        "credit_account_id": OPENING,
        "amount": cny(amount_minor),
    }
    return pb.PostTransfer(**{**defaults, **fields})


def resolving(kind: int, pending: str, **fields: Any) -> pb.PostTransfer:
    return pb.PostTransfer(
        transfer_id=new_id(),
        kind=kind,  # type: ignore[arg-type]
        pending_transfer_id=pending,
        **fields,
    )


def post(world: World, *wishes: pb.PostTransfer, unit_id: str = "hq") -> pb.PostTransfersResponse:
    reply: pb.PostTransfersResponse = world.call(
        pb.PostTransfersRequest(transfers=wishes), role="finance", unit_id=unit_id
    )
    return reply


def balance(world: World, account_id: str, as_of_date: str | None = None) -> ledger_pb2.Account:
    request = pb.GetAccountRequest(account_id=account_id, as_of_date=as_of_date)
    account: ledger_pb2.Account = world.call(request, role="finance").account
    return account


def refused(world: World, *wishes: pb.PostTransfer) -> Refused:
    with pytest.raises(Refused) as found:
        post(world, *wishes)
    return found.value


def test_a_posted_transfer_moves_both_balances(books: World) -> None:
    [transfer] = post(books, a_wish(10_000, memo="start")).transfers

    assert transfer.post_date == "2026-03-02"
    assert balance(books, CASH).balance == cny(10_000)
    assert balance(books, OPENING).balance == cny(10_000)
    assert unbalanced(books) == []


def test_transfers_are_written_all_or_none(books: World) -> None:
    answer = refused(books, a_wish(), a_wish(debit_account_id="receivable:D9:CNY"))

    assert (answer.code, answer.reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
    assert books.rows("settlement", "SELECT 1 FROM transfer") == []


def test_a_pending_transfer_counts_as_pending_until_it_is_posted(books: World) -> None:
    pending = a_wish(10_000, kind=Transfer.KIND_PENDING)
    post(books, pending)
    before = balance(books, CASH)

    post(books, resolving(Transfer.KIND_POST_PENDING, pending.transfer_id))

    after = balance(books, CASH)
    assert (before.balance, before.pending_debits) == (cny(0), cny(10_000))
    assert (after.balance, after.pending_debits) == (cny(10_000), cny(0))
    assert unbalanced(books) == []


def test_a_voided_transfer_moves_nothing_and_cannot_be_posted(books: World) -> None:
    pending = a_wish(kind=Transfer.KIND_PENDING)
    post(books, pending)
    post(books, resolving(Transfer.KIND_VOID_PENDING, pending.transfer_id))

    answer = refused(books, resolving(Transfer.KIND_POST_PENDING, pending.transfer_id))

    assert answer.code is grpc.StatusCode.FAILED_PRECONDITION
    assert answer.reason == "PENDING_TRANSFER_RESOLVED"
    assert balance(books, CASH).balance == cny(0)


def test_an_expired_transfer_stops_counting_and_cannot_be_posted(books: World) -> None:
    pending = a_wish(kind=Transfer.KIND_PENDING)
    pending.expire_time.FromDatetime(books.clock.now())
    post(books, pending)

    answer = refused(books, resolving(Transfer.KIND_POST_PENDING, pending.transfer_id))

    assert answer.reason == "PENDING_TRANSFER_EXPIRED"
    assert balance(books, CASH).pending_debits == cny(0)


def test_a_transfer_that_is_not_there_cannot_be_posted(books: World) -> None:
    answer = refused(books, resolving(Transfer.KIND_POST_PENDING, new_id()))

    assert (answer.code, answer.reason) == (
        grpc.StatusCode.NOT_FOUND,
        "PENDING_TRANSFER_NOT_FOUND",
    )


def test_an_id_is_used_once(books: World) -> None:
    wish = a_wish()
    post(books, wish)

    answer = refused(books, wish)

    assert (answer.code, answer.reason) == (grpc.StatusCode.ALREADY_EXISTS, "TRANSFER_EXISTS")
    assert balance(books, CASH).balance == cny(10_000)


def test_an_account_keeps_its_currency(books: World) -> None:
    answer = refused(books, a_wish(debit_account_id="cash:hq:USD"))

    assert (answer.code, answer.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "ACCOUNT_CURRENCY_DIFFERS",
    )


@req("R-183")
def test_a_region_reads_and_writes_its_own_books_only(books: World) -> None:
    post(books, a_wish())

    with pytest.raises(Refused) as write:
        post(books, a_wish(), unit_id="r1")
    with pytest.raises(Refused) as read:
        books.call(pb.GetAccountRequest(account_id=CASH), role="finance", unit_id="r1")

    assert {write.value.reason, read.value.reason} == {"OUT_OF_SCOPE"}
    own = a_wish(debit_account_id="cash:r1:CNY", credit_account_id="opening:r1:CNY")
    assert len(post(books, own, unit_id="r1").transfers) == 1


def test_a_balance_can_be_read_as_of_a_day(books: World) -> None:
    post(books, a_wish(10_000))
    books.clock.set(books.clock.now().replace(day=5))
    post(books, a_wish(5_000))

    assert balance(books, CASH, "2026-03-04").balance == cny(10_000)
    assert balance(books, CASH, "2026-03-05").balance == cny(15_000)


def test_the_statement_of_an_account_pages_in_the_order_of_the_ledger(books: World) -> None:
    for amount in (1, 2, 3):
        post(books, a_wish(amount))
    first = books.call(pb.ListTransfersRequest(account_id=CASH, page_size=2), role="finance")

    rest = books.call(
        pb.ListTransfersRequest(account_id=CASH, page_size=2, page_token=first.next_page_token),
        role="finance",
    )

    found = [one.amount.amount_minor for one in (*first.transfers, *rest.transfers)]
    assert (found, rest.next_page_token) == ([1, 2, 3], "")


def test_an_account_that_is_not_there_has_no_statement(books: World) -> None:
    with pytest.raises(Refused) as found:
        books.call(pb.ListTransfersRequest(account_id="cash:nowhere:CNY"), role="finance")

    assert found.value.reason == "ACCOUNT_NOT_FOUND"


@pytest.mark.parametrize("as_of_date", [None, "2026-03-02"])
def test_the_trial_balance_balances(books: World, as_of_date: str | None) -> None:
    activate(books)
    post(books, a_wish(10_000), a_wish(3_000, debit_account_id="receivable:D1:CNY"))

    lines = books.call(pb.GetTrialBalanceRequest(as_of_date=as_of_date), role="finance").lines

    debits = sum(line.debits.amount_minor for line in lines)
    credits_ = sum(line.credits.amount_minor for line in lines)
    assert (debits, credits_, len(lines)) == (13_000, 13_000, 3)


def test_transfers_that_cross_each_other_all_arrive(books: World) -> None:
    there = a_wish(7)
    back = a_wish(7, debit_account_id=OPENING, credit_account_id=CASH)
    post(books, there, back)
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def run(debit: str, credit: str) -> None:
        barrier.wait()
        try:
            for _ in range(5):
                post(books, a_wish(7, debit_account_id=debit, credit_account_id=credit))
        except BaseException as error:
            failures.append(error)

    pairs = [(CASH, OPENING), (OPENING, CASH)] * 2
    threads = [threading.Thread(target=run, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert balance(books, CASH).balance == cny(0)
    assert unbalanced(books) == []


def test_one_of_two_posts_of_a_pending_transfer_wins(books: World) -> None:
    pending = a_wish(kind=Transfer.KIND_PENDING)
    post(books, pending)
    barrier = threading.Barrier(2)
    reasons: list[str] = []

    def run() -> None:
        barrier.wait()
        try:
            post(books, resolving(Transfer.KIND_POST_PENDING, pending.transfer_id))
        except Refused as error:
            reasons.append(error.reason)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert reasons == ["PENDING_TRANSFER_RESOLVED"]
    assert balance(books, CASH).balance == cny(10_000)


def test_the_service_can_neither_change_nor_delete_a_transfer(books: World) -> None:
    post(books, a_wish())

    for statement in ("UPDATE transfer SET memo = 'x'", "DELETE FROM transfer"):
        with (
            psycopg.connect(libpq(books.database("settlement").app_url)) as db,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            db.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wish",
    [
        a_wish(0),
        a_wish(-1),
        a_wish(credit_account_id=CASH),
        a_wish(kind=Transfer.KIND_POST_PENDING),
        a_wish(kind=Transfer.KIND_UNSPECIFIED),
        resolving(Transfer.KIND_VOID_PENDING, new_id(), amount=cny(1)),
    ],
)
def test_a_transfer_that_makes_no_sense_is_refused(books: World, wish: pb.PostTransfer) -> None:
    answer = refused(books, wish)

    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT


def test_an_unknown_unit_has_no_say(books: World) -> None:
    answer = refused(books, a_wish(debit_account_id="cash:mars:CNY"))

    assert answer.reason == "OUT_OF_SCOPE"
