"""Who calls, and over which part of the organisation the caller has a say.

Objects carry a `unit_id`; each service holds `org_unit_copy`, so the check is local. Units move, so
a token names the unit and never its path. Deliberately absent: roles per method, which the contract
declares and the interceptor checks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from chassis import arrays, upsert
from chassis.database import Transaction
from chassis.errors import PermissionDenied

TABLES = sa.MetaData()

org_unit_copy = sa.Table(
    "org_unit_copy",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
)

SERVICE_ROLE = "service"

# Written out once: building a statement costs more than running it.
SAYS = sa.text(
    """
    SELECT own.unit_id AS own_id, below.unit_id
    FROM org_unit_copy own
    JOIN org_unit_copy below ON starts_with(below.path, own.path)
    WHERE own.unit_id = ANY(CAST(:owns AS text[])) AND below.unit_id = ANY(CAST(:units AS text[]))
    ORDER BY own.unit_id, below.unit_id
    """
)
# The units in the scope of the unit `own`, for statements that are written out too.
UNITS_BELOW = """
    SELECT below.unit_id
    FROM org_unit_copy own JOIN org_unit_copy below ON starts_with(below.path, own.path)
    WHERE own.unit_id = :own
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """Name who sent the request.

    Shape: `subject` is the token's subject, `roles` the lower-case role names of the contract,
    `unit_id` the unit the caller belongs to ("" for a service), `actor` the person behind a
    service's call, equal to `subject` for a person.
    """

    subject: str
    roles: frozenset[str]
    unit_id: str
    actor: str

    @property
    def is_service(self) -> bool:
        """Tell whether a service of the platform calls, whose scope is everything."""
        return SERVICE_ROLE in self.roles


class OutOfScope(PermissionDenied):
    """The object belongs to a part of the organisation that the caller has no say over."""

    reason = "OUT_OF_SCOPE"

    def __init__(self, subject: str, unit_id: str) -> None:
        """Name the caller and the object's unit."""
        super().__init__(
            f"{subject} has no say over unit {unit_id}", subject=subject, unitId=unit_id
        )


def require(tx: Transaction, caller: Caller, unit_id: str) -> None:
    """Refuse a caller whose unit is neither the object's unit nor above it.

    Errors: OutOfScope, also when either unit is unknown here.
    Source: R-183, R-313.
    """
    if not within(tx, caller, [unit_id]):
        raise OutOfScope(caller.subject, unit_id)


def require_root(tx: Transaction, caller: Caller) -> None:
    """Refuse a person who does not belong to the root of the organisation, for what has no unit of
    its own.

    Errors: OutOfScope, also when the caller's unit is unknown here.
    """
    if caller.is_service:
        return
    own = sa.select(org_unit_copy.c.path).where(org_unit_copy.c.unit_id == caller.unit_id)
    root, _, below = (tx.execute(own).scalar_one_or_none() or "").partition("/")
    if below or not root:
        raise OutOfScope(caller.subject, root or caller.unit_id)


@dataclass(frozen=True, slots=True)
class Says:
    """Hold over which of some units some callers have a say: caller's unit → units."""

    units: Mapping[str, frozenset[str]]

    def require(self, caller: Caller, unit_id: str) -> None:
        """Refuse as `scope.require` does, from what was read before."""
        if not caller.is_service and unit_id not in self.units.get(caller.unit_id, ()):
            raise OutOfScope(caller.subject, unit_id)


def says(tx: Transaction, callers: Iterable[Caller], unit_ids: Iterable[str]) -> Says:
    """Read at once over which of the units the callers have a say."""
    owns = {caller.unit_id for caller in callers if not caller.is_service}
    found: dict[str, set[str]] = {}
    if owns:
        rows = tx.execute(SAYS, {"owns": arrays.texts(owns), "units": arrays.texts(set(unit_ids))})
        for own_id, unit_id in rows:
            found.setdefault(own_id, set()).add(unit_id)
    return Says({own_id: frozenset(units) for own_id, units in found.items()})


def within(tx: Transaction, caller: Caller, unit_ids: Iterable[str]) -> list[str]:
    """Return those of the units that the caller has a say over, sorted.

    Shape: a path is the ids from the root joined by `/` with a trailing `/`, so a prefix is an
    ancestor.
    """
    wanted = sorted(set(unit_ids))
    if caller.is_service:
        return wanted
    rows = tx.execute(SAYS, {"owns": arrays.texts([caller.unit_id]), "units": arrays.texts(wanted)})
    return [row.unit_id for row in rows]


def units_of(caller: Caller) -> sa.ScalarSelect[str] | None:
    """Return a sub-select of all units in the caller's scope, or None for a service, which sees
    all.

    Shape: to be used as `column.in_(…)` in a list query.
    """
    if caller.is_service:
        return None
    own = org_unit_copy.alias("own")
    return (
        sa.select(org_unit_copy.c.unit_id)
        .join(own, sa.func.starts_with(org_unit_copy.c.path, own.c.path))
        .where(own.c.unit_id == caller.unit_id)
        .scalar_subquery()
    )


def copy_unit(tx: Transaction, *, unit_id: str, path: str, version: int, at: datetime) -> None:
    """Keep a unit's path as its owner told it; an older version never replaces a newer one."""
    row = {"unit_id": unit_id, "path": path, "version": version, "record_time": at}
    upsert.put(tx, org_unit_copy, row, newer_in="version")
