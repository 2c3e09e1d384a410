"""Year plans with their information items and meetings."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis import upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from planning.annual_plan.domain import (
    AnnualPlan,
    Meeting,
    Participant,
    Provided,
    State,
    Window,
)
from planning.annual_plan.errors import (
    AnnualPlanAlreadyExists,
    AnnualPlanNotFound,
)

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)
ID = sa.Uuid(as_uuid=False)

annual_plan = sa.Table(
    "annual_plan",
    TABLES,
    sa.Column("annual_plan_id", ID, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("fiscal_year", sa.Integer, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("phase", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("claims", sa.Integer, nullable=False),
    sa.Column("process_id", ID, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("area_unit_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("office_unit_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("product_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("windows", JSONB, nullable=False),
    sa.Column("target_versions", JSONB, nullable=False),
    sa.Column("cube_version_id", ID, nullable=False),
    sa.Column("closings", ARRAY(TIME), nullable=False),
    sa.Column("priorities", sa.Text, nullable=False),
    sa.Column("waiver_reason", sa.Text, nullable=False),
    sa.Column("launched_by", sa.Text, nullable=False),
    sa.Column("launch_time", TIME, nullable=False),
)

annual_plan_item = sa.Table(
    "annual_plan_item",
    TABLES,
    sa.Column("annual_plan_id", ID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3)),
    sa.Column("amount_minor", sa.BigInteger),
    sa.Column("provided_by", sa.Text, nullable=False),
    sa.Column("provide_time", TIME, nullable=False),
)

annual_plan_meeting = sa.Table(
    "annual_plan_meeting",
    TABLES,
    sa.Column("annual_plan_id", ID, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("planned_date", sa.Date),
    sa.Column("held_date", sa.Date),
    sa.Column("participants", JSONB, nullable=False),
    sa.Column("minutes", sa.Text, nullable=False),
    sa.Column("decisions", ARRAY(sa.Text), nullable=False),
    sa.Column("minuted_by", sa.Text, nullable=False),
)


def add(tx: Transaction, plan: AnnualPlan) -> None:
    """Store a new plan of a claimed year."""
    row = sa.insert(annual_plan).values(
        annual_plan_id=plan.annual_plan_id,
        unit_id=plan.unit_id,
        fiscal_year=plan.fiscal_year,
        currency_code=plan.currency_code,
        process_id=plan.process_id,
        traceparent=plan.traceparent,
        area_unit_ids=list(plan.area_unit_ids),
        office_unit_ids=list(plan.office_unit_ids),
        product_ids=list(plan.product_ids),
        windows=[_window_json(one) for one in plan.windows],
        target_versions=dict(plan.target_versions),
        launched_by=plan.launched_by,
        launch_time=plan.launch_time,
        **_changing(plan),
    )
    tx.execute(row)


def claim_year(tx: Transaction, fiscal_year: int) -> None:
    """Refuse a year that has a plan; until the transaction ends nobody else claims it.

    Errors: AnnualPlanAlreadyExists.
    """
    key = sa.func.hashtextextended(f"annual_plan/{fiscal_year}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
    statement = sa.select(annual_plan.c.fiscal_year).where(annual_plan.c.fiscal_year == fiscal_year)
    if tx.execute(statement).first() is not None:
        raise AnnualPlanAlreadyExists(fiscal_year)


def save(tx: Transaction, plan: AnnualPlan) -> None:
    """Store what can change of a plan."""
    tx.execute(
        sa.update(annual_plan)
        .where(annual_plan.c.annual_plan_id == plan.annual_plan_id)
        .values(**_changing(plan))
    )


def get(tx: Transaction, annual_plan_id: str, *, lock: bool = False) -> AnnualPlan:
    """Return a plan; with `lock`, nobody else changes it until the transaction ends.

    Errors: AnnualPlanNotFound.
    """
    statement = sa.select(*annual_plan.c).where(annual_plan.c.annual_plan_id == annual_plan_id)
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise AnnualPlanNotFound(annual_plan_id)
    return _plan(row)


def of_year(tx: Transaction, fiscal_year: int) -> AnnualPlan | None:
    """Return the plan of a year, or None."""
    statement = sa.select(*annual_plan.c).where(annual_plan.c.fiscal_year == fiscal_year)
    row = tx.execute(statement).first()
    return None if row is None else _plan(row)


def unarchived(tx: Transaction) -> list[AnnualPlan]:
    """Return the plans that are still being worked on, oldest first: one or two a company."""
    statement = sa.select(*annual_plan.c).where(annual_plan.c.state != State.ARCHIVED)
    return list(map(_plan, tx.execute(statement.order_by(annual_plan.c.fiscal_year))))


def page(tx: Transaction, part: Page, *, units: sa.ScalarSelect[str] | None) -> Slice[AnnualPlan]:
    """Return a page of plans with a unit among those given, oldest first."""
    statement = sa.select(*annual_plan.c)
    if units is not None:
        taking_part = sa.func.unnest(
            annual_plan.c.area_unit_ids + annual_plan.c.office_unit_ids
        ).column_valued("taking_part")
        statement = statement.where(
            sa.or_(
                annual_plan.c.unit_id.in_(units),
                sa.exists(sa.select(taking_part).where(taking_part.in_(units))),
            )
        )
    rows = tx.execute(keyset(statement, part, [annual_plan.c.annual_plan_id]))
    return part.slice(map(_plan, rows), key=lambda one: [one.annual_plan_id])


def provide(tx: Transaction, annual_plan_id: str, provided: Sequence[Provided]) -> None:
    """Store information items; one that is there is replaced."""
    if not provided:
        return
    rows = [
        {
            "annual_plan_id": annual_plan_id,
            "number": one.number,
            "text": one.text,
            "currency_code": one.amount and one.amount.currency_code,
            "amount_minor": one.amount and one.amount.amount_minor,
            "provided_by": one.provided_by,
            "provide_time": one.provide_time,
        }
        for one in provided
    ]
    upsert.put(tx, annual_plan_item, rows)


def items(tx: Transaction, annual_plan_id: str) -> dict[int, Provided]:
    """Return the information items that are there, by number."""
    rows = tx.execute(
        sa.select(*annual_plan_item.c).where(annual_plan_item.c.annual_plan_id == annual_plan_id)
    )
    return {row.number: _provided(row) for row in rows}


def save_meeting(tx: Transaction, annual_plan_id: str, meeting: Meeting) -> None:
    """Store a meeting; what is there is replaced."""
    row = {
        "annual_plan_id": annual_plan_id,
        "kind": meeting.kind,
        "planned_date": meeting.planned,
        "held_date": meeting.held,
        "participants": [[one.subject, one.role] for one in meeting.participants],
        "minutes": meeting.minutes,
        "decisions": list(meeting.decisions),
        "minuted_by": meeting.minuted_by,
    }
    upsert.put(tx, annual_plan_meeting, row)


def meetings(tx: Transaction, annual_plan_id: str) -> dict[str, Meeting]:
    """Return the meetings of which anything is known, by kind."""
    rows = tx.execute(
        sa.select(*annual_plan_meeting.c).where(
            annual_plan_meeting.c.annual_plan_id == annual_plan_id
        )
    )
    return {row.kind: _meeting(row) for row in rows}


def _changing(plan: AnnualPlan) -> Mapping[str, object]:
    return {
        "version": plan.version,
        "state": plan.milestone,
        "phase": plan.phase,
        "revision": plan.revision,
        "claims": plan.claims,
        "cube_version_id": plan.cube_version_id,
        "closings": list(plan.closings),
        "priorities": plan.priorities,
        "waiver_reason": plan.waiver_reason,
    }


def _plan(row: sa.Row[Any]) -> AnnualPlan:
    return AnnualPlan(
        annual_plan_id=row.annual_plan_id,
        unit_id=row.unit_id,
        fiscal_year=row.fiscal_year,
        currency_code=row.currency_code,
        version=row.version,
        milestone=State(row.state),
        phase=row.phase,
        revision=row.revision,
        claims=row.claims,
        process_id=row.process_id,
        traceparent=row.traceparent,
        area_unit_ids=tuple(row.area_unit_ids),
        office_unit_ids=tuple(row.office_unit_ids),
        product_ids=tuple(row.product_ids),
        windows=tuple(map(_window, row.windows)),
        target_versions=row.target_versions,
        cube_version_id=row.cube_version_id,
        launched_by=row.launched_by,
        launch_time=row.launch_time,
        closings=tuple(row.closings),
        priorities=row.priorities,
        waiver_reason=row.waiver_reason,
    )


def _window_json(window: Window) -> list[Any]:
    days = [window.first.isoformat(), window.last.isoformat()]
    return [window.name_en, window.name_zh, window.step, *days]


def _window(value: list[Any]) -> Window:
    name_en, name_zh, step, first, last = value
    return Window(name_en, name_zh, step, date.fromisoformat(first), date.fromisoformat(last))


def _provided(row: sa.Row[Any]) -> Provided:
    amount = None
    if row.amount_minor is not None:
        amount = Money(row.currency_code, row.amount_minor)
    return Provided(
        number=row.number,
        text=row.text,
        amount=amount,
        provided_by=row.provided_by,
        provide_time=row.provide_time,
    )


def _meeting(row: sa.Row[Any]) -> Meeting:
    return Meeting(
        kind=row.kind,
        planned=row.planned_date,
        held=row.held_date,
        participants=tuple(Participant(*one) for one in row.participants),
        minutes=row.minutes,
        decisions=tuple(row.decisions),
        minuted_by=row.minuted_by,
    )
