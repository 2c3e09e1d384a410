"""Cycles with their offices, adjustments, checks, filed layers and acknowledgements."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.period import Month
from planning.plan_side import Side
from planning.rolling_plan.delivery import Acknowledgement, Group
from planning.rolling_plan.domain import (
    APPROVED_STATES,
    Adjustment,
    Cycle,
    Deadlines,
    Filed,
    Office,
    State,
)
from planning.rolling_plan.errors import RollingCycleNotFound
from planning.rolling_plan.rows import (
    adjustment_of,
    check_of,
    customers_to_json,
    filed_of,
    office_of,
    supply_to_json,
)
from planning.rolling_plan.supply import SupplyCheck

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)
CYCLE_ID = sa.Uuid(as_uuid=False)

rolling_cycle = sa.Table(
    "rolling_cycle",
    TABLES,
    sa.Column("cycle_id", CYCLE_ID, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("merge_date", sa.Date, nullable=False),
    sa.Column("coordination_date", sa.Date, nullable=False),
    sa.Column("approval_date", sa.Date, nullable=False),
    sa.Column("version_id", sa.Text, nullable=False),
    sa.Column("office_version_id", sa.Text, nullable=False),
    sa.Column("sales_consent", sa.Boolean, nullable=False),
    sa.Column("market_consent", sa.Boolean, nullable=False),
    sa.Column("minutes", sa.Text, nullable=False),
    sa.Column("plan_version", sa.Integer, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", TIME, nullable=False),
)

rolling_office = sa.Table(
    "rolling_office",
    TABLES,
    sa.Column("cycle_id", CYCLE_ID, primary_key=True),
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("draft_version", sa.Integer, nullable=False),
    sa.Column("tool", sa.Text),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("situation", sa.Text, nullable=False),
    sa.Column("customers", JSONB, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("submitted_by", sa.Text, nullable=False),
)

forecast_adjustment = sa.Table(
    "forecast_adjustment",
    TABLES,
    sa.Column("cycle_id", CYCLE_ID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("delta", sa.BigInteger, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("adjusted_by", sa.Text, nullable=False),
    sa.Column("adjust_time", TIME, nullable=False),
)

supply_check = sa.Table(
    "supply_check",
    TABLES,
    sa.Column("cycle_id", CYCLE_ID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("lines", JSONB, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("ask_time", TIME, nullable=False),
)

filed_forecast = sa.Table(
    "filed_forecast",
    TABLES,
    sa.Column("cycle_id", CYCLE_ID, primary_key=True),
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("version_id", sa.Text, nullable=False),
    sa.Column("filed_by", sa.Text, nullable=False),
    sa.Column("file_time", TIME, nullable=False),
)

plan_acknowledgement = sa.Table(
    "plan_acknowledgement",
    TABLES,
    sa.Column("cycle_id", CYCLE_ID, primary_key=True),
    sa.Column("recipient_group", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("acknowledged_by", sa.Text, nullable=False),
    sa.Column("acknowledge_time", TIME, nullable=False),
)


def lock_unit(tx: Transaction, unit_id: str) -> None:
    """Let nobody else open or approve a cycle of a unit until the transaction ends."""
    key = sa.func.hashtextextended(f"rolling_cycle/{unit_id}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def exists(tx: Transaction, *, unit_id: str, month: Month) -> bool:
    """Tell whether a unit has a cycle of a month."""
    found = sa.select(rolling_cycle.c.cycle_id).where(
        rolling_cycle.c.unit_id == unit_id, rolling_cycle.c.month == str(month)
    )
    return tx.execute(found).first() is not None


def add(tx: Transaction, new: Cycle) -> None:
    """Store a new cycle with its offices."""
    tx.execute(
        sa.insert(rolling_cycle).values(
            cycle_id=new.cycle_id,
            unit_id=new.unit_id,
            month=str(new.month),
            process_id=new.process_id,
            start_date=new.deadlines.start,
            merge_date=new.deadlines.merge,
            coordination_date=new.deadlines.coordination,
            approval_date=new.deadlines.approval,
            version_id=new.version_id,
            office_version_id=new.office_version_id,
            created_by=new.created_by,
            create_time=new.create_time,
            **_changing(new),
        )
    )
    rows = [{"cycle_id": new.cycle_id, **_office_row(one)} for one in new.offices.values()]
    tx.execute(sa.insert(rolling_office), rows)


def save(tx: Transaction, changed: Cycle) -> None:
    """Store what can change of a cycle itself."""
    tx.execute(
        sa.update(rolling_cycle)
        .where(rolling_cycle.c.cycle_id == changed.cycle_id)
        .values(**_changing(changed))
    )


def save_office(tx: Transaction, cycle_id: str, office: Office) -> None:
    """Store what an office did."""
    tx.execute(
        sa.update(rolling_office)
        .where(rolling_office.c.cycle_id == cycle_id, rolling_office.c.unit_id == office.unit_id)
        .values(**_office_row(office))
    )


def add_adjustments(tx: Transaction, cycle: Cycle, added: Sequence[Adjustment]) -> None:
    """Store changes that a director made, behind those that are there."""
    first = len(cycle.adjustments) + 1
    rows = [
        {
            "cycle_id": cycle.cycle_id,
            "number": number,
            "side": one.side,
            "reason": one.reason,
            "note": one.note,
            "delta": one.delta,
            "unit_id": one.unit_id,
            "product_id": one.product_id,
            "channel": one.channel,
            "month": str(one.month),
            "adjusted_by": one.adjusted_by,
            "adjust_time": one.adjust_time,
        }
        for number, one in enumerate(added, first)
    ]
    if rows:
        tx.execute(sa.insert(forecast_adjustment), rows)


def add_check(tx: Transaction, cycle: Cycle, check: SupplyCheck) -> None:
    """Store what was answered, behind what is there."""
    tx.execute(
        sa.insert(supply_check).values(
            cycle_id=cycle.cycle_id,
            number=len(cycle.checks) + 1,
            kind=check.kind,
            state=check.state,
            reason=check.reason,
            lines=supply_to_json(check.lines),
            asked_by=check.asked_by,
            ask_time=check.ask_time,
        )
    )


def add_filed(tx: Transaction, cycle_id: str, filed: Filed) -> None:
    """Store that a layer's forecast was filed."""
    tx.execute(
        sa.insert(filed_forecast).values(
            cycle_id=cycle_id,
            layer=filed.layer,
            unit_id=filed.unit_id,
            version_id=filed.version_id,
            filed_by=filed.filed_by,
            file_time=filed.file_time,
        )
    )


