"""Many postings at once: the same ledger as one after the other, and no circle of waiting."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.database import Database, Transaction
from chassis.ids import derived_id, new_id
from chassis.money import Money
from settlement.ledger import usecases
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, TransferExists
from tests.support.facts_settlement import unbalanced, waiting
from tests.support.server import World, libpq
from tests.support.waiting import until

CODES = [
    AccountCode.RECEIVABLE,
    AccountCode.ADVANCE,
    AccountCode.REVENUE,
    AccountCode.CASH,
    AccountCode.OPENING,
]
CURRENCIES = ["CNY", "USD"]
REASON = Reason("test", "test", "1", date(2026, 3, 2), datetime(2026, 3, 2, tzinfo=UTC))
EXAMPLES = 30
ROUNDS, MOVES = 5, 60
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Posting:
    """Hold a move in numbers, so that two holders can be given the same."""

    number: int
    debit: int
    credit: int
    amount_minor: int
    currency_code: str

    def move(self, holder: str, root: str) -> Move:
        debit, credit = (
            AccountRef(CODES[one], holder, "hq", self.currency_code)
            for one in (self.debit, self.credit)
        )
        amount = Money(self.currency_code, self.amount_minor)
        return Move(derived_id(root, "move", self.number), debit, credit, amount, REASON)


sides = st.permutations(range(len(CODES)))
postings = st.builds(
    lambda number, sides, minor, currency: Posting(number, sides[0], sides[1], minor, currency),
    st.integers(0, 40),
    sides,
    st.integers(1, 10**9),
    st.sampled_from(CURRENCIES),
)
unique = st.lists(postings, max_size=12, unique_by=lambda one: one.number)
transactions = st.lists(
    st.lists(postings, max_size=4) | unique.map(lambda found: found[:4]), max_size=5
) | unique.map(lambda found: [found[:3], found[3:7], found[7:]])


@pytest.fixture
def ledger(world: World) -> Iterator[Database]:
    made = Database(world.database("settlement").app_url, size=4)
    yield made
    made.close()


def one_by_one(tx: Transaction, made: Sequence[Sequence[Move]]) -> None:
    for moves in made:
        usecases.post(tx, moves)


def at_once(tx: Transaction, made: Sequence[Sequence[Move]]) -> None:
    usecases.post_all(tx, made)


def result(
    world: World,
    ledger: Database,
    act: Callable[[Transaction, Sequence[Sequence[Move]]], None],
    wanted: Sequence[Sequence[Posting]],
) -> tuple[object, ...]:
    """Post for a holder of its own; return what the ledger has of it, without its name."""
    holder, root = f"H{next(_numbers)}", new_id()
    made = [[one.move(holder, root) for one in moves] for moves in wanted]
    numbers = {derived_id(root, "move", one.number): one.number for own in wanted for one in own}
    try:
        with ledger.transaction() as tx:
            act(tx, made)
    except TransferExists as error:
        return ("refused", numbers[str(error.metadata["transferId"])])
    query = """
    SELECT code, currency_code, debits_minor, credits_minor FROM account
    WHERE holder_id = %(holder)s ORDER BY account_id
    """
    moved = """
    SELECT transfer_id::text, split_part(debit_account_id, ':', 1),
      split_part(credit_account_id, ':', 1), amount_minor, currency_code, post_date, purpose
    FROM transfer WHERE split_part(debit_account_id, ':', 2) = %(holder)s ORDER BY sequence
    """
    rows = world.rows("settlement", moved, holder=holder)
    return (
        world.rows("settlement", query, holder=holder),
        [(numbers[transfer_id], *rest) for transfer_id, *rest in rows],
    )


@given(wanted=transactions)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postings_at_once_leave_what_postings_one_by_one_leave(
    world: World, ledger: Database, wanted: list[list[Posting]]
) -> None:
    """An id that comes twice is refused, whichever transaction brings it again."""
    expected = result(world, ledger, one_by_one, wanted)

    found = result(world, ledger, at_once, wanted)

    assert found == expected
    assert unbalanced(world) == []
    assert uneven(world) == []


def uneven(world: World) -> list[tuple[str]]:
    """Return the currencies whose debits are not their credits (none, it is hoped)."""
    return world.rows(
        "settlement",
        "SELECT currency_code FROM account GROUP BY currency_code"
        " HAVING sum(debits_minor) <> sum(credits_minor)",
    )


def test_an_id_of_an_earlier_batch_refuses_the_whole_batch(world: World, ledger: Database) -> None:
    first, second = (Posting(number, 0, 1, 100, "CNY") for number in (1, 2))
    root = new_id()
    with ledger.transaction() as tx:
        usecases.post(tx, [first.move("H", root)])

    with pytest.raises(TransferExists) as found, ledger.transaction() as tx:
        usecases.post_all(tx, [[second.move("H", root)], [first.move("H", root)]])

    assert found.value.metadata["transferId"] == derived_id(root, "move", 1)
    assert world.rows("settlement", "SELECT amount_minor FROM transfer") == [(100,)]
    assert unbalanced(world) == []


def test_nothing_to_post_is_no_posting(world: World, ledger: Database) -> None:
    with ledger.transaction() as tx:
        usecases.post_all(tx, [])
        usecases.post_all(tx, [[], []])

    assert world.rows("settlement", "SELECT 1 FROM account") == []


def test_two_batches_over_the_same_accounts_never_wait_in_a_circle(
    world: World, ledger: Database
) -> None:
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def run(holders: Sequence[int]) -> None:
        try:
            for _ in range(ROUNDS):
                batch = [
                    [Posting(0, 0, 2, 7, "CNY").move(f"H{holder:02}", new_id())]
                    for holder in holders
                ]
                barrier.wait(10)
                with ledger.transaction() as tx:
                    usecases.post_all(tx, batch)
        except BaseException as error:
            barrier.abort()
            failures.append(error)

    orders = [range(MOVES), range(MOVES - 1, -1, -1)]
    threads = [threading.Thread(target=run, args=(holders,)) for holders in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert unbalanced(world) == []
    rows = world.rows("settlement", "SELECT debits_minor + credits_minor FROM account")
    assert rows == [(7 * 2 * ROUNDS,)] * (2 * MOVES)


def test_a_batch_locks_its_accounts_in_one_order_whatever_it_posts_first(
    world: World, ledger: Database
) -> None:
    names = ["A", "B", "C"]
    root = new_id()

    def post_backwards() -> None:
        moves = [Posting(0, 0, 2, 7, "CNY").move(name, new_id()) for name in reversed(names)]
        with ledger.transaction() as tx:
            usecases.post_all(tx, [[one] for one in moves])

    with ledger.transaction() as tx:
        usecases.post(
            tx, [Posting(n, 0, 2, 7, "CNY").move(name, root) for n, name in enumerate(names)]
        )
    writer = threading.Thread(target=post_backwards)
    with psycopg.connect(libpq(world.database("settlement").owner_url)) as other:
        other.execute(lock_of("receivable:B:CNY"))
        writer.start()
        until(lambda: waiting(world) == 1, "the batch waits for the account that is held")
        other.execute(lock_of("receivable:C:CNY"))
        with pytest.raises(psycopg.errors.LockNotAvailable), other.transaction():
            other.execute(lock_of("receivable:A:CNY"))
    writer.join(timeout=10)

    assert not writer.is_alive()
    assert unbalanced(world) == []


def lock_of(account_id: str) -> bytes:
    return f"SELECT 1 FROM account WHERE account_id = '{account_id}' FOR UPDATE NOWAIT".encode()
