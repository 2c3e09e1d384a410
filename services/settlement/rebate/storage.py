"""The tables of rebate, and the base's own rows. What many rows make is in `batches`."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import arrays, upsert
from chassis.database import Transaction, run
from chassis.money import Money
from settlement.rebate.domain import BaseEntry, BaseKind, Cause, Exclusion, Forfeit

TABLES = sa.MetaData()

rebate_base = sa.Table(
    "rebate_base",
    TABLES,
    sa.Column("entry_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("exclusion_id", sa.Uuid(as_uuid=False)),
)

rebate_month = sa.Table(
    "rebate_month",
    TABLES,
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("purchases_minor", sa.BigInteger, nullable=False),
    sa.Column("returns_minor", sa.BigInteger, nullable=False),
    sa.Column("exclusions_minor", sa.BigInteger, nullable=False),
)

rebate_partner_copy = sa.Table(
    "rebate_partner_copy",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("credit_grade", sa.Text, nullable=False),
)

rebate_agreement_copy = sa.Table(
    "rebate_agreement_copy",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("target_minor", sa.BigInteger),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("policy_scope", sa.Text, nullable=False),
)

rebate_forfeit = sa.Table(
    "rebate_forfeit",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("cause", sa.Text, primary_key=True),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
)

rebate_accrual = sa.Table(
    "rebate_accrual",
    TABLES,
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("policy_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("credit_grade", sa.Text, nullable=False),
    sa.Column("base_minor", sa.BigInteger, nullable=False),
    sa.Column("rebate_minor", sa.BigInteger, nullable=False),
    sa.Column("delta_minor", sa.BigInteger, nullable=False),
    sa.Column("transfer_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("post_date", sa.Date, nullable=False),
)

rebate_run = sa.Table(
    "rebate_run",
    TABLES,
    sa.Column("run_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("payout", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("pay_date", sa.Date),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("year", "unit_id", "partner_id"),
)

rebate_line = sa.Table(
    "rebate_line",
    TABLES,
    sa.Column("run_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), primary_key=True),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("policy_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("credit_grade", sa.Text, nullable=False),
    sa.Column("purchases_minor", sa.BigInteger, nullable=False),
    sa.Column("returns_minor", sa.BigInteger, nullable=False),
    sa.Column("exclusions_minor", sa.BigInteger, nullable=False),
    sa.Column("kept_rate_millionths", sa.Integer, nullable=False),
    sa.Column("rebate_minor", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)

rebate_settled = sa.Table(
    "rebate_settled",
    TABLES,
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), primary_key=True),
    sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)

rebate_adjustment = sa.Table(
    "rebate_adjustment",
    TABLES,
    sa.Column("adjustment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False, unique=True),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("base_minor", sa.BigInteger, nullable=False),
    sa.Column("rebate_minor", sa.BigInteger, nullable=False),
    sa.Column("delta_minor", sa.BigInteger, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
)

rebate_payment = sa.Table(
    "rebate_payment",
    TABLES,
    sa.Column("payment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("payout", sa.Text, nullable=False),
    sa.Column("pay_date", sa.Date, nullable=False),
    sa.UniqueConstraint("run_id", "partner_id", "currency_code"),
)

rebate_offset = sa.Table(
    "rebate_offset",
    TABLES,
    sa.Column("payment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("delta_minor", sa.BigInteger, nullable=False),
)

# Written out once: building a statement costs more than running it.
ADD_BASE = """
WITH new AS (
  INSERT INTO rebate_base (entry_id, year, partner_id, unit_id, order_id, product_id, kind,
    amount_minor, currency_code, day, reason, exclusion_id)
  SELECT * FROM unnest(%(entry_ids)s::uuid[], %(years)s::integer[], %(partner_ids)s::text[],
    %(unit_ids)s::text[], %(order_ids)s::text[], %(product_ids)s::text[], %(kinds)s::text[],
    %(amounts_minor)s::bigint[], %(currency_codes)s::text[], %(days)s::date[],
    %(reasons)s::text[], %(exclusion_ids)s::uuid[])
  ON CONFLICT DO NOTHING
  RETURNING year, partner_id, currency_code, day, unit_id, kind, amount_minor
)
INSERT INTO rebate_month AS m (year, partner_id, currency_code, month, unit_id, purchases_minor,
  returns_minor, exclusions_minor)
