"""Budget lines and reservations.

A line's row is the lock of all its reservations: whoever reserves, confirms, spends or gives back
holds it. What is reserved is summed in the same statement's time, so that an expired reservation
stops counting by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.period import DateRange
from planning.budget.domain import (
    BudgetLine,
    BudgetLineNotFound,
    LineOwner,
    LineState,
    Owner,
    PlanPart,
    Which,
)
from planning.budget.reservation import (
    Reservation,
    ReservationNotFound,
    ReservationState,
)

TABLES = sa.MetaData()

budget_line = sa.Table(
    "budget_line",
    TABLES,
    sa.Column("budget_line_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("expense_type", sa.Text, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("spent_minor", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("signed_by", sa.Text, nullable=False),
    sa.Column("plan_id", sa.Uuid(as_uuid=False)),
    sa.Column("plan_version", sa.Integer),
    sa.Column("owner_role", sa.Text),
    sa.Column("owner_key", sa.Text),
    sa.Column("budget_cap_id", sa.Uuid(as_uuid=False)),
)

budget_reservation = sa.Table(
    "budget_reservation",
    TABLES,
    sa.Column("reservation_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("budget_line_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("owner_service", sa.Text, nullable=False),
    sa.Column("owner_kind", sa.Text, nullable=False),
    sa.Column("owner_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("consumed_minor", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("expire_time", sa.DateTime(timezone=True)),
)


def add_lines(tx: Transaction, lines: Sequence[BudgetLine]) -> None:
    """Store new lines."""
    if not lines:
        return
    rows = [
        {
            "budget_line_id": line.budget_line_id,
            "unit_id": line.unit_id,
            "name": line.name,
            "expense_type": line.expense_type,
            "start_date": line.period.start,
            "end_date": line.period.end,
            "currency_code": line.amount.currency_code,
            "created_by": line.created_by,
            "plan_id": line.plan.plan_id if line.plan else None,
            "owner_role": line.plan.owner.role if line.plan else None,
            "owner_key": line.plan.owner.key if line.plan else None,
            "budget_cap_id": line.budget_cap_id or None,
            **_changing(line),
        }
        for line in lines
    ]
    tx.execute(sa.insert(budget_line), rows)


def save_line(tx: Transaction, line: BudgetLine) -> None:
    """Store what can change of a line."""
    tx.execute(
        sa.update(budget_line)
        .where(budget_line.c.budget_line_id == line.budget_line_id)
        .values(**_changing(line))
    )


def save_lines(tx: Transaction, lines: Sequence[BudgetLine]) -> None:
    """Store what can change of many lines, which are locked."""
    rows = [{"line_id": line.budget_line_id, **_changing(line)} for line in lines]
    if rows:
        tx.execute(
            sa.update(budget_line).where(
                budget_line.c.budget_line_id == sa.bindparam("line_id", type_=sa.Uuid(False))
            ),
            rows,
        )


def lock_plan(tx: Transaction, plan_id: str, *, at: datetime) -> list[BudgetLine]:
    """Return all lines of a plan by id; nobody else changes them until the transaction ends."""
    wanted = budget_line.c.plan_id == plan_id
    tx.execute(
        sa.select(budget_line.c.budget_line_id)
        .where(wanted)
        .order_by(budget_line.c.budget_line_id)
        .with_for_update()
    )
    # A statement of its own, as in `lock_line`.
    return of_plan(tx, plan_id, at=at)


def of_plan(tx: Transaction, plan_id: str, *, at: datetime) -> list[BudgetLine]:
    """Return all lines of a plan, of all its versions, by id."""
    statement = _lines(at).where(budget_line.c.plan_id == plan_id)
    return [_line(row) for row in tx.execute(statement.order_by(budget_line.c.budget_line_id))]


def caps_of(tx: Transaction, budget_line_ids: Collection[str]) -> list[str]:
    """Return the caps that some lines are below, by id; a line never changes its cap."""
    query = sa.select(budget_line.c.budget_cap_id).distinct()
    wanted = budget_line.c.budget_line_id.in_(budget_line_ids)
    found = tx.scalars(query.where(wanted, budget_line.c.budget_cap_id.is_not(None)))
    return sorted(str(one) for one in found)


def units_of(tx: Transaction, budget_line_ids: Collection[str]) -> list[str]:
    """Return the units whose money some lines are."""
    wanted = budget_line.c.budget_line_id.in_(budget_line_ids)
    return list(tx.scalars(sa.select(budget_line.c.unit_id).distinct().where(wanted)))


def below_cap(tx: Transaction, budget_cap_id: str) -> int:
    """Sum the lines below a cap in minor units; those that never came into force do not count."""
    total = sa.func.coalesce(sa.func.sum(budget_line.c.amount_minor), 0).cast(sa.BigInteger)
    query = sa.select(total).where(
        budget_line.c.budget_cap_id == budget_cap_id,
        budget_line.c.state != LineState.WITHDRAWN,
    )
    return int(tx.execute(query).scalar_one())


def lock_line(tx: Transaction, budget_line_id: str, *, at: datetime) -> BudgetLine:
    """Return a line that nobody else changes until the transaction ends.

    Errors: BudgetLineNotFound.
    """
    tx.execute(
        sa.select(budget_line.c.budget_line_id)
        .where(budget_line.c.budget_line_id == budget_line_id)
        .with_for_update()
    )
    # A statement of its own, so that the sum sees what the holder of the lock before has written.
    return get_line(tx, budget_line_id, at=at)


def lock_lines(
    tx: Transaction, budget_line_ids: Sequence[str], *, at: datetime
) -> dict[str, BudgetLine]:
    """Return lines by id that nobody else changes until the transaction ends, locked in the order
    of their ids; one that is not there is left out."""
    wanted = budget_line.c.budget_line_id.in_(budget_line_ids)
    tx.execute(
        sa.select(budget_line.c.budget_line_id)
        .where(wanted)
        .order_by(budget_line.c.budget_line_id)
        .with_for_update()
    )
    # A statement of its own, as in `lock_line`.
    found = map(_line, tx.execute(_lines(at).where(wanted)))
    return {line.budget_line_id: line for line in found}


def get_line(tx: Transaction, budget_line_id: str, *, at: datetime) -> BudgetLine:
    """Return a line with what is reserved now.

    Errors: BudgetLineNotFound.
    """
    row = tx.execute(_lines(at).where(budget_line.c.budget_line_id == budget_line_id)).first()
    if row is None:
        raise BudgetLineNotFound(budget_line_id)
    return _line(row)


def lines(
    tx: Transaction, part: Page, *, at: datetime, wanted: Which, units: sa.ScalarSelect[str] | None
) -> Slice[BudgetLine]:
    """Return a page of the lines wanted, oldest first."""
    statement = _lines(at)
    if wanted.unit_id:
        statement = statement.where(budget_line.c.unit_id == wanted.unit_id)
    if wanted.plan_id:
        statement = statement.where(budget_line.c.plan_id == wanted.plan_id)
    if wanted.budget_cap_id:
        statement = statement.where(budget_line.c.budget_cap_id == wanted.budget_cap_id)
    if units is not None:
        statement = statement.where(budget_line.c.unit_id.in_(units))
    rows = tx.execute(keyset(statement, part, [budget_line.c.budget_line_id]))
    return part.slice(map(_line, rows), key=lambda line: [line.budget_line_id])


def effective_lines(
    tx: Transaction, *, unit_id: str, at: datetime, limit: int
) -> Sequence[BudgetLine]:
    """Return the oldest lines of a unit whose money can be reserved."""
    open_ = sa.or_(
        budget_line.c.state == LineState.SIGNED,
        sa.and_(budget_line.c.state == LineState.EFFECTIVE, budget_line.c.plan_id.is_(None)),
    )
    statement = _lines(at).where(budget_line.c.unit_id == unit_id, open_)
    rows = tx.execute(statement.order_by(budget_line.c.budget_line_id).limit(limit))
    return [_line(row) for row in rows]


def add_reservations(tx: Transaction, reservations: Sequence[Reservation]) -> None:
    """Store new reservations."""
    if not reservations:
        return
    rows = [
        {
            "reservation_id": reservation.reservation_id,
            "budget_line_id": reservation.budget_line_id,
            "owner_service": reservation.owner.service,
            "owner_kind": reservation.owner.kind,
            "owner_id": reservation.owner.id,
            "currency_code": reservation.amount.currency_code,
            "amount_minor": reservation.amount.amount_minor,
            "consumed_minor": reservation.consumed.amount_minor,
            "state": reservation.state,
            "expire_time": reservation.expire_time,
        }
        for reservation in reservations
    ]
    tx.execute(sa.insert(budget_reservation), rows)


def save_reservation(tx: Transaction, reservation: Reservation) -> None:
    """Store what can change of a reservation."""
    tx.execute(
        sa.update(budget_reservation)
        .where(budget_reservation.c.reservation_id == reservation.reservation_id)
        .values(consumed_minor=reservation.consumed.amount_minor, state=reservation.state)
    )


def get_reservation(tx: Transaction, reservation_id: str) -> Reservation:
    """Return a reservation.

    Errors: ReservationNotFound.
    """
    row = tx.execute(
        sa.select(*budget_reservation.c).where(
            budget_reservation.c.reservation_id == reservation_id
        )
    ).first()
    if row is None:
        raise ReservationNotFound(reservation_id)
    return _reservation(row)


def of_owner(tx: Transaction, owner: Owner) -> list[Reservation]:
    """Return all reservations of an owner, by line and then by age."""
    rows = tx.execute(
        sa.select(*budget_reservation.c)
        .where(
            budget_reservation.c.owner_service == owner.service,
            budget_reservation.c.owner_kind == owner.kind,
            budget_reservation.c.owner_id == owner.id,
        )
        .order_by(budget_reservation.c.budget_line_id, budget_reservation.c.reservation_id)
    )
    return [_reservation(row) for row in rows]


def expire(tx: Transaction, *, at: datetime, limit: int) -> int:
    """Record the oldest of the reservations that ran out, and tell how many."""
    due = (
        sa.select(budget_reservation.c.reservation_id)
        .where(
            budget_reservation.c.state == ReservationState.PENDING,
            budget_reservation.c.expire_time <= at,
        )
        .order_by(budget_reservation.c.expire_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    done = tx.execute(
        sa.update(budget_reservation)
        .where(budget_reservation.c.reservation_id.in_(due))
        .values(state=ReservationState.EXPIRED)
    )
    return done.rowcount


def _lines(at: datetime) -> sa.Select[Any]:
    held = (
        sa.select(
            sa.func.coalesce(
                sa.func.sum(
                    budget_reservation.c.amount_minor - budget_reservation.c.consumed_minor
                ),
                0,
            ).cast(sa.BigInteger)
        )
        .where(
            budget_reservation.c.budget_line_id == budget_line.c.budget_line_id,
            sa.or_(
                budget_reservation.c.state == ReservationState.CONFIRMED,
                sa.and_(
                    budget_reservation.c.state == ReservationState.PENDING,
                    budget_reservation.c.expire_time > at,
                ),
            ),
        )
        .correlate(budget_line)
        .scalar_subquery()
    )
    return sa.select(*budget_line.c, held.label("reserved_minor"))


def _changing(line: BudgetLine) -> Mapping[str, object]:
    return {
        "amount_minor": line.amount.amount_minor,
        "spent_minor": line.spent.amount_minor,
        "state": line.state,
        "version": line.version,
        "approved_by": line.approved_by,
        "signed_by": line.signed_by,
        "plan_version": line.plan.plan_version if line.plan else None,
    }


def _line(row: sa.Row[Any]) -> BudgetLine:
    return BudgetLine(
        budget_line_id=row.budget_line_id,
        unit_id=row.unit_id,
        name=row.name,
        expense_type=row.expense_type,
        period=DateRange(row.start_date, row.end_date),
        amount=Money(row.currency_code, row.amount_minor),
        reserved=Money(row.currency_code, row.reserved_minor),
        spent=Money(row.currency_code, row.spent_minor),
        state=LineState(row.state),
        version=row.version,
        created_by=row.created_by,
        approved_by=row.approved_by,
        signed_by=row.signed_by,
        plan=_plan(row),
        budget_cap_id=row.budget_cap_id or "",
    )


def _plan(row: sa.Row[Any]) -> PlanPart | None:
    if row.plan_id is None:
        return None
    return PlanPart(row.plan_id, row.plan_version, LineOwner(row.owner_role, row.owner_key))


def _reservation(row: sa.Row[Any]) -> Reservation:
    return Reservation(
        reservation_id=row.reservation_id,
        budget_line_id=row.budget_line_id,
        owner=Owner(row.owner_service, row.owner_kind, row.owner_id),
        amount=Money(row.currency_code, row.amount_minor),
        consumed=Money(row.currency_code, row.consumed_minor),
        state=ReservationState(row.state),
        expire_time=row.expire_time,
    )
