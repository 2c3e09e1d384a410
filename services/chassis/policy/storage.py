"""The policies this service owns, and the copies of those it does not.

A kind is in one of the two tables, never in both, so a look-up reads both and need not know who
owns what. The database itself refuses two approved versions of a kind and scope that share a day.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, Range

from chassis import upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.period import DateRange
from chassis.policy.domain import Policy, PolicyNotFound, State, VariableType, Wanted, nearest
from chassis.policy.parameters import Parameters

TABLES = sa.MetaData()


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("policy_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("valid", DATERANGE, nullable=False),
        sa.Column("planned_end", sa.Date),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("assumed", sa.Boolean, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        # JSONB sorts names; conditions are asked in the order in which they were written.
        sa.Column("conditions", sa.JSON, nullable=False),
        sa.Column("variables", JSONB, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
        sa.Column("approve_time", sa.DateTime(timezone=True)),
        sa.Column("withdrawn_by", sa.Text, nullable=False),
        sa.Column("withdraw_time", sa.DateTime(timezone=True)),
        sa.Column("successor_id", sa.Uuid(as_uuid=False)),
        sa.Column("revision", sa.Integer, nullable=False),
    ]


policy = sa.Table("policy", TABLES, *_columns())
policy_copy = sa.Table("policy_copy", TABLES, *_columns())

# A union, not a view: PostgreSQL pushes conditions down into both sides, and the schema has one
# thing less.
_known: Final = sa.union_all(sa.select(policy), sa.select(policy_copy)).subquery("known")


def lock_line(tx: Transaction, *, kind: str, scope: str) -> None:
    """Let one transaction at a time write versions of a kind and scope.

    Rows alone cannot be locked for this: the version that a twin is about to approve may have no
    neighbour yet.
    """
    key = sa.func.hashtextextended(f"policy\n{kind}\n{scope}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def next_version(tx: Transaction, *, kind: str, scope: str) -> int:
    """Return the number of the next version of a kind and scope, from 1."""
    last = sa.func.coalesce(sa.func.max(policy.c.version), 0)
    query = sa.select(last).where(policy.c.kind == kind, policy.c.scope == scope)
    return int(tx.execute(query).scalar_one()) + 1


def add(tx: Transaction, new: Policy) -> None:
    """Insert a version."""
    tx.execute(sa.insert(policy).values(_row(new)))


def save(tx: Transaction, changed: Policy) -> None:
    """Write what a version can change: its state, its days and who did it."""
    row = _row(changed)
    names = (
        "valid",
        "planned_end",
        "state",
        "approved_by",
        "approve_time",
        "withdrawn_by",
        "withdraw_time",
        "successor_id",
        "revision",
    )
    tx.execute(
        sa.update(policy)
        .where(policy.c.policy_id == changed.policy_id)
        .values({name: row[name] for name in names})
    )


def own(tx: Transaction, policy_id: str) -> Policy:
    """Return a version that this service owns, and hold its line so that it stays so.

    Errors: PolicyNotFound.
    """
    line = tx.execute(
        sa.select(policy.c.kind, policy.c.scope).where(policy.c.policy_id == policy_id)
    ).one_or_none()
    if line is None:
        raise PolicyNotFound.by_id(policy_id)
    lock_line(tx, kind=line.kind, scope=line.scope)
    row = tx.execute(sa.select(policy).where(policy.c.policy_id == policy_id)).one()
    return _policy(row)


def get(tx: Transaction, policy_id: str) -> Policy:
    """Return a version, owned or copied.

    Errors: PolicyNotFound.
    """
    row = tx.execute(sa.select(_known).where(_known.c.policy_id == policy_id)).one_or_none()
    if row is None:
        raise PolicyNotFound.by_id(policy_id)
    return _policy(row)


def approved(tx: Transaction, *, kind: str, scope: str) -> list[Policy]:
    """Return the approved versions that this service owns of a kind and scope, by their days."""
    query = (
        sa.select(policy)
        .where(policy.c.kind == kind, policy.c.scope == scope, policy.c.state == State.APPROVED)
        .order_by(policy.c.valid)
    )
    return [_policy(row) for row in tx.execute(query)]


def ended_by(tx: Transaction, successor_id: str) -> Policy | None:
    """Return the version that a successor ended, or None."""
    row = tx.execute(sa.select(policy).where(policy.c.successor_id == successor_id)).one_or_none()
    return None if row is None else _policy(row)


def in_force(tx: Transaction, *, kind: str, scopes: Sequence[str], on: date) -> list[Policy]:
    """Return the versions that hold on a day in one of the scopes, in the order of the scopes."""
    query = sa.select(_known).where(
        _known.c.kind == kind,
        _known.c.scope == sa.any_(sa.cast(list(scopes), sa.ARRAY(sa.Text))),
        _known.c.state == State.APPROVED,
        _known.c.valid.contains(on),
    )
    return nearest([_policy(row) for row in tx.execute(query)], scopes)


def approved_of(tx: Transaction, kinds: Sequence[str]) -> list[Policy]:
    """Return all approved versions of the kinds, whatever their days."""
    query = sa.select(_known).where(
        _known.c.kind == sa.any_(sa.cast(list(kinds), sa.ARRAY(sa.Text))),
        _known.c.state == State.APPROVED,
    )
    return [_policy(row) for row in tx.execute(query)]


def change_count(tx: Transaction) -> int:
    """Count all changes of all versions known here; it only grows, for none is ever deleted."""
    total = sa.func.coalesce(sa.func.sum(_known.c.revision), 0)
    return int(tx.execute(sa.select(total)).scalar_one())


def versions(tx: Transaction, *, kind: str, scope: str) -> list[Policy]:
    """Return all versions of a kind and scope, the oldest first."""
    query = (
        sa.select(_known)
        .where(_known.c.kind == kind, _known.c.scope == scope)
        .order_by(_known.c.version)
    )
    return [_policy(row) for row in tx.execute(query)]


def page(tx: Transaction, wanted: Wanted, part: Page) -> Slice[Policy]:
    """Return one page of the versions wanted, by kind, scope and version."""
    query = sa.select(_known)
    for column, value in (
        (_known.c.kind, wanted.kind),
        (_known.c.scope, wanted.scope),
        (_known.c.state, wanted.state),
    ):
        query = query if value is None else query.where(column == value)
    if wanted.on is not None:
        query = query.where(_known.c.valid.contains(wanted.on))
    query = keyset(query, part, [_known.c.kind, _known.c.scope, _known.c.version])
    found = [_policy(row) for row in tx.execute(query)]
    return part.slice(found, key=lambda item: (item.kind, item.scope, item.version))


def apply_copy(tx: Transaction, received: Policy) -> None:
    """Keep a version as its owner told it, unless a later change of it is known already."""
    upsert.put(tx, policy_copy, _row(received), newer_in="revision")


def _row(source: Policy) -> dict[str, object]:
    return {
        "policy_id": source.policy_id,
        "kind": source.kind,
        "scope": source.scope,
        "version": source.version,
        "valid": Range(source.valid.start, source.valid.end),
        "planned_end": source.planned_end,
        "state": source.state,
        "assumed": source.assumed,
        "summary": source.summary,
        "parameters": dict(source.parameters.values),
        "conditions": dict(source.conditions),
        "variables": dict(source.variables),
        "created_by": source.created_by,
        "create_time": source.create_time,
        "approved_by": source.approved_by,
        "approve_time": source.approve_time,
        "withdrawn_by": source.withdrawn_by,
        "withdraw_time": source.withdraw_time,
        "successor_id": source.successor_id,
        "revision": source.revision,
    }


def _policy(row: sa.Row[Any]) -> Policy:
    valid: Range[date] = row.valid
    assert valid.lower is not None, "the table refuses a range without a start"
    return Policy(
        policy_id=row.policy_id,
        kind=row.kind,
        scope=row.scope,
        version=row.version,
        valid=DateRange(valid.lower, valid.upper),
        planned_end=row.planned_end,
        state=State(row.state),
        assumed=row.assumed,
        summary=row.summary,
        parameters=Parameters(row.parameters),
        conditions=row.conditions,
        variables=_variables(row.variables),
        created_by=row.created_by,
        create_time=row.create_time,
        approved_by=row.approved_by,
        approve_time=row.approve_time,
        withdrawn_by=row.withdrawn_by,
        withdraw_time=row.withdraw_time,
        successor_id=row.successor_id,
        revision=row.revision,
    )


def _variables(stored: Mapping[str, str]) -> dict[str, VariableType]:
    return {name: VariableType(kind) for name, kind in stored.items()}
