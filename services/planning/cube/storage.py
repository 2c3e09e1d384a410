"""Versions, rows and changes of the cube, and the chunks that changes are folded into.

A change is one act on a version: its differences, a packed piece for each chunk that it touches.
Acts are never changed, so they are the history, too. What a sheet holds is its chunks and the
differences after the last act folded into them. A version's row is the lock of all its acts, so
their ids ascend in the order of their commits. Chunks are never changed either: a fold writes new
ones, and a branch begins with its base's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from planning.cube.domain import Act, Kind, Version
from planning.cube.errors import (
    CubeVersionActual,
    CubeVersionFrozen,
    CubeVersionNotFound,
    CubeVersionOwned,
)

TABLES = sa.MetaData()

cube_version = sa.Table(
    "cube_version",
    TABLES,
    sa.Column("version_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("base_version_id", sa.Uuid(as_uuid=False)),
    sa.Column("base_act_id", sa.BigInteger, nullable=False),
    sa.Column("frozen", sa.Boolean, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("head_act_id", sa.BigInteger, nullable=False),
    # The transaction that wrote the head, so that it knows its own uncommitted work.
    sa.Column("head_xid", sa.BigInteger, nullable=False),
    sa.Column("folded_act_id", sa.BigInteger, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
)

cube_sheet = sa.Table(
    "cube_sheet",
    TABLES,
    sa.Column("version_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("measure", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
)

cube_chunk = sa.Table(
    "cube_chunk",
    TABLES,
    sa.Column("chunk_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

cube_page = sa.Table(
    "cube_page",
    TABLES,
    sa.Column("version_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("measure", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("chunk_id", sa.Uuid(as_uuid=False), nullable=False),
)

cube_act = sa.Table(
    "cube_act",
    TABLES,
    sa.Column("act_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("version_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
)

cube_change = sa.Table(
    "cube_change",
    TABLES,
    sa.Column("version_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("measure", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("act_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Head:
    """Say how far a version is.

    Shape: `own` is true when this very transaction did the last act.
    """

    act_id: int
    own: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold the differences of one act in one chunk, packed."""

    measure: str
    year: int
    no: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Doing:
    """Say what is done, by whom and when."""

    act: Act
    cause: str
    by: str
    at: datetime


def add_version(tx: Transaction, version: Version) -> bool:
    """Store a new version; False when its name is taken."""
    done = tx.execute(
        insert(cube_version)
        .values(
            version_id=version.version_id,
            name=version.name,
            kind=version.kind,
            unit_id=version.unit_id,
            currency_code=version.currency_code,
            base_version_id=version.base_version_id or None,
            base_act_id=0,
            frozen=version.frozen,
            created_by=version.created_by,
            create_time=version.create_time,
            head_act_id=0,
            head_xid=0,
            folded_act_id=0,
            owner=version.owner,
        )
        .on_conflict_do_nothing(index_elements=[cube_version.c.name])
        .returning(cube_version.c.version_id)
    )
    return done.first() is not None


def get_version(tx: Transaction, version_id: str, *, lock: bool = False) -> Version:
    """Return a version; locked, nobody else changes it until the transaction ends.

    Errors: CubeVersionNotFound.
    """
    statement = sa.select(*cube_version.c).where(cube_version.c.version_id == version_id)
    row = tx.execute(statement.with_for_update(key_share=True) if lock else statement).first()
    if row is None:
        raise CubeVersionNotFound(version_id)
    return _version(row)


def own_version(tx: Transaction, version_id: str, *, owner: str) -> Version:
    """Return a version of an owner, frozen or not, locked.

    Errors: CubeVersionNotFound, CubeVersionOwned.
    """
    return _owned(get_version(tx, version_id, lock=True), owner)


def open_version(tx: Transaction, version_id: str, *, owner: str = "") -> Version:
    """Return a version that may be changed by its owner, locked; by hand when that is empty.

    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen.
    """
    version = get_version(tx, version_id, lock=True)
    if version.frozen:
        raise CubeVersionFrozen(version_id, version.name)
    return _owned(version, owner)


def _owned(version: Version, owner: str) -> Version:
    if version.owner != owner:
        raise CubeVersionOwned(version.version_id, version.name, version.owner)
    return version


def written_version(tx: Transaction, version_id: str, *, owner: str = "") -> Version:
    """Return a version that may be written, locked: an open one that does not hold what came.

    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen, CubeVersionActual.
    """
    version = open_version(tx, version_id, owner=owner)
    if version.kind is Kind.ACTUAL:
        raise CubeVersionActual(version_id, version.name)
    return version


def version_named(tx: Transaction, name: str) -> Version | None:
    """Return the version of a name, or None."""
    row = tx.execute(sa.select(*cube_version.c).where(cube_version.c.name == name)).first()
    return _version(row) if row else None


def versions(tx: Transaction, part: Page, *, kind: Kind | None) -> Slice[Version]:
    """Return a page of versions, oldest first."""
    statement = sa.select(*cube_version.c)
    if kind is not None:
        statement = statement.where(cube_version.c.kind == kind)
    rows = tx.execute(keyset(statement, part, [cube_version.c.version_id]))
    return part.slice(map(_version, rows), key=lambda one: [one.version_id])


def freeze(tx: Transaction, version_id: str) -> None:
    """Store that nothing changes a version any more."""
    tx.execute(
        sa.update(cube_version).where(cube_version.c.version_id == version_id).values(frozen=True)
    )


