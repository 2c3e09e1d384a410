"""Settlement's database with the rebate's runs at hand, without a server in front of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from chassis import scope, telemetry
from chassis.clock import FixedClock
from chassis.database import Database, Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.paging import open_page
from chassis.period import DateRange, Month
from chassis.policy import usecases as policies
from chassis.policy.domain import Draft
from chassis.policy.parameters import Value
from chassis.policy.wire import FACTS as POLICY_FACTS
from chassis.scope import Caller
from chassis.work import usecases as work
from chassis.work.backdoor import BackDoor
from chassis.work.domain import Run
from chassis.work.runner import Runner
from local.databases import ServiceDatabase
from settlement.policy_kinds import KINDS
from settlement.rebate import accruing, settling, usecases
from settlement.rebate.domain import BaseEntry, BaseKind
from settlement.rebate.run import ACCRUAL_KIND, COMPUTE_KIND
from settlement.rebate.wire import FACTS
from tests.support.server import ROOT_UNIT

T = TypeVar("T")
AT = datetime(2027, 1, 5, 2, 0, tzinfo=UTC)
FINANCE = Caller("li.wei", frozenset({"finance"}), ROOT_UNIT, "li.wei")
BOSS = Caller("zhang.min", frozenset({"marketing_vp"}), ROOT_UNIT, "zhang.min")
POLICIES = Path(usecases.__file__).parents[1] / "policies"


@dataclass(slots=True)
class RebateDesk:
    """Hold the database and what takes its runs forward."""

    place: ServiceDatabase
    database: Database
    measured: telemetry.Telemetry
    partners: int = accruing.CHUNK_PARTNERS

    @classmethod
    def open(
        cls, place: ServiceDatabase, *, partners: int = accruing.CHUNK_PARTNERS
    ) -> "RebateDesk":
        """Open it with the root unit and the default policies."""
        measured = telemetry.set_up("settlement", instance="test")
        desk = cls(place, Database(place.app_url, size=4), measured, partners)
        desk.do(
            lambda tx: scope.copy_unit(
                tx, unit_id=ROOT_UNIT, path=f"{ROOT_UNIT}/", version=1, at=AT
            )
        )
        desk.do(lambda tx: policies.ensure_defaults(tx, directory=POLICIES, kinds=KINDS, at=AT))
        return desk

    def close(self) -> None:
        """Let the database go."""
        self.database.close()
        self.measured.stop()

    def do(self, act: Callable[[Transaction], T]) -> T:
        """Act in a transaction of its own."""
        with self.database.transaction() as tx:
            return act(tx)

    def back_door(self) -> BackDoor:
        """Return the transaction of the service's own work."""
        return BackDoor(
            self.database,
            facts={**POLICY_FACTS, **FACTS},
            clock=FixedClock(AT),
            committed=lambda: None,
            telemetry=self.measured,
        )

    def runner(self) -> Runner:
        """Return what takes the runs forward."""
        return Runner(
            self.back_door(),
            kinds={
                ACCRUAL_KIND: accruing.step_of(FixedClock(AT), partners=self.partners),
                COMPUTE_KIND: settling.compute_step(partners=self.partners),
            },
        )

    def accrue(self, month: str, *, dry_run: bool = False) -> Run:
        """Ask for the accrual of a month."""
        return self.do(
            lambda tx: accruing.start(
                tx,
                month=Month.parse(month),
                unit_id=ROOT_UNIT,
                dry_run=dry_run,
                by=FINANCE,
                today=AT.date(),
            )
        ).value

    def approve(self, scope_text: str, parameters: Mapping[str, Value]) -> str:
        """Put rules in force for a scope from the beginning of 2026 on."""
        draft = Draft("rebate", scope_text, _from(2026), parameters, {})

        def act(tx: Transaction) -> str:
            made = policies.create(tx, draft=draft, kinds=KINDS, by=FINANCE, at=AT).value
            policies.approve(
                tx, policy_id=made.policy_id, kinds=KINDS, by=BOSS, at=AT, today=AT.date()
            )
            return made.policy_id

        return self.do(act)

    def previews(self, run: Run) -> list[dict[str, object]]:
        """Return what a dry run found."""
        part = open_page(0, "", conditions=())
        found = self.do(lambda tx: work.previews(tx, run_id=run.id, page=part, by=FINANCE))
        return [dict(one.content) for one in found.items]


def _from(year: int) -> DateRange:
    return DateRange(date(year, 1, 1), None)


def entry(
    partner_id: str,
    amount_minor: int,
    day: str,
    *,
    kind: BaseKind = BaseKind.PURCHASE,
    order_id: str = "",
    unit_id: str = ROOT_UNIT,
) -> BaseEntry:
    """Make an entry of a base."""
    return BaseEntry(
        entry_id=new_id(),
        partner_id=partner_id,
        unit_id=unit_id,
        kind=kind,
        amount=Money("CNY", amount_minor),
        day=date.fromisoformat(day),
        order_id=order_id,
    )


def add(tx: Transaction, *entries: BaseEntry) -> Sequence[BaseEntry]:
    """Write entries of a base, and return them."""
    usecases.add_base(tx, entries)
    return entries
