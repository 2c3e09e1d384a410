"""What the background does to chunks: it folds acts into them, and drops those nobody has."""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from chassis.database import Transaction
from chassis.ids import new_id
from planning.cube.storage import (
    cube_change,
    cube_chunk,
    cube_page,
    cube_sheet,
    cube_version,
)

PIECE_BYTES: Final = 1_024


def unfolded(tx: Transaction, *, weight_min: int) -> str | None:
    """Return a version whose acts that are not folded weigh so much, locked, unless somebody is at
    it.

    Units: each piece of an act weighs 1, and 1 more for each KiB.
    """
    weight = (
        sa.select(sa.func.sum(1 + sa.func.octet_length(cube_change.c.data) / PIECE_BYTES))
        .where(
            cube_change.c.version_id == cube_version.c.version_id,
            cube_change.c.act_id > cube_version.c.folded_act_id,
        )
        .correlate(cube_version)
        .scalar_subquery()
    )
    found: str | None = tx.scalar(
        sa.select(cube_version.c.version_id)
        .where(cube_version.c.head_act_id > cube_version.c.folded_act_id, weight >= weight_min)
        .order_by(cube_version.c.version_id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return found


def unfolded_sheets(tx: Transaction, version_id: str) -> list[tuple[str, int]]:
    """Return the sheets that have changes which are not folded."""
    rows = tx.execute(
        sa.select(cube_change.c.measure, cube_change.c.year)
        .join(cube_version, cube_version.c.version_id == cube_change.c.version_id)
        .where(
            cube_change.c.version_id == version_id,
            cube_change.c.act_id > cube_version.c.folded_act_id,
        )
        .distinct()
        .order_by(cube_change.c.measure, cube_change.c.year)
    )
    return [(row.measure, row.year) for row in rows]


def put_chunks(
    tx: Transaction, version_id: str, *, measure: str, year: int, chunks: Mapping[int, bytes]
) -> None:
    """Replace chunks of a sheet by new ones, and drop the old ones that no version has any more."""
    ids = {no: new_id() for no in chunks}
    mine = sa.and_(
        cube_page.c.version_id == version_id,
        cube_page.c.measure == measure,
        cube_page.c.year == year,
        cube_page.c.no.in_(list(chunks)),
    )
    old = list(tx.scalars(sa.select(cube_page.c.chunk_id).where(mine)))
    # Locked in order: of two versions that give a chunk up at once, the later one must see that the
    # other has, or nobody drops it. A branch may still begin with it.
    tx.execute(
        sa.select(cube_chunk.c.chunk_id)
        .where(cube_chunk.c.chunk_id.in_(old))
        .order_by(cube_chunk.c.chunk_id)
        .with_for_update(key_share=True)
    )
    tx.execute(sa.delete(cube_page).where(mine))
    tx.execute(
        sa.insert(cube_chunk), [{"chunk_id": ids[no], "data": chunks[no]} for no in sorted(chunks)]
    )
    tx.execute(
        sa.insert(cube_page),
        [
            {
                "version_id": version_id,
                "measure": measure,
                "year": year,
                "no": no,
                "chunk_id": ids[no],
            }
            for no in sorted(chunks)
        ],
    )
    tx.execute(
        sa.delete(cube_chunk).where(
            cube_chunk.c.chunk_id.in_(old),
            ~sa.exists().where(cube_page.c.chunk_id == cube_chunk.c.chunk_id),
        )
    )


def set_folded(tx: Transaction, version_id: str) -> None:
    """Store that all acts of a version are in its chunks."""
    tx.execute(
        sa.update(cube_version)
        .where(cube_version.c.version_id == version_id)
        .values(folded_act_id=cube_version.c.head_act_id)
    )


def share_chunks(tx: Transaction, *, base: str, branch: str) -> None:
    """Let a new version begin with the chunks of another, all of whose acts are folded."""
    of = cube_version.alias("of")
    head = sa.select(of.c.head_act_id).where(of.c.version_id == base).scalar_subquery()
    tx.execute(
        sa.update(cube_version).where(cube_version.c.version_id == branch).values(base_act_id=head)
    )
    for table in (cube_sheet, cube_page):
        others = [column for column in table.c if column.name != "version_id"]
        rows = sa.select(
            sa.cast(sa.literal(branch), sa.Uuid(as_uuid=False)).label("version_id"), *others
        ).where(table.c.version_id == base)
        tx.execute(
            sa.insert(table).from_select(["version_id", *(one.name for one in others)], rows)
        )
