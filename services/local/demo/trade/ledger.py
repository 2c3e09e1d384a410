"""What settlement's books say: sums by code, closed months, and runs that are waited for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mantle.settlement.v1 import ledger_pb2, period_close_pb2
from mantle.settlement.v1 import ledger_service_pb2 as ledger_rpc
from mantle.settlement.v1 import period_close_service_pb2 as period_rpc
from mantle.work.v1 import work_pb2
from mantle.work.v1 import work_service_pb2 as work_rpc

from local.demo.desk import until
from local.demo.scene import Scene
from local.errors import LocalError

RUN_S: Final = 120.0
LOOK_S: Final = 0.1
_ENDED: Final = frozenset(
    {work_pb2.Run.STATE_DONE, work_pb2.Run.STATE_FAILED, work_pb2.Run.STATE_CANCELLED}
)


class BooksDiffer(LocalError):
    """The books do not say what the demo knows."""

    def __init__(self, what: str, *, expected: int, found: int) -> None:
        """Name both."""
        super().__init__(f"{what}: {found} in the books, {expected} expected")


@dataclass(frozen=True, slots=True)
class Sums:
    """Hold debits and credits by code, in one currency.

    Units: minor units.
    """

    debits: Counter[int]
    credits: Counter[int]

    def expense(self, code: int) -> int:
        """Return what an expense became more."""
        return self.debits[code] - self.credits[code]

    def income(self, code: int) -> int:
        """Return what an income became more."""
        return self.credits[code] - self.debits[code]


def sums(scene: Scene, currency_code: str) -> Sums:
    """Return the sums of the whole ledger."""
    answer = scene.desk.person("finance").ask(ledger_rpc.GetTrialBalanceRequest())
    lines = [one for one in answer.lines if one.debits.currency_code == currency_code]
    return _sums(lines)


def close_month(scene: Scene, month: str) -> period_close_pb2.Period:
    """Close a month and return it."""
    finance = scene.desk.person("finance")
    run_id = finance.ask(period_rpc.ClosePeriodRequest(month=month)).run_id
    await_run(scene, run_id, f"the close of {month}")
    found: period_close_pb2.Period = finance.ask(period_rpc.GetPeriodRequest(month=month)).period
    return found


def month_sums(scene: Scene, month: str, currency_code: str) -> Sums:
    """Return the sums of a closed month, whose debits equal its credits.

    Errors: BooksDiffer.
    """
    answer = scene.desk.person("finance").ask(period_rpc.GetPeriodRequest(month=month))
    found = _sums([one for one in answer.lines if one.debits.currency_code == currency_code])
    debits, credit = found.debits.total(), found.credits.total()
    if debits != credit:
        raise BooksDiffer(f"debits and credits of {month}", expected=debits, found=credit)
    return found


def await_run(scene: Scene, run_id: str, what: str) -> work_pb2.Run:
    """Wait until a run of settlement has ended well, and return it.

    Errors: NeverCame; LocalError when it failed.
    """
    finance = scene.desk.person("finance")

    def run() -> work_pb2.Run:
        asked = work_rpc.GetRunRequest(run_id=run_id)
        found: work_pb2.Run = finance.ask(asked, service="settlement").run
        return found

    until(lambda: run().state in _ENDED, what, within_s=RUN_S, pause_s=LOOK_S)
    ended = run()
    if ended.state != work_pb2.Run.STATE_DONE:
        raise LocalError(f"{what} ended {work_pb2.Run.State.Name(ended.state)}: {ended.message}")
    return ended


def name_of(code: int) -> str:
    """Say in words what accounts are for."""
    name = ledger_pb2.AccountCode.Name(ledger_pb2.AccountCode.ValueType(code))
    return name.removeprefix("ACCOUNT_CODE_").replace("_", " ").lower()


def _sums(
    lines: Sequence[ledger_rpc.TrialBalanceLine] | Sequence[period_close_pb2.PeriodLine],
) -> Sums:
    debits: Counter[int] = Counter()
    credit: Counter[int] = Counter()
    for line in lines:
        debits[line.code] += line.debits.amount_minor
        credit[line.code] += line.credits.amount_minor
    return Sums(debits, credit)
