"""A file of cells comes in whole or not at all."""

from collections.abc import Sequence
from datetime import datetime

from chassis.database import Transaction
from chassis.scope import Caller
from planning.cube import cell_file, row_storage, storage, usecases
from planning.cube.cell_file import Numbered, Problem
from planning.cube.domain import Act, Axis
from planning.cube.expense_types import all_measures


def import_cells(
    tx: Transaction, version_id: str, data: bytes, *, name: str, by: Caller, at: datetime
) -> tuple[int, int]:
    """Set the cells of a file; return how many rows it has and how many cells changed.

    Errors: CubeVersionNotFound, CubeVersionFrozen, CellsCsvInvalid with every wrong row,
        OutOfScope, PartsNotBalanced.
    """
    version = storage.open_version(tx, version_id)
    found, problems = cell_file.read(data, currency_code=version.currency_code)
    problems += _unknown(tx, found)
    if problems:
        raise cell_file.refuse(problems)
    cells = [one.cell for one in found]
    changed = usecases.write(tx, version_id, cells, by=by, at=at, cause=name, act=Act.IMPORT)
    return len(cells), changed


def _unknown(tx: Transaction, found: Sequence[Numbered]) -> list[Problem]:
    """Find the rows whose measure, unit, product or channel planning does not know."""
    places = [one.cell.address for one in found]
    units = set(row_storage.unknown_units(tx, {one.unit_id for one in places}))
    codes = {
        Axis.PRODUCT: {one.product_id for one in places},
        Axis.CHANNEL: {one.channel for one in places},
    }
    members = set(row_storage.unknown(tx, codes))
    measures = all_measures(tx)
    problems: list[Problem] = []
    for one in found:
        at = one.cell.address
        if one.cell.measure not in measures:
            problems.append((one.row, "measure", f"there is no measure {one.cell.measure}"))
        if at.unit_id in units:
            problems.append((one.row, "unit_id", f"there is no unit {at.unit_id}"))
        if (Axis.PRODUCT, at.product_id) in members:
            problems.append((one.row, "product_id", f"no product {at.product_id} is known"))
        if (Axis.CHANNEL, at.channel) in members:
            problems.append((one.row, "channel", f"no channel {at.channel} is known"))
    return problems
