"""Closing the months: the lock, what comes late, the trial balance, the export."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pytest
from mantle.settlement.v1 import events_pb2, ledger_pb2
from mantle.settlement.v1 import invoice_service_pb2 as invoices
from mantle.settlement.v1 import ledger_service_pb2 as ledger
from mantle.settlement.v1 import period_close_pb2 as pb
from mantle.settlement.v1 import period_close_service_pb2 as periods
from mantle.settlement.v1.ledger_pb2 import Transfer
from mantle.work.v1 import work_pb2
from mantle.work.v1 import work_service_pb2 as work

from chassis.database import Database
from chassis.ids import new_id
from chassis.money import Money
from chassis.period import Month
from chassis.work.domain import Run, State
from settlement.ledger import months, usecases
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from settlement.period_close import closing
from tests.support.examples_settlement_period_close import allow_reopening, close, wait_for
from tests.support.facts_settlement import (
    activate,
    an_order,
    approve,
    cny,
    deliver,
    events_of,
    open_units,
    waiting,
)
from tests.support.requirements import req
from tests.support.server import START, Refused, World
from tests.support.waiting import until

JANUARY, FEBRUARY = "2026-01", "2026-02"


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/")
    activate(world)
    return world


def by_hand(world: World, *days: str, amount_minor: int = 1_000) -> list[Transfer]:
    wishes = [
        ledger.PostTransfer(
            transfer_id=new_id(),
            kind=Transfer.KIND_POSTED,
            debit_account_id="cash:hq:CNY",
            credit_account_id="opening:hq:CNY",
            amount=cny(amount_minor),
            post_date=day,
        )
        for day in days
    ]
    reply = world.call(ledger.PostTransfersRequest(transfers=wishes), role="finance")
    return list(reply.transfers)


def a_late_fact(day: date, amount_minor: int = 100, *, partner: str = "D1") -> Move:
    owed = AccountRef(AccountCode.RECEIVABLE, partner, "hq", "CNY")
    income = unit_account(AccountCode.REVENUE, "hq", "CNY")
    reason = Reason("invoice", "order", new_id(), day, START)
    return Move(new_id(), owed, income, Money("CNY", amount_minor), reason)


def database(world: World) -> Database:
    return world.start("settlement").services["settlement"].database


def refused(world: World, request: Any, *, unit_id: str = "hq") -> Refused:
    with pytest.raises(Refused) as found:
        world.call(request, role="finance", unit_id=unit_id)
    return found.value


def of(world: World, month: str) -> periods.GetPeriodResponse:
    reply: periods.GetPeriodResponse = world.call(
        periods.GetPeriodRequest(month=month), role="finance"
    )
    return reply


def previews(world: World, run_id: str) -> list[Any]:
    """Wait for the end of a trial, and return what it found."""
    request = work.GetRunRequest(run_id=run_id)

    def is_done() -> bool:
        run = world.call(request, role="finance", service="settlement").run
        return bool(run.state == work_pb2.Run.STATE_DONE)

    until(is_done, "the trial is over")
    rows = work.ListPreviewRowsRequest(run_id=run_id)
    return list(world.call(rows, role="finance", service="settlement").preview_rows)


@req("R-139")
def test_closing_january_locks_forty_documents_and_nothing_is_posted_into_it(
    books: World,
) -> None:
    by_hand(books, *[f"2026-01-{day:02}" for day in range(1, 21)] * 2)
    by_hand(books, "2026-02-01")
    before = of(books, JANUARY)

    period = close(books, JANUARY)

    answers = [
        (day, refused(books, ledger.PostTransfersRequest(transfers=[wish])))
        for day in ("2026-01-31", "2025-12-31")
        for wish in [
            ledger.PostTransfer(
                transfer_id=new_id(),
                kind=Transfer.KIND_POSTED,
                debit_account_id="cash:hq:CNY",
                credit_account_id="opening:hq:CNY",
                amount=cny(1),
                post_date=day,
            )
        ]
    ]
    assert before.period.state == pb.Period.STATE_OPEN
    assert (period.document_count, period.transfer_count) == (40, 40)
    assert (period.state, period.closed_by) == (pb.Period.STATE_CLOSED, "finance@hq")
    assert [(one.code, one.reason) for _, one in answers] == [
        (grpc.StatusCode.FAILED_PRECONDITION, "PERIOD_CLOSED")
    ] * 2
    assert answers[0][1].metadata == {"postDate": "2026-01-31", "openFrom": "2026-02-01"}
    assert len(by_hand(books, "2026-02-01")) == 1
    lines = {
        line.code: (line.debits.amount_minor, line.credits.amount_minor)
        for line in of(books, JANUARY).lines
    }
    assert lines == {
        ledger_pb2.ACCOUNT_CODE_CASH: (40_000, 0),
        ledger_pb2.ACCOUNT_CODE_OPENING: (0, 40_000),
    }
    [told] = events_of(books, events_pb2.PeriodLocked)
    assert (told.month, told.document_count, list(told.totals)) == (JANUARY, 40, [cny(40_000)])


def test_what_comes_late_counts_for_the_first_open_day_and_keeps_its_own(books: World) -> None:
    by_hand(books, "2026-01-05")
    close(books, JANUARY)
    late, in_time = a_late_fact(date(2026, 1, 20), 700), a_late_fact(date(2026, 2, 20), 50)

    with database(books).transaction() as tx:
        usecases.post_all(tx, [[late], [in_time]])

    request = ledger.ListTransfersRequest(account_id="receivable:D1:CNY")
    transfers = books.call(request, role="finance").transfers
    at_end = {
        day: books.call(
            ledger.GetAccountRequest(account_id="receivable:D1:CNY", as_of_date=day),
            role="finance",
        ).account.balance.amount_minor
        for day in ("2026-01-31", "2026-02-01", "2026-02-28")
    }
    found = [(one.post_date, one.occur_date, one.HasField("occur_date")) for one in transfers]
    assert found == [("2026-02-01", "2026-01-20", True), ("2026-02-20", "", False)]
    assert at_end == {"2026-01-31": 0, "2026-02-01": 700, "2026-02-28": 750}


def test_months_close_in_order_when_they_are_over_and_by_the_head_office(books: World) -> None:
    by_hand(books, "2026-01-05", "2026-02-05")

    early = refused(books, periods.ClosePeriodRequest(month="2026-03"))
    second = refused(books, periods.ClosePeriodRequest(month=FEBRUARY))
    region = refused(books, periods.ClosePeriodRequest(month=JANUARY), unit_id="r1")
    close(books, JANUARY)
    again = refused(books, periods.ClosePeriodRequest(month=JANUARY))
    close(books, FEBRUARY)
    listed = books.call(periods.ListPeriodsRequest(page_size=1), role="finance")
    rest = books.call(
        periods.ListPeriodsRequest(page_size=1, page_token=listed.next_page_token), role="finance"
    )

    assert (early.reason, early.metadata["closeFrom"]) == ("PERIOD_NOT_OVER", "2026-04-01")
    assert (second.reason, second.metadata["due"]) == ("PERIOD_OUT_OF_ORDER", JANUARY)
    assert (region.reason, again.reason) == ("OUT_OF_SCOPE", "PERIOD_STATE_FORBIDS")
    assert [one.month for one in (*listed.periods, *rest.periods)] == [FEBRUARY, JANUARY]
    opening = {
        line.code: (line.opening_balance.amount_minor, line.closing_balance.amount_minor)
        for line in of(books, FEBRUARY).lines
    }
    assert opening[ledger_pb2.ACCOUNT_CODE_CASH] == (1_000, 2_000)
    assert opening[ledger_pb2.ACCOUNT_CODE_OPENING] == (-1_000, -2_000)


def test_a_trial_finds_what_closing_would_and_changes_nothing(books: World) -> None:
    by_hand(books, "2026-01-05", "2026-01-06")
    request = periods.ClosePeriodRequest(month=JANUARY, dry_run=True)

    run_id = books.call(request, role="finance").run_id

    [row] = previews(books, run_id)
    found = json.loads(row.content_json)
    assert (row.fact, found["counts"]) == ("PeriodLocked", {"transfers": 2, "documents": 2})
    assert [line["closing"] for line in found["lines"]] == [[2_000, 0], [0, 2_000]]
    assert of(books, JANUARY).period == pb.Period(month=JANUARY, state=pb.Period.STATE_OPEN)
    assert len(by_hand(books, "2026-01-07")) == 1
    assert books.rows("settlement", "SELECT 1 FROM account_month UNION SELECT 1 FROM period") == []


def test_of_two_who_close_a_month_at_once_both_get_the_one_run(books: World) -> None:
    by_hand(books, "2026-01-05")
    barrier = threading.Barrier(2)

    def ask(subject: str) -> str:
        barrier.wait()
        request = periods.ClosePeriodRequest(month=JANUARY)
        return str(books.call(request, role="finance", subject=subject).run_id)

    with ThreadPoolExecutor(2) as pool:
        run_ids = set(pool.map(ask, ["li.wei", "wang.fang"]))

    period = wait_for(books, JANUARY)
    assert run_ids == {period.run_id}
    assert (period.attempt, len(events_of(books, events_pb2.PeriodLocked))) == (1, 1)


def test_closing_waits_for_a_posting_under_way_and_what_follows_counts_later(
    books: World,
) -> None:
    day = date(2026, 1, 20)

    def lock() -> None:
        with database(books).transaction() as tx:
            months.lock(tx, Month.parse(JANUARY))

    with ThreadPoolExecutor(1) as pool:
        with database(books).transaction() as tx:
            usecases.post(tx, [a_late_fact(day, 1)])
            locked = pool.submit(lock)
            until(lambda: waiting(books) > 0, "closing waits")
        locked.result()
    with database(books).transaction() as tx:
        usecases.post(tx, [a_late_fact(day, 10)])

    found = books.rows(
        "settlement", "SELECT amount_minor, post_date::text FROM transfer ORDER BY sequence"
    )
    assert found == [(1, "2026-01-20"), (10, "2026-02-01")]


def test_a_chunk_that_is_done_twice_leaves_what_once_does(books: World) -> None:
    """A pod may die behind the effect of a chunk and before it is told; then it is done again."""
    by_hand(books, "2026-01-05", "2026-01-05", "2026-01-31")
    step = closing.steps(books.clock)(a_run())
    cursor: Any = {"month": JANUARY, "phase": "lock"}
    facts: list[Any] = []
    while cursor is not None:
        with database(books).transaction() as tx:
            times = 1 if cursor["phase"] == "finish" else 2
            chunk = [step(tx, cursor) for _ in range(times)][-1]
        cursor, facts = chunk.cursor, [*facts, *chunk.facts]

    [fact] = facts
    assert (fact.counts.transfers, fact.counts.documents) == (3, 3)
    assert fact.totals == (Money("CNY", 3_000),)
    sums = books.rows(
        "settlement", "SELECT account_id, debits_minor, credits_minor FROM account_month ORDER BY 1"
    )
    assert sums == [("cash:hq:CNY", 3_000, 0), ("opening:hq:CNY", 0, 3_000)]


def a_run() -> Run:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return Run(
        id=new_id(),
        kind=closing.KIND,
        key=JANUARY,
        dry_run=True,
        state=State.RUNNING,
        cursor={},
        epoch=1,
        total=None,
        done_count=0,
        message="",
        unit_id="hq",
        requested_by="li.wei",
        traceparent="",
        create_time=at,
        started_time=at,
        ended_time=None,
    )


@req("R-140")
def test_one_order_cycle_leaves_through_one_balanced_export(books: World) -> None:
    deliver(books, approve(books, an_order(("P1", 1_000, 855_000))))
    receipt = invoices.RecordReceiptRequest(
        partner_id="D1", amount=cny(855_000), reference="BANK-1"
    )
    books.call(receipt, role="finance")
    books.clock.set(books.clock.now() + timedelta(days=31))
    too_soon = refused(books, periods.PrepareLedgerExportRequest(month="2026-03"))
    close(books, "2026-03")

    export = books.call(periods.PrepareLedgerExportRequest(month="2026-03"), role="finance").export

    lines = books.call(
        periods.ListLedgerExportLinesRequest(export_id=export.export_id), role="finance"
    ).lines
    sides = [
        (line.code, line.debit.amount_minor, line.credit.amount_minor, len(line.destinations))
        for line in lines
    ]
    parts = {
        destination: [
            line.code
            for line in books.call(
                periods.ListLedgerExportLinesRequest(
                    export_id=export.export_id, destination=destination
                ),
                role="finance",
            ).lines
        ]
        for destination in (
            pb.LEDGER_DESTINATION_MANAGEMENT_ACCOUNTING,
            pb.LEDGER_DESTINATION_TREASURY,
        )
    }
    again = books.call(periods.PrepareLedgerExportRequest(month="2026-03"), role="finance").export
    assert too_soon.reason == "PERIOD_STATE_FORBIDS"
    assert (export.state, list(export.totals)) == (pb.LedgerExport.STATE_PREPARED, [cny(855_000)])
    assert sides == [
        (ledger_pb2.ACCOUNT_CODE_CASH, 855_000, 0, 2),
        (ledger_pb2.ACCOUNT_CODE_REVENUE, 0, 855_000, 2),
    ]
    assert parts == {
        pb.LEDGER_DESTINATION_MANAGEMENT_ACCOUNTING: [ledger_pb2.ACCOUNT_CODE_REVENUE],
        pb.LEDGER_DESTINATION_TREASURY: [ledger_pb2.ACCOUNT_CODE_CASH],
    }
    assert again.export_id == export.export_id == of(books, "2026-03").period.export_id


def test_an_export_is_sent_once_and_confirmed_with_its_own_totals(books: World) -> None:
    by_hand(books, "2026-01-05", amount_minor=855_000)
    close(books, JANUARY)
    prepare = periods.PrepareLedgerExportRequest(month=JANUARY)
    export_id = books.call(prepare, role="finance").export.export_id

    def confirm(*totals: Any) -> periods.ConfirmLedgerExportRequest:
        return periods.ConfirmLedgerExportRequest(
            export_id=export_id, reference="GL-1", totals=totals
        )

    unsent = refused(books, confirm(cny(855_000)))
    books.call(periods.SendLedgerExportRequest(export_id=export_id), role="finance")
    twice = refused(books, periods.SendLedgerExportRequest(export_id=export_id))
    wrong = [refused(books, confirm(*totals)) for totals in ((cny(855_001),), ())]
    unknown = refused(books, periods.GetLedgerExportRequest(export_id=new_id()))
    done = books.call(confirm(cny(855_000)), role="finance").export

    assert {unsent.reason, twice.reason} == {"LEDGER_EXPORT_STATE_FORBIDS"}
    assert [one.reason for one in wrong] == ["LEDGER_EXPORT_TOTAL_DIFFERS"] * 2
    assert unknown.reason == "LEDGER_EXPORT_NOT_FOUND"
    assert (done.state, done.reference) == (pb.LedgerExport.STATE_CONFIRMED, "GL-1")
    assert [one.month for one in events_of(books, events_pb2.LedgerExportSent)] == [JANUARY]
    assert len(events_of(books, events_pb2.LedgerExportConfirmed)) == 1


def test_a_month_opens_again_only_when_the_policy_says_so_and_nothing_was_sent(
    books: World,
) -> None:
    by_hand(books, "2026-01-05", "2026-02-05")
    close(books, JANUARY)
    books.call(periods.PrepareLedgerExportRequest(month=JANUARY), role="finance")
    request = periods.ReopenPeriodRequest(month=JANUARY, reason="a late bill")

    forbidden = refused(books, request)
    allow_reopening(books)
    opened = books.call(request, role="finance").period
    more = by_hand(books, "2026-01-31")
    closed = close(books, JANUARY)
    close(books, FEBRUARY)
    not_last = refused(books, request)
    february = periods.PrepareLedgerExportRequest(month=FEBRUARY)
    export_id = books.call(february, role="finance").export.export_id
    books.call(periods.SendLedgerExportRequest(export_id=export_id), role="finance")
    sent = refused(books, periods.ReopenPeriodRequest(month=FEBRUARY, reason="too late"))

    assert forbidden.reason == "PERIOD_REOPENING_FORBIDDEN"
    assert (opened.state, opened.export_id) == (pb.Period.STATE_OPEN, "")
    assert [one.post_date for one in more] == ["2026-01-31"]
    assert (closed.attempt, closed.document_count, closed.reopen_reason) == (2, 2, "a late bill")
    assert (not_last.reason, not_last.metadata["due"]) == ("PERIOD_OUT_OF_ORDER", FEBRUARY)
    assert sent.reason == "LEDGER_EXPORT_STATE_FORBIDS"
