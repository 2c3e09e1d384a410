"""Targets with their lives; their values stand in the cube."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from planning.annual_plan.targets import Measure, Move, Place, Target, TargetState, View

TABLES = sa.MetaData()
ID = sa.Uuid(as_uuid=False)

annual_plan_target = sa.Table(
    "annual_plan_target",
    TABLES,
    sa.Column("target_id", ID, primary_key=True),
    sa.Column("annual_plan_id", ID, nullable=False),
    sa.Column("measure", sa.Text, nullable=False),
    sa.Column("view", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("moves", JSONB, nullable=False),
)
_C = annual_plan_target.c


def add(tx: Transaction, targets: Sequence[Target]) -> None:
    """Store new targets."""
    rows = [
        {
            "target_id": one.target_id,
            "annual_plan_id": one.annual_plan_id,
            "measure": one.measure,
            "view": one.view,
            "unit_id": one.place.unit_id,
            "product_id": one.place.product_id,
            "channel": one.place.channel,
            "state": one.state,
            "moves": _moves_json(one),
        }
        for one in targets
    ]
    if rows:
        tx.execute(sa.insert(annual_plan_target), rows)


def save(tx: Transaction, targets: Sequence[Target]) -> None:
    """Store where targets stand."""
    rows = [{"id": one.target_id, "to": one.state, "life": _moves_json(one)} for one in targets]
    if rows:
        tx.execute(
            sa.update(annual_plan_target)
            .where(_C.target_id == sa.bindparam("id"))
            .values(state=sa.bindparam("to"), moves=sa.bindparam("life", type_=JSONB)),
            rows,
        )


def living(tx: Transaction, annual_plan_id: str) -> list[Target]:
    """Return the targets of a plan that nothing replaced, in the order in which they were set."""
    rows = tx.execute(_living(annual_plan_id).order_by(_C.target_id))
    return list(map(_target, rows))


def page(
    tx: Transaction, part: Page, *, annual_plan_id: str, units: sa.ScalarSelect[str] | None
) -> Slice[Target]:
    """Return a page of the living targets of a plan, of the units given."""
    statement = _living(annual_plan_id)
    if units is not None:
        statement = statement.where(_C.unit_id.in_(units))
    rows = tx.execute(keyset(statement, part, [_C.target_id]))
    return part.slice(map(_target, rows), key=lambda one: [one.target_id])


def _living(annual_plan_id: str) -> sa.Select[Any]:
    return sa.select(*_C).where(
        _C.annual_plan_id == annual_plan_id, _C.state != TargetState.SUPERSEDED
    )


def _moves_json(target: Target) -> list[list[str]]:
    return [[move.state, move.time.isoformat()] for move in target.moves]


def _target(row: sa.Row[Any]) -> Target:
    return Target(
        target_id=row.target_id,
        annual_plan_id=row.annual_plan_id,
        measure=Measure(row.measure),
        view=View(row.view),
        place=Place(row.unit_id, row.product_id, row.channel),
        moves=tuple(
            Move(TargetState(state), datetime.fromisoformat(time)) for state, time in row.moves
        ),
    )
