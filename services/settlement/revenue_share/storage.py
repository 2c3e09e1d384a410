"""The tables of revenue share."""

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money, format_decimal
from chassis.paging import Page, Slice
from chassis.period import Month
from settlement.revenue_share.domain import (
    CapitalEntry,
    CapitalTable,
    Distribution,
    Line,
    Pool,
    Result,
    Scheme,
    StatementLine,
    Terms,
)
from settlement.revenue_share.errors import DistributionNotFound, ShareSchemeNotFound
from settlement.revenue_share.states import SchemeState, State

TABLES = sa.MetaData()

share_scheme = sa.Table(
    "share_scheme",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("scheme_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("steering_group", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("policy_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("unit_weight", sa.Text, nullable=False),
    sa.Column("company_weight", sa.Text, nullable=False),
    sa.Column("flexible_weight", sa.Text, nullable=False),
    sa.Column("admission_score", sa.Text, nullable=False),
    sa.Column("loss_minor", sa.BigInteger, nullable=False),
    sa.Column("last_month", sa.Text),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)

capital_table = sa.Table(
    "capital_table",
    TABLES,
    sa.Column("scheme_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)

capital_entry = sa.Table(
    "capital_entry",
    TABLES,
    sa.Column("scheme_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("capital_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
)

share_distribution = sa.Table(
    "share_distribution",
    TABLES,
    sa.Column("distribution_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("scheme_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("income_minor", sa.BigInteger, nullable=False),
    sa.Column("cost_minor", sa.BigInteger, nullable=False),
    sa.Column("loss_before_minor", sa.BigInteger, nullable=False),
    sa.Column("capital_version", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("calculated_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("approve_date", sa.Date),
    sa.Column("pay_date", sa.Date),
    sa.Column("rejected_by", sa.Text, nullable=False),
    sa.Column("reject_date", sa.Date),
    sa.Column("reject_reason", sa.Text, nullable=False),
)

share_line = sa.Table(
    "share_line",
    TABLES,
    sa.Column("distribution_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("pool", sa.Text, nullable=False),
    sa.Column("participant_id", sa.Text, nullable=False),
    sa.Column("weight", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
)

_scheme = share_scheme.c
_made = share_distribution.c
_line = share_line.c
_WEIGHTS = {Pool.UNIT: "unit_weight", Pool.COMPANY: "company_weight"} | {
    Pool.FLEXIBLE: "flexible_weight"
}


def add_scheme(tx: Transaction, one: Scheme) -> None:
    """Store a new scheme."""
    fixed = {
        "scheme_id": one.scheme_id,
        "unit_id": one.unit_id,
        "process_id": one.process_id,
        "currency_code": one.currency_code,
        "created_by": one.created_by,
        "create_time": one.create_time,
    }
    tx.execute(sa.insert(share_scheme).values(fixed | _changing(one)))


def save_scheme(tx: Transaction, one: Scheme) -> None:
    """Store what changes of a scheme."""
    tx.execute(
        sa.update(share_scheme).where(_scheme.scheme_id == one.scheme_id).values(_changing(one))
    )


def get_scheme(tx: Transaction, scheme_id: str, *, lock: bool = False) -> Scheme:
    """Return a scheme, locked if asked for.

    Errors: ShareSchemeNotFound.
    """
    query = sa.select(*_scheme).where(_scheme.scheme_id == scheme_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ShareSchemeNotFound(scheme_id)
    return _read_scheme(row)


def schemes(
    tx: Transaction, part: Page, *, unit_id: str, units: sa.ScalarSelect[str] | None
) -> Slice[Scheme]:
    """Return a page of schemes, in the order in which they were drafted."""
    query = sa.select(*_scheme)
    if units is not None:
        query = query.where(_scheme.unit_id.in_(units))
    if unit_id:
        query = query.where(_scheme.unit_id == unit_id)
    rows = tx.execute(keyset(query, part, [_scheme.sequence]))
    return part.slice(map(_read_scheme, rows), key=lambda one: [one.sequence])


def add_table(tx: Transaction, one: CapitalTable) -> None:
    """Store a new version of a capital table."""
    key = {"scheme_id": one.scheme_id, "version": one.version}
    tx.execute(
        sa.insert(capital_table).values(
            **key,
            effective_date=one.effective_date,
            created_by=one.created_by,
            create_time=one.create_time,
        )
    )
    rows = [
        key
        | {
            "place": place,
            "participant_id": entry.participant_id,
            "capital_minor": entry.capital.amount_minor,
            "currency_code": entry.capital.currency_code,
        }
        for place, entry in enumerate(one.entries, 1)
    ]
    tx.execute(sa.insert(capital_entry), rows)


def table_on(tx: Transaction, scheme_id: str, *, day: date | None = None) -> CapitalTable | None:
    """Return the newest version of a capital table, or the newest that holds on a day."""
    query = sa.select(*capital_table.c).where(capital_table.c.scheme_id == scheme_id)
    if day is not None:
        query = query.where(capital_table.c.effective_date <= day)
    row = tx.execute(query.order_by(capital_table.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    own = capital_entry.c
    entries = tx.execute(
        sa.select(own.participant_id, own.capital_minor, own.currency_code)
        .where(own.scheme_id == scheme_id, own.version == row.version)
        .order_by(own.place)
    )
    return CapitalTable(
        scheme_id,
        row.version,
        row.effective_date,
        tuple(
            CapitalEntry(one.participant_id, Money(one.currency_code, one.capital_minor))
            for one in entries
        ),
        row.created_by,
        row.create_time,
    )


def add_distribution(tx: Transaction, one: Distribution) -> None:
    """Store a new distribution with its lines."""
    tx.execute(
        sa.insert(share_distribution).values(
            distribution_id=one.distribution_id,
            scheme_id=one.scheme_id,
            unit_id=one.unit_id,
            month=str(one.month),
            currency_code=one.currency_code,
            income_minor=one.result.income_minor,
            cost_minor=one.result.cost_minor,
            loss_before_minor=one.result.loss_before_minor,
            capital_version=one.capital_version,
            state=one.state,
            calculated_by=one.calculated_by,
            create_time=one.create_time,
            approved_by="",
            rejected_by="",
            reject_reason="",
        )
    )
    rows = [
        {
            "distribution_id": one.distribution_id,
            "place": place,
            "pool": line.pool,
            "participant_id": line.participant_id,
            "weight": format_decimal(line.weight),
            "amount_minor": line.amount.amount_minor,
            "currency_code": line.amount.currency_code,
        }
        for place, line in enumerate(one.lines, 1)
    ]
    if rows:
        tx.execute(sa.insert(share_line), rows)


def save_distribution(tx: Transaction, one: Distribution) -> None:
    """Store how far a distribution is."""
    tx.execute(
        sa.update(share_distribution)
        .where(_made.distribution_id == one.distribution_id)
        .values(
            state=one.state,
            approved_by=one.approved_by,
            approve_date=one.approve_date,
            pay_date=one.pay_date,
            rejected_by=one.rejected_by,
            reject_date=one.reject_date,
            reject_reason=one.reject_reason,
        )
    )


def last_month(tx: Transaction, scheme_id: str) -> Month | None:
    """Return the last month that a scheme has shared and nobody rejected."""
    query = sa.select(sa.func.max(_made.month)).where(
        _made.scheme_id == scheme_id, _made.state != State.REJECTED
    )
    found = tx.execute(query).scalar_one()
    return None if found is None else Month.parse(found)


def get_distribution(tx: Transaction, distribution_id: str, *, lock: bool = False) -> Distribution:
    """Return a distribution, locked if asked for.

    Errors: DistributionNotFound.
    """
    query = sa.select(*_made).where(_made.distribution_id == distribution_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise DistributionNotFound(distribution_id)
    return _read_distribution(row, _lines(tx, [distribution_id]).get(distribution_id, []))


def distributions(tx: Transaction, part: Page, *, scheme_id: str) -> Slice[Distribution]:
    """Return a page of the distributions of a scheme, the earliest month first."""
    query = sa.select(*_made).where(_made.scheme_id == scheme_id)
    rows = tx.execute(keyset(query, part, [_made.month, _made.distribution_id])).all()
    lines = _lines(tx, [row.distribution_id for row in rows])
    found = [_read_distribution(row, lines.get(row.distribution_id, [])) for row in rows]
    return part.slice(found, key=lambda one: [str(one.month), one.distribution_id])


def statement_lines(tx: Transaction, *, scheme_id: str, participant_id: str) -> list[StatementLine]:
    """Return what a participant got from a scheme, by month and side."""
    query = (
        sa.select(_made.month, _made.state, _line.pool, _line.amount_minor, _line.currency_code)
        .join(share_line, _line.distribution_id == _made.distribution_id)
        .where(
            _made.scheme_id == scheme_id,
            _line.participant_id == participant_id,
            _made.state.in_([State.APPROVED, State.PAID]),
        )
        .order_by(_made.month, _line.place)
    )
    return [
        StatementLine(
            Month.parse(row.month),
            Pool(row.pool),
            Money(row.currency_code, row.amount_minor),
            State(row.state),
        )
        for row in tx.execute(query)
    ]


def _lines(tx: Transaction, distribution_ids: list[str]) -> dict[str, list[Line]]:
    query = (
        sa.select(*_line)
        .where(_line.distribution_id.in_(distribution_ids))
        .order_by(_line.distribution_id, _line.place)
    )
    found: dict[str, list[Line]] = {}
    for row in tx.execute(query):
        amount = Money(row.currency_code, row.amount_minor)
        line = Line(Pool(row.pool), row.participant_id, Decimal(row.weight), amount)
        found.setdefault(row.distribution_id, []).append(line)
    return found


def _changing(one: Scheme) -> dict[str, Any]:
    weights = {column: format_decimal(one.terms.weights[pool]) for pool, column in _WEIGHTS.items()}
    return weights | {
        "title": one.title,
        "steering_group": list(one.steering_group),
        "state": one.state,
        "policy_id": one.terms.policy_id,
        "admission_score": format_decimal(one.terms.admission_score),
        "loss_minor": one.loss_minor,
        "last_month": None if one.last_month is None else str(one.last_month),
    }


def _read_scheme(row: Any) -> Scheme:
    weights = {pool: Decimal(getattr(row, column)) for pool, column in _WEIGHTS.items()}
    return Scheme(
        scheme_id=row.scheme_id,
        unit_id=row.unit_id,
        title=row.title,
        steering_group=tuple(row.steering_group),
        state=SchemeState(row.state),
        process_id=row.process_id,
        currency_code=row.currency_code,
        terms=Terms(row.policy_id, weights, Decimal(row.admission_score)),
        created_by=row.created_by,
        create_time=row.create_time,
        loss_minor=row.loss_minor,
        last_month=None if row.last_month is None else Month.parse(row.last_month),
        sequence=row.sequence,
    )


def _read_distribution(row: Any, lines: list[Line]) -> Distribution:
    return Distribution(
        distribution_id=row.distribution_id,
        scheme_id=row.scheme_id,
        unit_id=row.unit_id,
        month=Month.parse(row.month),
        currency_code=row.currency_code,
        result=Result(row.income_minor, row.cost_minor, row.loss_before_minor),
        capital_version=row.capital_version,
        lines=tuple(lines),
        calculated_by=row.calculated_by,
        create_time=row.create_time,
        state=State(row.state),
        approved_by=row.approved_by,
        approve_date=row.approve_date,
        pay_date=row.pay_date,
        rejected_by=row.rejected_by,
        reject_date=row.reject_date,
        reject_reason=row.reject_reason,
    )
