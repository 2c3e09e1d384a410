"""The rows that numbers stand in, the products and channels that are known, and fixed totals."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from chassis import upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.scope import org_unit_copy
from planning.cube.domain import Axis, Member, Pin
from planning.cube.rows import Key

TABLES = sa.MetaData()
ROW_LOCK: Final = "cube_row"
# Few enough that the index is the way to the newest rows, whatever the planner thinks of them.
ROWS_A_READ: Final = 5_000

cube_row = sa.Table(
    "cube_row",
    TABLES,
    sa.Column("row_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("terminal_id", sa.Text, nullable=False),
    # The transaction that numbered it, so that it knows its own uncommitted work.
    sa.Column("xid", sa.BigInteger, nullable=False),
)

cube_member = sa.Table(
    "cube_member",
    TABLES,
    sa.Column("axis", sa.Text, primary_key=True),
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("group_code", sa.Text, nullable=False),
)

cube_pin = sa.Table(
    "cube_pin",
    TABLES,
    sa.Column("version_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("measure", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("terminal_id", sa.Text, primary_key=True),
    sa.Column("first_month", sa.Text, primary_key=True),
    sa.Column("last_month", sa.Text, primary_key=True),
    sa.Column("total", sa.BigInteger, nullable=False),
)


def rows_from(tx: Transaction, row: int) -> tuple[list[Key], list[Key]]:
    """Return the rows from a number on, in order: those that are committed, and this transaction's
    own behind them."""
    committed: list[Key] = []
    own: list[Key] = []
    more = True
    while more:
        first = row + len(committed) + len(own)
        found = tx.execute(_ROWS, {"row": first, "limit": ROWS_A_READ}).all()
        for one in found:
            key = (one.unit_id, one.product_id, one.channel, one.terminal_id)
            if not one.own and own:
                # Its own rows are the last ones, so these are another's: a database that came back
                # from a dump counts its transactions anew.
                committed += own
                own.clear()
            (own if one.own else committed).append(key)
        more = len(found) == ROWS_A_READ
    return committed, own


def find_rows(tx: Transaction, keys: Sequence[Key]) -> dict[Key, int]:
    """Return the numbers of those rows that have one."""
    found = tx.execute(_FIND, _columns(keys))
    return {keys[one.place - 1]: one.row_no for one in found}


def add_rows(tx: Transaction, keys: Sequence[Key]) -> None:
    """Number rows that have no number yet, in their order; one transaction at a time does so, and
    that order is the order of commits."""
    lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(ROW_LOCK, 0))
    tx.execute(sa.select(lock))
    tx.execute(_ADD, _columns(keys))


def put_members(tx: Transaction, axis: Axis, members: Iterable[Member]) -> None:
    """Keep products or channels with their names and groups; the last of a code counts."""
    by_code = {member.code: member for member in members}
    rows = [
        {"axis": axis, "code": one.code, "name": one.name, "group_code": one.group}
        for one in by_code.values()
    ]
    upsert.put(tx, cube_member, rows)


def put_name(tx: Transaction, axis: Axis, *, code: str, name: str) -> None:
    """Keep a product or a channel as its owner told it; its group stays as it is."""
    row = {"axis": axis, "code": code, "name": name, "group_code": ""}
    upsert.put(tx, cube_member, row, keep=["group_code"])


def members(tx: Transaction, part: Page, *, axis: Axis) -> Slice[Member]:
    """Return a page of the products or channels, by code."""
    statement = sa.select(*cube_member.c).where(cube_member.c.axis == axis)
    rows = tx.execute(keyset(statement, part, [cube_member.c.code]))
    found = (Member(row.code, row.name, row.group_code) for row in rows)
    return part.slice(found, key=lambda one: [one.code])


def groups(tx: Transaction, axis: Axis) -> dict[str, str]:
    """Return the group of each product or channel that has one."""
    rows = tx.execute(
        sa.select(cube_member.c.code, cube_member.c.group_code).where(
            cube_member.c.axis == axis, cube_member.c.group_code != ""
        )
    )
    return {row.code: row.group_code for row in rows}


def unknown(tx: Transaction, codes: Mapping[Axis, Collection[str]]) -> list[tuple[Axis, str]]:
    """Return those of the products and channels that are not known, sorted."""
    wanted = {(axis, code) for axis, some in codes.items() for code in some if code}
    if not wanted:
        return []
    axes, texts = zip(*wanted, strict=True)
    found = tx.execute(_KNOWN, {"axes": list(axes), "codes": list(texts)})
    return sorted(wanted.difference((Axis(one.axis), one.code) for one in found))


def unknown_units(tx: Transaction, unit_ids: Collection[str]) -> list[str]:
    """Return those of the units that are not there, sorted."""
    known = tx.scalars(
        sa.select(org_unit_copy.c.unit_id).where(org_unit_copy.c.unit_id.in_(unit_ids))
    )
    return sorted(set(unit_ids).difference(known))


def put_pins(tx: Transaction, version_id: str, pins: Iterable[Pin]) -> None:
    """Keep fixed totals; one with the same parts is replaced."""
    for pin in pins:
        row = {"version_id": version_id, "total": pin.total, **_parts(pin)}
        upsert.put(tx, cube_pin, row)


def drop_pin(tx: Transaction, version_id: str, pin: Pin) -> None:
    """Forget a fixed total, if there is one for these parts."""
    same = [cube_pin.c[name] == value for name, value in _parts(pin).items()]
    tx.execute(sa.delete(cube_pin).where(cube_pin.c.version_id == version_id, *same))


def pins(tx: Transaction, version_id: str) -> list[Pin]:
    """Return the fixed totals of a version, by their parts."""
    rows = tx.execute(
        sa.select(*cube_pin.c)
        .where(cube_pin.c.version_id == version_id)
        .order_by(*cube_pin.primary_key)
    )
    return [_pin(row) for row in rows]


def current_paths(tx: Transaction) -> dict[str, str]:
    """Return where every unit stands now, each behind its parent."""
    rows = tx.execute(
        sa.select(org_unit_copy.c.unit_id, org_unit_copy.c.path).order_by(
            sa.collate(org_unit_copy.c.path, "C")
        )
    )
    return {row.unit_id: row.path for row in rows}


def _columns(keys: Sequence[Key]) -> dict[str, list[str]]:
    units, products, channels, terminals = (list(one) for one in zip(*keys, strict=True))
    return {"units": units, "products": products, "channels": channels, "terminals": terminals}


def _parts(pin: Pin) -> Mapping[str, str]:
    return {
        "measure": pin.measure,
        "unit_id": pin.unit_id,
        "product_id": pin.product_id,
        "channel": pin.channel,
        "terminal_id": pin.terminal_id,
        "first_month": str(pin.first_month),
        "last_month": str(pin.last_month),
    }


def _pin(row: sa.Row[Any]) -> Pin:
    return Pin(
        measure=row.measure,
        unit_id=row.unit_id,
        product_id=row.product_id,
        channel=row.channel,
        terminal_id=row.terminal_id,
        first_month=Month.parse(row.first_month),
        last_month=Month.parse(row.last_month),
        total=row.total,
    )


_ROWS = sa.text("""
SELECT unit_id, product_id, channel, terminal_id,
  xid = coalesce(pg_current_xact_id_if_assigned()::text::bigint, -1) AS own