def acknowledge(tx: Transaction, cycle_id: str, one: Acknowledgement) -> None:
    """Store an acknowledgement; the first of a group and unit stays."""
    row = insert(plan_acknowledgement).values(
        cycle_id=cycle_id,
        recipient_group=one.group,
        unit_id=one.unit_id,
        acknowledged_by=one.acknowledged_by,
        acknowledge_time=one.acknowledge_time,
    )
    tx.execute(row.on_conflict_do_nothing())


def acknowledgements(tx: Transaction, cycle_id: str) -> list[Acknowledgement]:
    """Return who acknowledged a plan, in order of time."""
    columns = plan_acknowledgement.c
    rows = tx.execute(
        sa.select(*columns)
        .where(columns.cycle_id == cycle_id)
        .order_by(columns.acknowledge_time, columns.recipient_group, columns.unit_id)
    )
    return [
        Acknowledgement(
            Group(row.recipient_group), row.unit_id, row.acknowledged_by, row.acknowledge_time
        )
        for row in rows
    ]


def next_plan_version(tx: Transaction, unit_id: str) -> int:
    """Return the version of the next plan that a unit's cycles approve, from 1."""
    latest = tx.scalar(
        sa.select(sa.func.max(rolling_cycle.c.plan_version)).where(
            rolling_cycle.c.unit_id == unit_id
        )
    )
    return (latest or 0) + 1


