"""Acts become chunks in the background, so that a version is read fast however often it changed."""

from collections import defaultdict

import numpy as np

from chassis.database import Transaction
from planning.cube import chunks, storage
from planning.cube.packing import CHUNK_LEAVES, pack, unpack, unpack_change


def fold_one(tx: Transaction, *, weight_min: int) -> bool:
    """Fold the first version whose acts weigh so much, unless somebody is at it; False when there
    is none."""
    version_id = chunks.unfolded(tx, weight_min=weight_min)
    if version_id is None:
        return False
    fold_version(tx, version_id)
    return True


def fold_version(tx: Transaction, version_id: str) -> None:
    """Fold all acts of a version that the caller has locked."""
    for measure, year in chunks.unfolded_sheets(tx, version_id):
        folded = _folded(tx, version_id, measure=measure, year=year)
        chunks.put_chunks(tx, version_id, measure=measure, year=year, chunks=folded)
    chunks.set_folded(tx, version_id)


def _folded(tx: Transaction, version_id: str, *, measure: str, year: int) -> dict[int, bytes]:
    """Return the chunks of a sheet that changed, with their changes in them."""
    before: dict[int, bytes] = {}
    changes: dict[int, list[bytes]] = defaultdict(list)
    for part in storage.sheet(tx, version_id, measure=measure, year=year):
        if part.chunk is not None:
            before[part.no] = part.chunk
        elif part.change is not None:
            changes[part.no].append(part.change)
    found = {}
    for no, pieces in changes.items():
        numbers = np.zeros(CHUNK_LEAVES, dtype=np.int64)
        if no in before:
            stored = unpack(before[no])
            numbers[: len(stored)] = stored
        for piece in pieces:
            places, differences = unpack_change(piece)
            numbers[places] += differences
        found[no] = pack(numbers)
    return found
