"""What keeps the books honest: the chain of blocks, and the sums by day."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import psycopg
import pytest
from mantle.settlement.v1 import ledger_service_pb2 as pb

from chassis.database import Database
from chassis.ids import new_id
from chassis.money import Money
from settlement.ledger import balance_storage, sealing, usecases
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from tests.support.books import broken_rules
from tests.support.facts_settlement import cny, open_units
from tests.support.requirements import req
from tests.support.server import START, World, libpq
from tests.support.waiting import until

DAY = date(2026, 3, 2)
REVENUE = unit_account(AccountCode.REVENUE, "hq", "CNY")


@pytest.fixture
def books(world: World) -> World:
    open_units(world)
    return world


def a_move(amount_minor: int = 100, *, partner: str = "D1", day: date = DAY) -> Move:
    owed = AccountRef(AccountCode.RECEIVABLE, partner, "hq", "CNY")
    reason = Reason("invoice", "order", new_id(), day, START)
    return Move(new_id(), owed, REVENUE, Money("CNY", amount_minor), reason)


def post(world: World, *moves: Move) -> None:
    with database(world).transaction() as tx:
        usecases.post(tx, moves)


def database(world: World) -> Database:
    return world.start("settlement").services["settlement"].database


def take_turn(world: World) -> None:
    """Seal what is committed, unless the service's own sealer is at it."""
    schedule = world.start("settlement").services["settlement"].schedule
    schedule.act_alone("seal the ledger", lambda tx: sealing.seal_committed(tx, at=START))


def seal(world: World) -> None:
    """Take the turns of the sealer until nothing is left to seal."""

    def is_sealed() -> bool:
        take_turn(world)
        [(sealed, total)] = world.rows(
            "settlement",
            "SELECT (SELECT coalesce(sum(transfer_count), 0) FROM ledger_block),"
            " (SELECT count(*) FROM transfer)",
        )
        return bool(sealed == total)

    until(is_sealed, "every transfer is sealed")


def verify(world: World, **fields: int) -> pb.VerifyLedgerResponse:
    reply: pb.VerifyLedgerResponse = world.call(pb.VerifyLedgerRequest(**fields), role="finance")
    return reply