def get(tx: Transaction, cycle_id: str, *, lock: bool = False) -> Cycle:
    """Return a cycle; with `lock`, nobody else changes it until the transaction ends.

    Errors: RollingCycleNotFound.
    """
    statement = sa.select(*rolling_cycle.c).where(rolling_cycle.c.cycle_id == cycle_id)
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise RollingCycleNotFound(cycle_id)
    return _cycles(tx, [row])[0]


def approved_of(tx: Transaction, *, unit_id: str, month: Month) -> Cycle | None:
    """Return a unit's cycle of a month, if its plan is approved."""
    row = tx.execute(
        sa.select(*rolling_cycle.c).where(
            rolling_cycle.c.unit_id == unit_id,
            rolling_cycle.c.month == str(month),
            rolling_cycle.c.state.in_(APPROVED_STATES),
        )
    ).first()
    return None if row is None else _cycles(tx, [row])[0]


def page(tx: Transaction, part: Page, *, units: sa.ScalarSelect[str] | None) -> Slice[Cycle]:
    """Return a page of cycles, the latest month first."""
    statement = sa.select(*rolling_cycle.c)
    if units is not None:
        statement = statement.where(rolling_cycle.c.unit_id.in_(units))
    columns = [rolling_cycle.c.month, rolling_cycle.c.cycle_id]
    rows = tx.execute(keyset(statement, part, columns, descending=True)).all()
    return part.slice(_cycles(tx, rows), key=lambda one: [str(one.month), one.cycle_id])


def _changing(cycle: Cycle) -> dict[str, object]:
    return {
        "state": cycle.state,
        "sales_consent": cycle.consents[Side.SALES],
        "market_consent": cycle.consents[Side.MARKET],
        "minutes": cycle.minutes,
        "plan_version": cycle.plan_version,
    }


def _office_row(office: Office) -> dict[str, object]:
    return {
        "unit_id": office.unit_id,
        "draft_version": office.draft_version,
        "tool": office.tool,
        "note": office.note,
        "situation": office.situation,
        "customers": customers_to_json(office.customers),
        "comment": office.comment,
        "passed": office.passed,
        "submitted_by": office.submitted_by,
    }


def _cycles(tx: Transaction, rows: Sequence[Any]) -> list[Cycle]:
    """Put cycles together, each of their parts by one statement for all of them."""
    ids = [row.cycle_id for row in rows]
    offices = _parts(tx, rolling_office, ids, order=["unit_id"])
    adjustments = _parts(tx, forecast_adjustment, ids, order=["number"])
    checks = _parts(tx, supply_check, ids, order=["number"])
    filed = _parts(tx, filed_forecast, ids, order=["layer", "unit_id"])
    return [
        Cycle(
            cycle_id=row.cycle_id,
            unit_id=row.unit_id,
            month=Month.parse(row.month),
            state=State(row.state),
            deadlines=Deadlines(
                row.start_date, row.merge_date, row.coordination_date, row.approval_date
            ),
            offices={one.unit_id: office_of(one) for one in offices[row.cycle_id]},
            version_id=row.version_id,
            office_version_id=row.office_version_id,
            process_id=row.process_id,
            created_by=row.created_by,
            create_time=row.create_time,
            consents={Side.SALES: row.sales_consent, Side.MARKET: row.market_consent},
            minutes=row.minutes,
            plan_version=row.plan_version,
            adjustments=tuple(map(adjustment_of, adjustments[row.cycle_id])),
            checks=tuple(map(check_of, checks[row.cycle_id])),
            filed=tuple(map(filed_of, filed[row.cycle_id])),
        )
        for row in rows
    ]


def _parts(
    tx: Transaction, table: sa.Table, ids: Sequence[str], *, order: Sequence[str]
) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {one: [] for one in ids}
    statement = sa.select(*table.c).where(table.c.cycle_id.in_(ids))
    for row in tx.execute(statement.order_by(*(table.c[name] for name in order))):
        found[row.cycle_id].append(row)
    return found
