"""Fund plans: one row for each unit and half month."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.period import Month
from planning.fund_plan.domain import Capital, FundPlan, FundPlanNotFound, Funds, Half, Key, State

TABLES = sa.MetaData()

fund_plan = sa.Table(
    "fund_plan",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("half", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("opening_minor", sa.BigInteger, nullable=False),
    sa.Column("receipts_minor", sa.BigInteger, nullable=False),
    sa.Column("payments_minor", sa.BigInteger, nullable=False),
    sa.Column("minimum_minor", sa.BigInteger, nullable=False),
    sa.Column("receivable_minor", sa.BigInteger, nullable=False),
    sa.Column("stock_minor", sa.BigInteger, nullable=False),
    sa.Column("payable_minor", sa.BigInteger, nullable=False),
    sa.Column("due_date", sa.Date, nullable=False),
    sa.Column("written_by", sa.Text, nullable=False),
    sa.Column("write_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("submitted_by", sa.Text, nullable=False),
    sa.Column("submit_date", sa.Date),
)

_one = fund_plan.c


def put(tx: Transaction, plan: FundPlan) -> FundPlan:
    """Store a draft, or write the one that is there anew, and return what stands there now.

    Shape: a plan that was handed in stays as it is and is what is returned.
    """
    values = _values(plan)
    changing = {
        name: value for name, value in values.items() if name not in fund_plan.primary_key.columns
    }
    statement = insert(fund_plan).values(values)
    statement = statement.on_conflict_do_update(
        index_elements=list(fund_plan.primary_key.columns),
        set_=changing,
        where=_one.state == State.DRAFT,
    )
    tx.execute(statement)
    return get(tx, plan.key)


def save(tx: Transaction, plan: FundPlan) -> None:
    """Store a plan that is there."""
    tx.execute(sa.update(fund_plan).where(*_of(plan.key)).values(_values(plan)))


def get(tx: Transaction, key: Key, *, lock: bool = False) -> FundPlan:
    """Return a plan, locked if asked for.

    Errors: FundPlanNotFound.
    """
    query = sa.select(*_one).where(*_of(key))
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise FundPlanNotFound(key)
    return _read(row)


def page(
    tx: Transaction, part: Page, *, month: Month, half: Half, units: sa.ScalarSelect[str] | None
) -> Slice[FundPlan]:
    """Return a page of the plans of some units for half a month, by unit."""
    query = keyset(_half(month, half, units), part, [_one.unit_id])
    return part.slice(map(_read, tx.execute(query)), key=lambda one: [one.key.unit_id])


def of_half(
    tx: Transaction,
    *,
    month: Month,
    half: Half,
    units: sa.ScalarSelect[str] | None,
    currency_code: str,
) -> list[FundPlan]:
    """Return the plans of some units for half a month in one currency, by unit; a unit has one."""
    query = _half(month, half, units).where(_one.currency_code == currency_code)
    return [_read(row) for row in tx.execute(query.order_by(_one.unit_id))]


def _half(month: Month, half: Half, units: sa.ScalarSelect[str] | None) -> sa.Select[Any]:
    query = sa.select(*_one).where(_one.month == str(month), _one.half == int(half))
    return query if units is None else query.where(_one.unit_id.in_(units))


def _of(key: Key) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _one.unit_id == key.unit_id,
        _one.month == str(key.month),
        _one.half == int(key.half),
    )


def _values(plan: FundPlan) -> dict[str, Any]:
    return {
        "unit_id": plan.key.unit_id,
        "month": str(plan.key.month),
        "half": int(plan.key.half),
        "state": plan.state,
        "currency_code": plan.minimum.currency_code,
        "opening_minor": plan.funds.opening.amount_minor,
        "receipts_minor": plan.funds.receipts.amount_minor,
        "payments_minor": plan.funds.payments.amount_minor,
        "minimum_minor": plan.minimum.amount_minor,
        "receivable_minor": plan.capital.receivable.amount_minor,
        "stock_minor": plan.capital.stock.amount_minor,
        "payable_minor": plan.capital.payable.amount_minor,
        "due_date": plan.due_date,
        "written_by": plan.written_by,
        "write_time": plan.write_time,
        "submitted_by": plan.submitted_by,
        "submit_date": plan.submit_date,
    }


def _read(row: Any) -> FundPlan:
    def money(minor: int) -> Money:
        return Money(row.currency_code, minor)

    return FundPlan(
        key=Key(row.unit_id, Month.parse(row.month), Half(row.half)),
        funds=Funds(money(row.opening_minor), money(row.receipts_minor), money(row.payments_minor)),
        capital=Capital(
            money(row.receivable_minor), money(row.stock_minor), money(row.payable_minor)
        ),
        minimum=money(row.minimum_minor),
        due_date=row.due_date,
        written_by=row.written_by,
        write_time=row.write_time,
        state=State(row.state),
        submitted_by=row.submitted_by,
        submit_date=row.submit_date,
    )