SELECT year, partner_id, currency_code, date_trunc('month', day)::date, min(unit_id),
  sum(CASE WHEN kind = 'PURCHASE' THEN amount_minor ELSE 0 END),
  sum(CASE WHEN kind = 'RETURN' THEN amount_minor ELSE 0 END),
  sum(CASE kind WHEN 'EXCLUSION' THEN amount_minor WHEN 'READMISSION' THEN -amount_minor
    ELSE 0 END)
FROM new
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
ON CONFLICT (year, partner_id, currency_code, month) DO UPDATE
SET purchases_minor = m.purchases_minor + excluded.purchases_minor,
  returns_minor = m.returns_minor + excluded.returns_minor,
  exclusions_minor = m.exclusions_minor + excluded.exclusions_minor
"""
KNOWN = """
SELECT DISTINCT entry_id::text FROM rebate_base WHERE entry_id = ANY(%(entry_ids)s::uuid[])
"""
LEFT_OF_ORDERS = """
SELECT order_id, year,
  sum(CASE WHEN kind IN ('PURCHASE', 'READMISSION') THEN amount_minor ELSE -amount_minor END)
FROM rebate_base
WHERE order_id = ANY(%(order_ids)s::text[]) AND partner_id = ANY(%(partner_ids)s::text[])
GROUP BY order_id, year
"""


def add_base(tx: Transaction, entries: Sequence[tuple[BaseEntry, int, int]]) -> None:
    """Store parts of entries, each with its year and its amount; what is known stays as it is."""
    own = [one for one, _, _ in entries]
    run(
        tx,
        ADD_BASE,
        {
            "entry_ids": arrays.plain(one.entry_id for one in own),
            "years": arrays.plain(year for _, year, _ in entries),
            "partner_ids": arrays.texts(one.partner_id for one in own),
            "unit_ids": arrays.texts(one.unit_id for one in own),
            "order_ids": arrays.texts(one.order_id for one in own),
            "product_ids": arrays.texts(one.product_id for one in own),
            "kinds": arrays.plain(one.kind for one in own),
            "amounts_minor": arrays.plain(amount_minor for _, _, amount_minor in entries),
            "currency_codes": arrays.plain(one.amount.currency_code for one in own),
            "days": arrays.plain(one.day for one in own),
            "reasons": arrays.texts(one.reason for one in own),
            "exclusion_ids": arrays.plain(one.exclusion_id for one in own),
        },
    )


def known(tx: Transaction, entry_ids: Collection[str]) -> set[str]:
    """Return those ids that entries of the base have already."""
    rows = run(tx, KNOWN, {"entry_ids": arrays.plain(entry_ids)})
    return {entry_id for (entry_id,) in rows}


def left_of_orders(
    tx: Transaction, *, order_ids: Collection[str], partner_ids: Collection[str]
) -> Mapping[str, dict[int, int]]:
    """Return what the base of each year still has of orders."""
    values = {"order_ids": arrays.texts(order_ids), "partner_ids": arrays.texts(partner_ids)}
    found: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for order_id, year, left_minor in run(tx, LEFT_OF_ORDERS, values):
        found[order_id][year] = int(left_minor)
    return found


def entries(tx: Transaction, entry_id: str) -> list[tuple[BaseEntry, int]]:
    """Return the parts of an entry, each with its year."""
    own = rebate_base.c
    query = sa.select(*own).where(own.entry_id == entry_id).order_by(own.year)
    return [(entry_of(row), row.year) for row in tx.execute(query)]


def exclusions(
    tx: Transaction, *, partner_id: str = "", order_id: str = "", entry_id: str = ""
) -> list[Exclusion]:
    """Return an exclusion, or those of a partner's order, in the order in which they were made,
    with what is left of them."""
    own, back = rebate_base.c, rebate_base.alias("back").c
    readmitted = (
        sa.select(sa.func.coalesce(sa.func.sum(back.amount_minor), 0))
        .where(back.exclusion_id == own.entry_id, back.year == own.year)
        .scalar_subquery()
    )
    of_order = sa.and_(own.order_id == order_id, own.partner_id == partner_id)
    query = (
        sa.select(*own, (own.amount_minor - readmitted).label("left_minor"))
        .where(own.entry_id == entry_id if entry_id else of_order, own.kind == BaseKind.EXCLUSION)
        .order_by(own.record_time, own.entry_id, own.year)
    )
    found: dict[str, BaseEntry] = {}
    left: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for row in tx.execute(query):
        found.setdefault(row.entry_id, entry_of(row))
        left[row.entry_id][row.year] = int(row.left_minor)
    return [Exclusion(one, left[entry_id]) for entry_id, one in found.items()]


def entry_of(row: Any) -> BaseEntry:
    """Read an entry of the base from its row."""
    return BaseEntry(
        entry_id=row.entry_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        kind=BaseKind(row.kind),
        amount=Money(row.currency_code, row.amount_minor),
        day=row.day,
        order_id=row.order_id,
        product_id=row.product_id,
        reason=row.reason,
        exclusion_id=row.exclusion_id,
    )


def add_forfeit(tx: Transaction, new: Forfeit) -> None:
    """Store a forfeit unless the partner has one of that year and cause."""
    values = {
        "partner_id": new.partner_id,
        "year": new.year,
        "cause": new.cause,
        "note": new.note,
        "recorded_by": new.recorded_by,
        "record_time": new.record_time,
    }
    tx.execute(insert(rebate_forfeit).values(values).on_conflict_do_nothing())


def get_forfeit(tx: Transaction, *, partner_id: str, year: int, cause: Cause) -> Forfeit:
    """Return a forfeit, which exists."""
    [found] = [one for one in forfeits(tx, partner_id=partner_id, year=year) if one.cause is cause]
    return found


def forfeits(tx: Transaction, *, partner_id: str, year: int) -> list[Forfeit]:
    """Return what a partner forfeited of a year."""
    own = rebate_forfeit.c
    query = (
        sa.select(*own)
        .where(own.partner_id == partner_id, own.year == year)
        .order_by(own.record_time, own.cause)
    )
    return [
        Forfeit(
            row.partner_id, row.year, Cause(row.cause), row.note, row.recorded_by, row.record_time
        )
        for row in tx.execute(query)
    ]


def save_grade(tx: Transaction, *, partner_id: str, credit_grade: str) -> None:
    """Keep a partner's credit grade."""
    row = {"partner_id": partner_id, "credit_grade": credit_grade}
    upsert.put(tx, rebate_partner_copy, row)


