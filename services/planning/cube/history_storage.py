"""What was done to a chunk, newest first, through the versions that a version comes from."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from chassis.database import Transaction
from planning.cube.storage import cube_act, cube_change, cube_version


def lineage(tx: Transaction, version_id: str) -> Iterator[tuple[str, int]]:
    """Yield a version and those it comes from, each with the last act that counts for it."""
    until = 2**63 - 1
    following: str | None = version_id
    while following:
        row = tx.execute(
            sa.select(cube_version.c.base_version_id, cube_version.c.base_act_id).where(
                cube_version.c.version_id == following
            )
        ).one()
        yield following, until
        following, until = row.base_version_id, min(until, row.base_act_id)


def acts_of_chunk(
    tx: Transaction, version_id: str, *, measure: str, year: int, no: int, until: int, limit: int
) -> list[sa.Row[Any]]:
    """Return acts on a chunk up to one, newest first, with their differences in it."""
    return list(
        tx.execute(
            sa.select(
                cube_act.c.act_id,
                cube_act.c.act,
                cube_act.c.cause,
                cube_act.c.changed_by,
                cube_act.c.record_time,
                cube_change.c.data,
            )
            .join(cube_act, cube_act.c.act_id == cube_change.c.act_id)
            .where(
                cube_change.c.version_id == version_id,
                cube_change.c.measure == measure,
                cube_change.c.year == year,
                cube_change.c.no == no,
                cube_change.c.act_id <= until,
            )
            .order_by(cube_change.c.act_id.desc())
            .limit(limit)
        )
    )
