"""What is done with posts: they are created, filled, vacated, abolished; and who decides next."""

from collections.abc import Sequence
from datetime import date

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import DateRange
from chassis.policy import usecases as policy
from chassis.scope import Caller
from planning.organization import usecases as organization
from planning.post import storage
from planning.post.domain import (
    Assignment,
    Escalation,
    Person,
    PersonAlreadyExists,
    Post,
    PostHasReports,
    Shown,
    SpanWarning,
    escalate,
    require_vacant,
    shown,
    vacated,
    warn,
)


def register(
    tx: Transaction, *, subject: str, name: str, unit_id: str, by: Caller
) -> Outcome[Person]:
    """Make a person known.

    Errors: UnitNotFound, OutOfScope, PersonAlreadyExists.
    """
    organization.require_unit(tx, unit_id, by=by)
    person = Person(subject, name, unit_id)
    if not storage.add_person(tx, person):
        raise PersonAlreadyExists(subject)
    return Outcome(person)


def create(
    tx: Transaction,
    *,
    unit_id: str,
    name: str,
    role: str,
    duties: Sequence[str],
    kpis: Sequence[str],
    manager_post_id: str,
    start: date,
    by: Caller,
) -> Outcome[tuple[Shown, SpanWarning | None]]:
    """Create a vacant post; too many below one manager is a warning, not an error.

    Errors: UnitNotFound, OutOfScope also for a manager of a part of the organisation that is
        neither the caller's nor above the post, PostNotFound for the manager, PolicyNotFound.
    Source: R-165, R-168, R-183.
    """
    organization.require_unit(tx, unit_id, by=by)
    if manager_post_id:
        _require_manager(tx, manager_post_id, unit_id=unit_id, on=start, by=by)
    post = Post(
        post_id=new_id(),
        unit_id=unit_id,
        name=name,
        role=role,
        duties=tuple(duties),
        kpis=tuple(kpis),
        manager_post_id=manager_post_id,
        valid=DateRange(start, None),
        version=1,
        created_by=by.subject,
    )
    storage.add(tx, post)
    return Outcome((_shown(tx, post, on=start), _warning(tx, manager_post_id, on=start)))


def assign(
    tx: Transaction, *, post_id: str, subject: str, days: DateRange, by: Caller
) -> Outcome[Shown]:
    """Give a vacant post to a person.

    Errors: PostNotFound, OutOfScope, PersonNotFound, PostFilled, PolicyNotFound.
    Source: R-165.
    """
    post = _own(tx, post_id, by=by)
    person = storage.get_person(tx, subject)
    require_vacant(post, days, storage.assignments(tx, post_id))
    storage.add_assignment(tx, Assignment(new_id(), post_id, person, days))
    return Outcome(_shown(tx, storage.get(tx, post_id, on=days.start), on=days.start))


def vacate(tx: Transaction, *, post_id: str, end: date, by: Caller) -> Outcome[Shown]:
    """End the assignment of whoever holds a post.

    Errors: PostNotFound, OutOfScope, PostVacant, PolicyNotFound.
    """
    _own(tx, post_id, by=by)
    storage.save_assignment(tx, vacated(post_id, storage.assignments(tx, post_id), end=end))
    return Outcome(_shown(tx, storage.get(tx, post_id, on=end), on=end))


def abolish(tx: Transaction, *, post_id: str, end: date, by: Caller) -> Outcome[Shown]:
    """End a post that nobody holds from that day on, and that no other reports to.

    Shape: the post as it stood on its first day.
    Errors: PostNotFound, OutOfScope, PeriodInvalid, PostFilled, PostHasReports, PolicyNotFound.
    """
    post = _own(tx, post_id, by=by)
    ended = post.abolish(end)
    require_vacant(post, DateRange(end, post.valid.end), storage.assignments(tx, post_id))
    if storage.reports_from(tx, post_id, day=end):
        raise PostHasReports(storage.get(tx, post_id, on=end))
    storage.save(tx, ended)
    return Outcome(_shown(tx, ended, on=ended.valid.start))


def get(tx: Transaction, *, post_id: str, on: date, by: Caller) -> Shown:
    """Return a post as it stands on a day.

    Errors: PostNotFound, OutOfScope, PolicyNotFound.
    Source: R-167.
    """
    post = storage.get(tx, post_id, on=on)
    scope.require(tx, by, post.unit_id)
    return _shown(tx, post, on=on)


def list_page(tx: Transaction, part: Page, *, unit_id: str, on: date, by: Caller) -> Slice[Shown]:
    """Return a page of the posts in the caller's scope as they stand on a day.

    Errors: PolicyNotFound.
    """
    found = storage.page(tx, part, on=on, unit_id=unit_id, units=scope.units_of(by))
    units = sorted({post.unit_id for post in found.items})
    authorities = {one: organization.authority(tx, one, on=on) for one in units}
    return found.map(lambda post: shown(post, authorities[post.unit_id]))


def assignments(tx: Transaction, part: Page, *, post_id: str, by: Caller) -> Slice[Assignment]:
    """Return a page of who held, holds and will hold a post.

    Errors: PostNotFound, OutOfScope.
    """
    _own(tx, post_id, by=by, lock=False)
    return storage.assignment_page(tx, part, post_id)


def span_warnings(tx: Transaction, part: Page, *, on: date, by: Caller) -> Slice[SpanWarning]:
    """Return a page of the managers to whom more posts report than may.

    Errors: PolicyNotFound.
    Source: R-168.
    """
    most = _span(tx, on=on)
    found = storage.with_more_reports(tx, part, than=most, on=on, units=scope.units_of(by))
    return found.map(lambda manager: SpanWarning(manager, most))


def find_authority(
    tx: Transaction, *, unit_id: str, amount: Money, on: date, by: Caller
) -> Escalation:
    """Tell who approves an amount in a unit.

    Errors: UnitNotFound, OutOfScope, PolicyNotFound, AuthorityInsufficient.
    Source: R-167.
    """
    units = organization.ancestors_on(tx, unit_id, on=on)
    scope.require(tx, by, unit_id)
    authority = organization.authority(tx, unit_id, on=on)
    posts = storage.of_units(tx, units, roles=authority.ladder(), on=on)
    return escalate(posts, authority, amount=amount, units=units)


def _own(tx: Transaction, post_id: str, *, by: Caller, lock: bool = True) -> Post:
    post = storage.first(tx, post_id, lock=lock)
    scope.require(tx, by, post.unit_id)
    return post


def _require_manager(tx: Transaction, post_id: str, *, unit_id: str, on: date, by: Caller) -> None:
    """Hold the manager's post, so that its reports are counted one after another and it does not
    end meanwhile."""
    storage.first(tx, post_id, lock=True)
    manager = storage.get(tx, post_id, on=on)
    if scope.within(tx, by, [manager.unit_id]):
        return
    if manager.unit_id not in organization.ancestors_on(tx, unit_id, on=on):
        raise scope.OutOfScope(by.subject, manager.unit_id)


def _shown(tx: Transaction, post: Post, *, on: date) -> Shown:
    return shown(post, organization.authority(tx, post.unit_id, on=on))


def _warning(tx: Transaction, manager_post_id: str, *, on: date) -> SpanWarning | None:
    if not manager_post_id:
        return None
    return warn(storage.get(tx, manager_post_id, on=on), _span(tx, on=on))


def _span(tx: Transaction, *, on: date) -> int:
    found = policy.in_force(tx, kind="span", scopes=[""], on=on)
    return found.parameters.integer("direct_reports_max")
