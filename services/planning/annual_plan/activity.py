"""What channels told of partners: since when each is active, and in which years it had orders."""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from chassis.database import Transaction

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)

partner_activity_copy = sa.Table(
    "partner_activity_copy",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("activate_time", TIME),
    sa.Column("order_years", ARRAY(sa.Integer), nullable=False),
    sa.Column("end_date", sa.Date),
)
_C = partner_activity_copy.c


def activate(tx: Transaction, partner_id: str, *, unit_id: str, at: datetime) -> None:
    """Keep when a partner became active; only the first time counts, and it is there again."""
    draft = insert(partner_activity_copy).values(
        partner_id=partner_id, unit_id=unit_id, activate_time=at, order_years=[]
    )
    first = sa.func.least(_C.activate_time, draft.excluded.activate_time)
    tx.execute(
        draft.on_conflict_do_update(
            index_elements=[_C.partner_id],
            set_={"unit_id": unit_id, "activate_time": first, "end_date": None},
        )
    )


def order(tx: Transaction, partner_id: str, *, unit_id: str, year: int) -> None:
    """Keep that a partner had an order approved in a year."""
    draft = insert(partner_activity_copy).values(
        partner_id=partner_id, unit_id=unit_id, order_years=[year]
    )
    tx.execute(
        draft.on_conflict_do_update(
            index_elements=[_C.partner_id],
            set_={"order_years": _C.order_years + draft.excluded.order_years},
            where=sa.not_(_C.order_years.contains([year])),
        )
    )


def end(tx: Transaction, partner_id: str, *, on: date) -> None:
    """Keep from which day on a partner has no agreement any more."""
    tx.execute(
        sa.update(partner_activity_copy).where(_C.partner_id == partner_id).values(end_date=on)
    )


def activated(tx: Transaction, unit_ids: Sequence[str], *, start: datetime, end: datetime) -> int:
    """Count the partners of units that became active in a time."""
    statement = sa.select(sa.func.count()).where(
        _C.unit_id.in_(unit_ids), _C.activate_time >= start, _C.activate_time < end
    )
    return tx.scalar(statement) or 0


def still_active(tx: Transaction, partner_ids: Sequence[str], *, year: int) -> int:
    """Count those of the partners that had an order approved in a year and did not end in it."""
    statement = sa.select(sa.func.count()).where(
        _C.partner_id.in_(partner_ids),
        _C.order_years.contains([year]),
        sa.or_(_C.end_date.is_(None), _C.end_date >= date(year + 1, 1, 1)),
    )
    return tx.scalar(statement) or 0