def save_agreement(
    tx: Transaction, *, partner_id: str, year: int, target: Money | None, policy_scope: str
) -> None:
    """Keep what a partner's agreement of a year says; the last one told holds."""
    row = {
        "partner_id": partner_id,
        "year": year,
        "target_minor": None if target is None else target.amount_minor,
        "currency_code": "" if target is None else target.currency_code,
        "policy_scope": policy_scope,
    }
    upsert.put(tx, rebate_agreement_copy, row)


TURN = "SELECT pg_advisory_xact_lock(hashtextextended('settlement rebates', 0))"
UNITS_BELOW = """
SELECT below.unit_id FROM org_unit_copy AS own
JOIN org_unit_copy AS below ON starts_with(below.path, own.path)
WHERE own.unit_id = %(unit_id)s
"""


def take_turn(tx: Transaction) -> None:
    """Wait until no other chunk of a run is under way: two runs may be about the same partners."""
    run(tx, TURN, {})


def units_below(tx: Transaction, unit_id: str) -> list[str]:
    """Return a unit and those below it."""
    return [found for (found,) in run(tx, UNITS_BELOW, {"unit_id": unit_id})]


def database_time(tx: Transaction) -> datetime:
    """Return when this transaction began."""
    return datetime_of(tx.execute(sa.select(sa.func.now())).scalar_one())


def datetime_of(value: Any) -> datetime:
    """Read a time that the database gave."""
    assert isinstance(value, datetime)
    return value