def hand_over(tx: Transaction, version_id: str, *, owner: str) -> None:
    """Store whose a version is."""
    tx.execute(
        sa.update(cube_version).where(cube_version.c.version_id == version_id).values(owner=owner)
    )


def head(tx: Transaction, version_id: str) -> Head:
    """Tell how far a version is.

    Errors: CubeVersionNotFound.
    """
    row = tx.execute(_HEAD, {"version_id": version_id}).first()
    if row is None:
        raise CubeVersionNotFound(version_id)
    return Head(row.head_act_id, row.own)


def act(tx: Transaction, version_id: str, doing: Doing, *, pieces: Sequence[Piece]) -> None:
    """Store an act on a version that the caller has locked."""
    tx.execute(
        _ACT,
        {
            "version_id": version_id,
            "act": doing.act,
            "cause": doing.cause,
            "by": doing.by,
            "at": doing.at,
            "measures": [one.measure for one in pieces],
            "years": [one.year for one in pieces],
            "nos": [one.no for one in pieces],
            "data": [one.data for one in pieces],
        },
    )


def years(tx: Transaction, version_id: str, measures: Sequence[str]) -> dict[str, list[int]]:
    """Return the years in which a version has or had numbers of each measure, ascending."""
    found: dict[str, list[int]] = {measure: [] for measure in measures}
    for row in tx.execute(_YEARS, {"version_id": version_id, "measures": list(found)}):
        found[row.measure].append(row.year)
    return found


def changes_after(
    tx: Transaction, version_id: str, act_id: int, *, limit: int
) -> list[sa.Row[Any]]:
    """Return the pieces of the acts after one, in their order."""
    return list(
        tx.execute(
            sa.select(
                cube_change.c.act_id,
                cube_change.c.measure,
                cube_change.c.year,
                cube_change.c.no,
                cube_change.c.data,
            )
            .where(cube_change.c.version_id == version_id, cube_change.c.act_id > act_id)
            .order_by(cube_change.c.act_id)
            .limit(limit)
        )
    )


def sheet(tx: Transaction, version_id: str, *, measure: str, year: int) -> list[sa.Row[Any]]:
    """Return all that a sheet is made of, as it was at one moment.

    Shape: (head, no, chunk, change) each; the chunks first, then the changes after them, in the
        order of their acts. The first row has neither: it tells the head alone.
    """
    names = {"version_id": version_id, "measure": measure, "year": year}
    return list(tx.execute(_SHEET, names))


def _version(row: sa.Row[Any]) -> Version:
    return Version(
        version_id=row.version_id,
        name=row.name,
        kind=Kind(row.kind),
        unit_id=row.unit_id,
        currency_code=row.currency_code,
        base_version_id=row.base_version_id or "",
        frozen=row.frozen,
        created_by=row.created_by,
        create_time=row.create_time,
        owner=row.owner,
    )


_HEAD = sa.text("""
SELECT head_act_id,
  head_xid = coalesce(pg_current_xact_id_if_assigned()::text::bigint, -1) AS own
FROM cube_version WHERE version_id = cast(:version_id AS uuid)
""")

_YEARS = sa.text("""
SELECT measure, year FROM cube_sheet
WHERE version_id = cast(:version_id AS uuid) AND measure = ANY(cast(:measures AS text[]))
ORDER BY measure, year
""")

# One statement, because a cell that somebody waits for is written by it.
_ACT = sa.text("""
WITH done AS (
  INSERT INTO cube_act (version_id, act, cause, changed_by, record_time)
  VALUES (cast(:version_id AS uuid), :act, :cause, :by, :at) RETURNING act_id
), piece AS (
  SELECT * FROM unnest(
    cast(:measures AS text[]), cast(:years AS int[]), cast(:nos AS int[]), cast(:data AS bytea[])
  ) AS piece (measure, year, no, data)
), changed AS (
  INSERT INTO cube_change (version_id, measure, year, no, act_id, data)
  SELECT cast(:version_id AS uuid), measure, year, no, act_id, data FROM piece, done
), sheeted AS (
  INSERT INTO cube_sheet (version_id, measure, year)
  SELECT DISTINCT cast(:version_id AS uuid), measure, year FROM piece ON CONFLICT DO NOTHING
)
UPDATE cube_version SET head_act_id = done.act_id,
  head_xid = pg_current_xact_id()::text::bigint
FROM done WHERE version_id = cast(:version_id AS uuid)
""")

# One statement, because a fold between two of them would move differences into chunks.
_SHEET = sa.text("""
SELECT 0 AS place, 0::bigint AS act_id, head_act_id AS head, NULL::int AS no,
  NULL::bytea AS chunk, NULL::bytea AS change
FROM cube_version WHERE version_id = cast(:version_id AS uuid)
UNION ALL
SELECT 1, 0, 0, page.no, chunk.data, NULL
FROM cube_page page JOIN cube_chunk chunk USING (chunk_id)
WHERE page.version_id = cast(:version_id AS uuid) AND page.measure = :measure AND page.year = :year
UNION ALL
SELECT 2, change.act_id, 0, change.no, NULL, change.data
FROM cube_change change JOIN cube_version version USING (version_id)
WHERE change.version_id = cast(:version_id AS uuid) AND change.measure = :measure
  AND change.year = :year AND change.act_id > version.folded_act_id
ORDER BY place, act_id, no
""")
