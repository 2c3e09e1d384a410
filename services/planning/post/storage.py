"""Posts, persons and assignments; the database lets nobody share a post on a day.

A post's row is the lock of its assignments.
"""

from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DATERANGE, Range, insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.period import DateRange
from planning.post.domain import Assignment, Person, PersonNotFound, Post, PostNotFound

TABLES = sa.MetaData()

person = sa.Table(
    "person",
    TABLES,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
)

post = sa.Table(
    "post",
    TABLES,
    sa.Column("post_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("duties", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("kpis", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("manager_post_id", sa.Uuid(as_uuid=False)),
    sa.Column("valid", DATERANGE, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)

post_assignment = sa.Table(
    "post_assignment",
    TABLES,
    sa.Column("assignment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("post_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("valid", DATERANGE, nullable=False),
)


def add_person(tx: Transaction, new: Person) -> bool:
    """Store a new person; False when the subject is known."""
    row = insert(person).values(subject=new.subject, name=new.name, unit_id=new.unit_id)
    added = tx.execute(row.on_conflict_do_nothing().returning(person.c.subject))
    return added.first() is not None


def get_person(tx: Transaction, subject: str) -> Person:
    """Return a person.

    Errors: PersonNotFound.
    """
    row = tx.execute(sa.select(*person.c).where(person.c.subject == subject)).first()
    if row is None:
        raise PersonNotFound(subject)
    return Person(row.subject, row.name, row.unit_id)


def add(tx: Transaction, new: Post) -> None:
    """Store a new post."""
    tx.execute(
        sa.insert(post).values(
            post_id=new.post_id,
            unit_id=new.unit_id,
            name=new.name,
            role=new.role,
            duties=list(new.duties),
            kpis=list(new.kpis),
            manager_post_id=new.manager_post_id or None,
            valid=_range(new.valid),
            version=new.version,
            created_by=new.created_by,
        )
    )


def save(tx: Transaction, changed: Post) -> None:
    """Store what can change of a post."""
    tx.execute(
        sa.update(post)
        .where(post.c.post_id == changed.post_id)
        .values(valid=_range(changed.valid), version=changed.version)
    )


def get(tx: Transaction, post_id: str, *, on: date) -> Post:
    """Return a post as it stands on a day.

    Errors: PostNotFound.
    """
    row = tx.execute(_posts(on).where(post.c.post_id == post_id)).first()
    if row is None:
        raise PostNotFound(post_id)
    return _post(row)


def first(tx: Transaction, post_id: str, *, lock: bool = False) -> Post:
    """Return a post as it stands on its first day; locked, nobody else changes it or its
    assignments.

    Errors: PostNotFound.
    """
    query = sa.select(sa.func.lower(post.c.valid)).where(post.c.post_id == post_id)
    found = tx.execute(query.with_for_update() if lock else query).first()
    if found is None:
        raise PostNotFound(post_id)
    return get(tx, post_id, on=found[0])


def page(
    tx: Transaction, part: Page, *, on: date, unit_id: str, units: sa.ScalarSelect[str] | None
) -> Slice[Post]:
    """Return a page of the posts of a day, oldest first; of one unit unless `unit_id` is empty."""
    statement = _posts(on)
    if unit_id:
        statement = statement.where(post.c.unit_id == unit_id)
    if units is not None:
        statement = statement.where(post.c.unit_id.in_(units))
    rows = tx.execute(keyset(statement, part, [post.c.post_id]))
    return part.slice(map(_post, rows), key=lambda one: [one.post_id])


def of_units(
    tx: Transaction, unit_ids: Collection[str], *, roles: Collection[str], on: date
) -> list[Post]:
    """Return the posts of some units that have one of some roles on a day."""
    wanted = _posts(on).where(post.c.unit_id.in_(unit_ids), post.c.role.in_(sorted(roles)))
    return [_post(row) for row in tx.execute(wanted.order_by(post.c.post_id))]


def with_more_reports(
    tx: Transaction, part: Page, *, than: int, on: date, units: sa.ScalarSelect[str] | None
) -> Slice[Post]:
    """Return a page of the posts of a day to which more report than a number, by id."""
    reports = post.alias("reports")
    wide = (
        sa.select(reports.c.manager_post_id)
        .where(reports.c.valid.contains(sa.cast(on, sa.Date)))
        .group_by(reports.c.manager_post_id)
        .having(sa.func.count() > than)
    )
    statement = _posts(on).where(post.c.post_id.in_(wide))
    if units is not None:
        statement = statement.where(post.c.unit_id.in_(units))
    rows = tx.execute(keyset(statement, part, [post.c.post_id]))
    return part.slice(map(_post, rows), key=lambda one: [one.post_id])


def reports_from(tx: Transaction, post_id: str, *, day: date) -> int:
    """Count the posts that report to one on a day or later."""
    later = sa.or_(sa.func.upper_inf(post.c.valid), sa.func.upper(post.c.valid) > day)
    query = sa.select(sa.func.count()).where(post.c.manager_post_id == post_id, later)
    return int(tx.execute(query).scalar_one())


def add_assignment(tx: Transaction, new: Assignment) -> None:
    """Store a new assignment."""
    tx.execute(
        sa.insert(post_assignment).values(
            assignment_id=new.assignment_id,
            post_id=new.post_id,
            subject=new.person.subject,
            valid=_range(new.valid),
        )
    )


def save_assignment(tx: Transaction, changed: Assignment) -> None:
    """Store the days of an assignment."""
    tx.execute(
        sa.update(post_assignment)
        .where(post_assignment.c.assignment_id == changed.assignment_id)
        .values(valid=_range(changed.valid))
    )


def assignments(tx: Transaction, post_id: str) -> list[Assignment]:
    """Return all assignments of a post, by first day."""
    rows = tx.execute(_assignments(post_id).order_by(sa.func.lower(post_assignment.c.valid)))
    return [_assignment(row) for row in rows]


def assignment_page(tx: Transaction, part: Page, post_id: str) -> Slice[Assignment]:
    """Return a page of the assignments of a post, by first day."""
    start = sa.type_coerce(sa.func.lower(post_assignment.c.valid), sa.Date)
    rows = tx.execute(keyset(_assignments(post_id), part, [start]))
    return part.slice(map(_assignment, rows), key=lambda one: [one.valid.start])


def _assignments(post_id: str) -> sa.Select[Any]:
    return (
        sa.select(
            post_assignment.c.assignment_id,
            post_assignment.c.post_id,
            post_assignment.c.valid,
            *person.c,
        )
        .join(person, person.c.subject == post_assignment.c.subject)
        .where(post_assignment.c.post_id == post_id)
    )


def _posts(on: date) -> sa.Select[Any]:
    day = sa.cast(on, sa.Date)
    reports = post.alias("reports")
    count = (
        sa.select(sa.func.count())
        .where(reports.c.manager_post_id == post.c.post_id, reports.c.valid.contains(day))
        .correlate(post)
        .scalar_subquery()
    )
    holds = sa.and_(
        post_assignment.c.post_id == post.c.post_id, post_assignment.c.valid.contains(day)
    )
    return (
        sa.select(
            *post.c,
            count.label("direct_reports"),
            person.c.subject.label("holder"),
            person.c.name.label("holder_name"),
            person.c.unit_id.label("holder_unit_id"),
        )
        .outerjoin(post_assignment, holds)
        .outerjoin(person, person.c.subject == post_assignment.c.subject)
        .where(post.c.valid.contains(day))
    )


def _post(row: sa.Row[Any]) -> Post:
    holder = Person(row.holder, row.holder_name, row.holder_unit_id) if row.holder else None
    return Post(
        post_id=row.post_id,
        unit_id=row.unit_id,
        name=row.name,
        role=row.role,
        duties=tuple(row.duties),
        kpis=tuple(row.kpis),
        manager_post_id=row.manager_post_id or "",
        valid=_days(row.valid),
        version=row.version,
        created_by=row.created_by,
        holder=holder,
        direct_reports=row.direct_reports,
    )


def _assignment(row: sa.Row[Any]) -> Assignment:
    return Assignment(
        row.assignment_id,
        row.post_id,
        Person(row.subject, row.name, row.unit_id),
        _days(row.valid),
    )


def _range(days: DateRange) -> Range[date]:
    return Range(days.start, days.end, bounds="[)")


def _days(found: Range[date]) -> DateRange:
    assert found.lower is not None
    return DateRange(found.lower, found.upper)
