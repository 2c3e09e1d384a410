"""The ends of a month and of a year under fire: each request and each run of settlement is killed.

A run's chunk has no seam. A trigger lets it stand still when it is about to be committed, and the
process is killed there: nothing of the chunk may be left, and the next process goes on with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from mantle.policy.v1 import policy_service_pb2 as policies
from mantle.settlement.v1 import commission_service_pb2 as commission
from mantle.settlement.v1 import invoice_service_pb2 as invoices
from mantle.settlement.v1 import period_close_service_pb2 as periods
from mantle.settlement.v1 import rebate_service_pb2 as rebates
from mantle.settlement.v1.rebate_pb2 import REBATE_PAYOUT_ADVANCE
from mantle.type.v1 import money_pb2

from chassis.period import Month
from chassis.rpc.methods import Method, method_of
from tests.faults.clients import Client, Crowd, Habits
from tests.faults.proxy import LosingProxy
from tests.faults.stage import ZONE, Stage, channel
from tests.faults.trials import Bench
from tests.support.server import ROOT_UNIT
from tests.support.waiting import until

SERVICE = "settlement"
LOSING = 0.5
# Everybody gets goods and pays for some of them, so that there is something to settle.
BUYERS = Habits(giving_up=0.0, hasty=0.0, delivering=0.9, cancelling=0.1, paying=0.5)
# Whatever was answered is sent again.
SURE = Habits(giving_up=0.0, hasty=0.0, repeating=1.0)
# A lock of the harness' own, which no service knows.
STAND_KEY = 4_711
STAND = """
CREATE OR REPLACE FUNCTION stand() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN
    PERFORM set_config('lock_timeout', '0', true);
    PERFORM pg_advisory_xact_lock({key});
    RETURN NEW;
  END $$;
CREATE OR REPLACE TRIGGER stand BEFORE UPDATE ON work_run FOR EACH ROW
  WHEN (OLD.kind = '{kind}' AND NOT OLD.dry_run AND '{phase}' IN ('', OLD.cursor ->> 'phase')
    AND (NEW.cursor <> OLD.cursor OR NEW.state = 'DONE'))
  EXECUTE FUNCTION stand();
