"""Eighteen months of real purchases as sales of agents, each month settled and closed.

On the last day of a month the agents report what they sold; on the tenth of the next they pay it,
the month's rebate is accrued and the month is closed.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from typing import Final

from mantle.channels.v1 import sales_report_service_pb2 as rpc
from mantle.settlement.v1 import invoice_service_pb2 as invoice_rpc
from mantle.settlement.v1 import ledger_pb2
from mantle.settlement.v1 import rebate_service_pb2 as rebate_rpc

from chassis.period import Month
from local.demo.desk import until
from local.demo.narrator import ZONE
from local.demo.scene import MORNING, Scene
from local.demo.trade import ledger
from local.demo.trade.ledger import BooksDiffer, Sums
from local.demo.trade.purchases import CURRENCY, Purchase, Sold, sale_of, usd
from local.demo.trade.shop import UNIT

EVENING: Final = clock_time(18, 0)
PAY_DAY: Final = 10
BATCH: Final = 1_000
AT_ONCE: Final = 4
APPLY_S: Final = 120.0
LOOK_S: Final = 0.1
_CODE: Final = ledger_pb2.AccountCode


@dataclass(frozen=True, slots=True)
class Settled:
    """Hold what a closed month brought, as its trial balance says it, and how long each part took.

    Units: minor units; seconds by part.
    """

    month: Month
    orders: int
    revenue: int
    commission: int
    rebate: int
    receipts: int
    debits: int
    credits: int
    took_s: dict[str, float]


class Months:
    """Take the shop through its months, one after the other."""

    def __init__(self, scene: Scene) -> None:
        """Begin with empty books of the shop's currency."""
        self._scene = scene
        self._revenue = 0
        self._commission = 0
        self._took_s: dict[str, float] = {}

    def settle(self, month: Month, sold: Sold) -> Settled:
        """Play one month.

        Errors: BooksDiffer when the closed month does not say what the file does.
        """
        with self._scene.desk.unkept("month"):
            return self._settle(month, sold)

    def _settle(self, month: Month, sold: Sold) -> Settled:
        self._took_s = {}
        self._scene.move_to(datetime.combine(month.last_day, EVENING, ZONE))
        self._timed("report", lambda: self._report(month, sold))
        self._timed("settle", lambda: self._await_books(sold))
        pay_day = month.next().first_day + timedelta(days=PAY_DAY - 1)
        self._scene.move_to(datetime.combine(pay_day, MORNING, ZONE))
        self._timed("receive", lambda: self._receive(month, sold))
        self._timed("rebate", lambda: self._accrue(month))
        self._timed("close", lambda: ledger.close_month(self._scene, str(month)))
        return self._checked(month, sold)

    def _timed(self, part: str, act: Callable[[], object]) -> None:
        began_s = time.monotonic()
        act()
        self._took_s[part] = time.monotonic() - began_s

    def _report(self, month: Month, sold: Sold) -> None:
        """Let all agents report, some at once, each in parts that one request may have."""

        def report(agent: str, part: list[Purchase]) -> None:
            request = rpc.ImportSalesRequest(partner_id=agent, sales=map(sale_of, part))
            with self._scene.desk.unkept("sales report"):
                self._scene.desk.person("sales_administration").ask(request)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            parts = [
                pool.submit(report, agent, own[start : start + BATCH])
                for agent, own in sorted(sold.items())
                for start in range(0, len(own), BATCH)
            ]
            for part in parts:
                part.result()

    def _await_books(self, sold: Sold) -> None:
        """Wait until settlement has invoiced everything."""
        bought = [one for own in sold.values() for one in own]
        self._revenue += sum(one.amount_minor for one in bought)
        self._commission += sum(one.commission_minor for one in bought)

        def there() -> bool:
            found = ledger.sums(self._scene, CURRENCY)
            return (
                found.income(_CODE.ACCOUNT_CODE_REVENUE) >= self._revenue
                and found.expense(_CODE.ACCOUNT_CODE_COMMISSION_EXPENSE) >= self._commission
            )

        until(there, "invoices of the month", within_s=APPLY_S, pause_s=LOOK_S)

    def _receive(self, month: Month, sold: Sold) -> None:
        """Let all agents pay what they sold."""

        def receive(agent: str) -> None:
            minor = sum(one.amount_minor for one in sold[agent])
            request = invoice_rpc.RecordReceiptRequest(
                partner_id=agent, amount=usd(minor), reference=f"sales of {month}"
            )
            with self._scene.desk.unkept("receipt"):
                self._scene.desk.person("finance").ask(request)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(receive, sorted(sold)))

    def _accrue(self, month: Month) -> None:
        request = rebate_rpc.AccrueRebatesRequest(month=str(month), unit_id=UNIT)
        run_id = self._scene.desk.person("finance").ask(request).work_run_id
        ledger.await_run(self._scene, run_id, f"the rebates of {month}")

    def _checked(self, month: Month, sold: Sold) -> Settled:
        found = ledger.month_sums(self._scene, str(month), CURRENCY)
        bought = [one for own in sold.values() for one in own]
        settled = _settled(month, len(bought), found, took_s=self._took_s)
        for what, expected, booked in (
            ("revenue", sum(one.amount_minor for one in bought), settled.revenue),
            ("commission", sum(one.commission_minor for one in bought), settled.commission),
        ):
            if expected != booked:
                raise BooksDiffer(f"{what} of {month}", expected=expected, found=booked)
        return settled


def _settled(month: Month, orders: int, found: Sums, *, took_s: dict[str, float]) -> Settled:
    return Settled(
        month=month,
        orders=orders,
        revenue=found.income(_CODE.ACCOUNT_CODE_REVENUE),
        commission=found.expense(_CODE.ACCOUNT_CODE_COMMISSION_EXPENSE),
        rebate=found.expense(_CODE.ACCOUNT_CODE_REBATE_EXPENSE),
        receipts=found.debits[_CODE.ACCOUNT_CODE_CASH],
        debits=found.debits.total(),
        credits=found.credits.total(),
        took_s=took_s,
    )