FROM cube_row WHERE row_no >= :row ORDER BY row_no LIMIT :limit
""")

_KNOWN = sa.text("""
SELECT axis, code FROM unnest(cast(:axes AS text[]), cast(:codes AS text[])) AS wanted (axis, code)
JOIN cube_member USING (axis, code)
""")

_FIND = sa.text("""
SELECT wanted.place, cube_row.row_no
FROM unnest(
  cast(:units AS text[]), cast(:products AS text[]), cast(:channels AS text[]),
  cast(:terminals AS text[])
) WITH ORDINALITY AS wanted (unit_id, product_id, channel, terminal_id, place)
JOIN cube_row USING (unit_id, product_id, channel, terminal_id)
""")

_ADD = sa.text("""
INSERT INTO cube_row (row_no, unit_id, product_id, channel, terminal_id, xid)
SELECT (SELECT coalesce(max(row_no) + 1, 0) FROM cube_row) + row_number() OVER (ORDER BY place) - 1,
  unit_id, product_id, channel, terminal_id, pg_current_xact_id()::text::bigint
FROM unnest(
  cast(:units AS text[]), cast(:products AS text[]), cast(:channels AS text[]),
  cast(:terminals AS text[])
) WITH ORDINALITY AS wanted (unit_id, product_id, channel, terminal_id, place)
WHERE NOT EXISTS (
  SELECT FROM cube_row WHERE cube_row.unit_id = wanted.unit_id
    AND cube_row.product_id = wanted.product_id AND cube_row.channel = wanted.channel
    AND cube_row.terminal_id = wanted.terminal_id
)
""")