"""
STANDING = """
SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %(key)s AND NOT granted
"""
EXPIRE = "UPDATE work_run SET lease_until = now() - interval '1 s' WHERE state = 'RUNNING'"
RUNS = "SELECT state, message FROM work_run WHERE kind = %(kind)s AND NOT dry_run"
OPEN = """
SELECT partner_id, sum(open_minor)::bigint FROM invoice
WHERE open_minor > 0 AND pickup_state <> 'OPEN' GROUP BY 1 ORDER BY 1
"""
UNCONFIRMED = """
SELECT 1 FROM commission_entry WHERE state = 'ACCRUED' AND confirm_date <= %(today)s
"""
# By method or kind of run: at which seams of the request, and standing in which chunks, it dies.
Kills = Mapping[str, Sequence[str]]
BOTH = ("before_commit", "after_commit")
MONTH_KILLS: Kills = {
    "RecordReceipt": BOTH,
    "MatchReceipt": BOTH,
    "AccrueRebates": BOTH,
    "rebate_accrual": ("",),
    "SettleCommission": BOTH,
    "commission_statements": ("",),
    "ClosePeriod": BOTH,
    "close_period": ("lock", "accounts", "days", "finish"),
}
YEAR_KILLS: Kills = {
    "StartRebateRun": BOTH,
    "rebate_run": ("",),
    "ReviewRebateRun": BOTH,
    "ApproveRebateRun": BOTH,
    "rebate_settle": ("",),
    "PayRebateRun": BOTH,
    "rebate_pay": ("",),
}
FEW_MONTH_KILLS: Kills = {"MatchReceipt": ("after_commit",), "close_period": ("days",)}
FEW_YEAR_KILLS: Kills = {"rebate_pay": ("",)}


@dataclass(frozen=True, slots=True)
class Desk:
    """Hold who settles: a client of its own, and where settlement still is to die."""

    bench: Bench
    client: Client
    kills: dict[str, Sequence[str]]

    @property
    def stage(self) -> Stage:
        """Return the stage."""
        return self.bench.stage

    def do(self, request: Message, *, kind: str = "", **asked: object) -> Message:
        """Ask for something until it is answered, and wait for the run that it begins, while
        settlement dies wherever it is to die."""
        stage, method = self.stage, method_of(type(request)).short
        seams, chunks = list(self.kills.pop(method, ())), list(self.kills.pop(kind, ()))
        if chunks:
            self._let_stand(kind, chunks[0])
        stage.arm(*(f"{SERVICE}/{method}/{seam}" for seam in seams[:1]))
        with ThreadPoolExecutor(1) as pool:
            answer: Future[Message | None] = pool.submit(self.client.ask, request, **asked)
            while seams:
                passed = f"{method}/{seams[0]} to be passed"
                until(lambda: bool(stage.dead()), passed, within_s=30)
                stage.marks.write("killed", service=SERVICE, seam=f"{method}/{seams.pop(0)}")
                stage.arm(*(f"{SERVICE}/{method}/{seam}" for seam in seams[:1]))
                self._revive()
        reply = answer.result()
        assert reply is not None, f"{method}: {self.client.last_word}"
        while chunks:
            until(self._stands, f"a chunk {chunks[0]!r} of {kind} to stand", within_s=30)
            stage.kill(SERVICE)
            chunks.pop(0)
            self._let_go(kind, chunks)
            self._revive()
        if kind:
            until(lambda: self._is_done(kind), f"{kind} to be done", within_s=60)
        return reply

    def _let_stand(self, kind: str, phase: str) -> None:
        self.stage.change(SERVICE, STAND.format(key=STAND_KEY, kind=kind, phase=phase))
        self.stage.rows(SERVICE, "SELECT pg_advisory_lock(%(key)s)", key=STAND_KEY)

    def _let_go(self, kind: str, chunks: Sequence[str]) -> None:
        """Let the dead process' transaction go; it finds nobody, and the database undoes it."""
        self.stage.rows(SERVICE, "SELECT pg_advisory_unlock(%(key)s)", key=STAND_KEY)
        if chunks:
            self._let_stand(kind, chunks[0])
        else:
            self.stage.change(SERVICE, "DROP TRIGGER stand ON work_run")

    def _stands(self) -> bool:
        return bool(self.stage.rows(SERVICE, STANDING, key=STAND_KEY))

    def _revive(self) -> None:
        """Start settlement again, with the leases of the dead process at their end."""
        self.stage.change(SERVICE, EXPIRE)
        self.stage.revive(SERVICE)

    def _is_done(self, kind: str) -> bool:
        found = self.stage.rows(SERVICE, RUNS, kind=kind)
        failed = [message for state, message in found if state == "FAILED"]
        assert not failed, f"{kind} failed: {failed}"
        return bool(found) and all(state == "DONE" for state, _ in found)


def month_end(bench: Bench, count: int, *, kills: Kills) -> int:
    """Sell, collect, accrue rebate, state commission and close the month."""
    stage = bench.stage
    today = stage.today
    _lower_tiers(stage)
    _sell(bench, count)
    with _desk(bench, kills) as desk:
        _collect(desk)
        month = Month.of(today)
        _go_to(stage, month.next())
        confirmed = f"the commission of {month} to be confirmed"
        values = {"today": month.last_day}
        until(lambda: not stage.rows(SERVICE, UNCONFIRMED, **values), confirmed, within_s=30)
        text = str(month)
        accrue = rebates.AccrueRebatesRequest(month=text, unit_id=ROOT_UNIT)
        desk.do(accrue, kind="rebate_accrual", month=text)
        state = commission.SettleCommissionRequest(month=text)
        desk.do(state, kind="commission_statements", month=text)
        desk.do(periods.ClosePeriodRequest(month=text), kind="close_period", month=text)
    return count