def test_a_changed_transfer_is_found_and_its_block_is_named(
    books: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BLOCK_TRANSFERS_MAX", 4)
    post(books, *[a_move(amount) for amount in range(1, 11)])
    seal(books)
    whole = verify(books)
    part = verify(books, block_count=2)
    change = "UPDATE transfer SET amount_minor = amount_minor + %(by)s WHERE sequence = 6"

    books.rows("settlement", change + " RETURNING 1", by=1)
    changed = verify(books)
    broken = broken_rules(books.database("settlement"))
    rest = verify(books, first_block_number=part.next_block_number)
    books.rows("settlement", change + " RETURNING 1", by=-1)

    blocks = books.rows(
        "settlement", "SELECT first_sequence, last_sequence FROM ledger_block ORDER BY 1"
    )
    assert blocks == [(1, 4), (5, 8), (9, 10)]
    assert (whole.checked_count, whole.HasField("broken")) == (3, False)
    assert (part.checked_count, part.next_block_number) == (2, 3)
    assert (changed.checked_count, changed.broken.block_number) == (1, 2)
    assert changed.damage == pb.VerifyLedgerResponse.DAMAGE_CONTENT
    assert not changed.HasField("next_block_number")
    assert (rest.checked_count, rest.HasField("broken")) == (1, False)
    assert "the chain of blocks is whole" in broken
    assert verify(books).last == whole.last


def test_the_chain_waits_for_who_took_an_earlier_place(books: World) -> None:
    """An identity is handed out before its commit, so a later place may be committed first."""
    database_ = database(books)
    with database_.transaction() as slow:
        usecases.post(slow, [a_move(1, partner="D1")])
        # Another currency has accounts of its own, so nobody waits for nobody.
        owed = AccountRef(AccountCode.RECEIVABLE, "D2", "hq", "USD")
        income = unit_account(AccountCode.REVENUE, "hq", "USD")
        reason = Reason("invoice", "order", new_id(), DAY, START)
        second = Database(database_.url, size=1)
        with second.transaction() as fast:
            usecases.post(fast, [Move(new_id(), owed, income, Money("USD", 1), reason)])
        for _ in range(3):
            take_turn(books)
        early = books.rows("settlement", "SELECT 1 FROM ledger_block")
        second.close()
    seal(books)

    [(first, last, count)] = books.rows(
        "settlement", "SELECT first_sequence, last_sequence, transfer_count FROM ledger_block"
    )
    assert early == []
    assert (first, last, count) == (1, 2, 2)


def test_the_chain_is_whole_after_many_posted_at_once(
    books: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BLOCK_TRANSFERS_MAX", 7)
    barrier = threading.Barrier(5)
    is_over = threading.Event()

    def writing(number: int) -> None:
        barrier.wait()
        for turn in range(8):
            post(books, *[a_move(turn + 1, partner=f"D{number}") for _ in range(3)])

    def sealing_all_the_time() -> None:
        barrier.wait()
        while not is_over.is_set():
            take_turn(books)

    with ThreadPoolExecutor(5) as pool:
        sealer = pool.submit(sealing_all_the_time)
        try:
            for writer in [pool.submit(writing, number) for number in range(4)]:
                writer.result()
        finally:
            is_over.set()
        sealer.result()
    seal(books)

    found = verify(books, block_count=200)
    [(sealed,)] = books.rows("settlement", "SELECT sum(transfer_count) FROM ledger_block")
    assert (sealed, found.HasField("broken"), found.checked_count > 10) == (96, False, True)
    assert broken_rules(books.database("settlement")) == {}


def test_the_service_can_neither_change_nor_delete_a_block(books: World) -> None:
    post(books, a_move())
    seal(books)

    for statement in ("UPDATE ledger_block SET hash = ''", "DELETE FROM ledger_block"):
        with (
            psycopg.connect(libpq(books.database("settlement").app_url)) as db,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            db.execute(statement)


def test_a_balance_of_any_day_is_that_of_its_days(books: World) -> None:
    days = [DAY + timedelta(days=step) for step in (0, 40, 3, 40, 1)]
    post(books, *[a_move(10**step, day=day) for step, day in enumerate(days)])

    with database(books).transaction() as tx:
        found = {
            step: balance_storage.sums_until(tx, "receivable:D1:CNY", DAY + timedelta(days=step))
            for step in (-1, 0, 1, 3, 39, 40)
        }
    request = pb.ListTransfersRequest(account_id="receivable:D1:CNY", page_size=2)
    pages: list[list[int]] = []
    while not pages or request.page_token:
        reply = books.call(request, role="finance")
        pages.append([one.amount.amount_minor for one in reply.transfers])
        request.page_token = reply.next_page_token

    assert {step: debits for step, (debits, _) in found.items()} == {
        -1: 0,
        0: 1,
        1: 10_001,
        3: 10_101,
        39: 10_101,
        40: 11_111,
    }
    assert pages == [[1, 10_000], [100, 10], [1_000]]


@req("R-139")
def test_the_checker_of_the_books_sees_what_is_wrong(books: World) -> None:
    post(books, a_move(100))
    before = broken_rules(books.database("settlement"))
    change = "UPDATE account_day SET debits_minor = debits_minor + %(by)s WHERE debits_minor > 0"

    books.rows("settlement", change + " RETURNING 1", by=1)
    broken = broken_rules(books.database("settlement"))
    books.rows("settlement", change + " RETURNING 1", by=-1)

    assert before == {}
    assert list(broken) == ["a day's sums are those of its transfers"]
    assert books.call(
        pb.GetAccountRequest(account_id="receivable:D1:CNY"), role="finance"
    ).account.balance == cny(100)
