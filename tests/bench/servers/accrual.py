"""`python -m tests.bench.servers.accrual URL MONTH`: one pod that takes a month's accrual to its
end, and prints how long the chunks took and how much memory it ever had."""

import json
import resource
import sys
import time

from chassis import telemetry
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.period import Month
from chassis.scope import Caller
from chassis.work.backdoor import BackDoor
from chassis.work.runner import Runner
from settlement.rebate import accruing
from settlement.rebate.run import ACCRUAL_KIND
from settlement.rebate.wire import FACTS
from tests.support.server import ROOT_UNIT, START

FINANCE = Caller("bench", frozenset({"finance"}), ROOT_UNIT, "bench")


def main(url: str, text: str) -> None:
    """Ask for the accrual, or find the one that was asked for, and do what is left of it."""
    month = Month.parse(text)
    database = Database(url, size=2)
    measured = telemetry.set_up("settlement", instance="bench")
    back_door = BackDoor(
        database,
        facts=FACTS,
        clock=FixedClock(START),
        committed=lambda: None,
        telemetry=measured,
    )
    runner = Runner(back_door, kinds={ACCRUAL_KIND: accruing.step_of(FixedClock(START))})
    with database.transaction() as tx:
        accruing.start(
            tx,
            month=month,
            unit_id=ROOT_UNIT,
            dry_run=False,
            by=FINANCE,
            today=month.next().first_day,
        )
    begin_s = time.perf_counter()
    chunks = runner.drain()
    seconds = time.perf_counter() - begin_s
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "chunks": chunks, "peak_kib": peak_kib}))


if __name__ == "__main__":
    main(*sys.argv[1:])