def year_end(bench: Bench, count: int, *, kills: Kills) -> int:
    """Sell and collect, and when the year is over compute, review, approve and pay its rebates."""
    stage = bench.stage
    year = stage.today.year
    _lower_tiers(stage)
    _sell(bench, count)
    with _desk(bench, kills) as desk:
        _collect(desk)
        _go_to(stage, Month(year, 12).next())
        start = rebates.StartRebateRunRequest(year=year, unit_id=ROOT_UNIT)
        begun = desk.do(start, kind="rebate_run", year=year)
        assert isinstance(begun, rebates.StartRebateRunResponse)
        run_id = begun.run.run_id
        desk.do(rebates.ReviewRebateRunRequest(run_id=run_id, passed=True), run_id=run_id)
        approve = rebates.ApproveRebateRunRequest(run_id=run_id, agreed=True)
        desk.do(approve, kind="rebate_settle", run_id=run_id)
        pay = rebates.PayRebateRunRequest(run_id=run_id, payout=REBATE_PAYOUT_ADVANCE)
        desk.do(pay, kind="rebate_pay", run_id=run_id)
    paid = stage.rows(SERVICE, "SELECT count(*) FROM rebate_payment")
    assert paid != [(0,)], "a year without a rebate proves nothing"
    return count


@contextmanager
def _desk(bench: Bench, kills: Kills) -> Iterator[Desk]:
    """Open a desk half of whose answers are lost on their way."""
    stage = bench.stage
    stage.settle()
    proxy = LosingProxy(int(stage.platform.address(SERVICE).rpartition(":")[2]))
    end = channel(proxy.start())

    asked = 0

    def stub(method: Method) -> Any:
        # One at a time: while nobody answers, no answer is lost.
        nonlocal asked
        if asked == proxy.lost and bench.dice.random() < LOSING:
            asked += 1
            proxy.lose()
        return end.unary_unary(f"/{method.name}")

    crowd: Crowd = replace(bench.crowd, stub=stub, habits=SURE)
    client = Client(crowd, f"desk-{bench.dice.getrandbits(32)}", marks=[])
    try:
        yield Desk(bench, client, dict(kills))
    finally:
        end.close()
        client.close()
        proxy.stop()


def _sell(bench: Bench, count: int) -> None:
    crowd = replace(bench.crowd, habits=BUYERS)
    crowd.order(count)
    bench.stage.settle()


def _collect(desk: Desk) -> None:
    """Let every partner pay what it owes, by receipts that somebody matches by hand."""
    for partner_id, minor in desk.stage.rows(SERVICE, OPEN):
        reference = f"all of {partner_id} on {desk.stage.clock.now().isoformat()}"
        amount = money_pb2.Money(currency_code="CNY", amount_minor=minor)
        record = invoices.RecordReceiptRequest(
            partner_id=partner_id, amount=amount, reference=reference, by_hand=True
        )
        asked = {"reference": reference, "partner_id": partner_id, "amount_minor": minor}
        recorded = desk.do(record, **asked)
        assert isinstance(recorded, invoices.RecordReceiptResponse)
        receipt_id = recorded.receipt.receipt_id
        desk.do(invoices.MatchReceiptRequest(receipt_id=receipt_id), receipt_id=receipt_id)


def _lower_tiers(stage: Stage) -> None:
    """Let sums as small as those of the trials earn a rebate from today on, once."""
    listing = policies.ListPoliciesRequest(kind="rebate")
    known = stage.call(listing, role="finance", service=SERVICE).policies
    if any(not one.assumed for one in known):
        return
    today = stage.today.isoformat()
    draft = policies.CreatePolicyRequest(
        kind="rebate", start_date=today, parameters=known[0].parameters
    )
    lowest = draft.parameters["tiers"].list.values[0].record
    lowest.fields["from_minor"].integer = 1
    made = stage.call(draft, role="finance", service=SERVICE).policy
    approve = policies.ApprovePolicyRequest(policy_id=made.policy_id)
    stage.call(approve, role="marketing_vp", service=SERVICE)


def _go_to(stage: Stage, month: Month) -> None:
    """Let it be noon on the second day of a month, when every cooling-off is over."""
    stage.clock.set(month.starts(ZONE) + timedelta(days=1, hours=12))
