"""Posts, persons and who holds what when: a post is vacant, filled, and vacant again.

A post names a role, not a limit: how much a role may approve is the policy `authority`, so that a
post and an approval never say two things.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.money import Money
from chassis.period import DateRange
from planning.organization.authority import Authority


@dataclass(frozen=True, slots=True)
class RoleTitle:
    """Hold a role of the catalogue.

    Shape: `number` is the contract's, `name` as tokens spell it.
    """

    number: int
    name: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Person:
    """Name somebody who can hold posts; `subject` is what their tokens say."""

    subject: str
    name: str
    unit_id: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """Say on which days somebody holds a post."""

    assignment_id: str
    post_id: str
    person: Person
    valid: DateRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Hold a post as it stands on a day.

    Shape: `manager_post_id` is empty at the top; `holder` is None while the post is vacant;
        `direct_reports` are the posts that report to it on the day.
    """

    post_id: str
    unit_id: str
    name: str
    role: str
    duties: tuple[str, ...]
    kpis: tuple[str, ...]
    manager_post_id: str
    valid: DateRange
    version: int
    created_by: str
    holder: Person | None = None
    direct_reports: int = 0

    def abolish(self, end: date) -> "Post":
        """End it on a day.

        Errors: PeriodInvalid when that is not behind its first day.
        """
        return replace(self, valid=DateRange(self.valid.start, end), version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Shown:
    """Hold a post with what the policy lets it approve.

    Shape: `limit` is None for a post that may approve nothing, and for one that may approve
        anything, which `approves_any` tells.
    """

    post: Post
    limit: Money | None
    approves_any: bool


@dataclass(frozen=True, slots=True)
class SpanWarning:
    """Say that more posts report to a manager than may."""

    manager: Post
    direct_reports_max: int


@dataclass(frozen=True, slots=True)
class Escalation:
    """Say who approves an amount, and who was passed over.

    Shape: `post` is None while nobody with the authority holds one.
    """

    role: str
    post: Shown | None
    passed: tuple[Shown, ...]


def shown(post: Post, authority: Authority) -> Shown:
    """Put a post's approval limit beside it.

    Source: R-167.
    """
    return Shown(post, authority.limit(post.role), post.role in authority.unlimited)


def warn(manager: Post, direct_reports_max: int) -> SpanWarning | None:
    """Warn when more posts report to one than may.

    Source: R-168.
    """
    if manager.direct_reports <= direct_reports_max:
        return None
    return SpanWarning(manager, direct_reports_max)


def escalate(
    posts: Iterable[Post], authority: Authority, *, amount: Money, units: Sequence[str]
) -> Escalation:
    """Find who approves an amount: the lowest limit that covers it, then the nearest unit.

    Shape: `posts` are those of `units`, which go from the nearest to the root.
    Errors: AuthorityInsufficient when no role has the authority.
    Source: R-167.
    """
    role = authority.role_for(amount)
    able = frozenset(authority.able(amount.amount_minor))
    ladder = authority.ladder()
    with_authority = [post for post in posts if authority.has(post.role)]
    ordered = sorted(
        with_authority,
        key=lambda one: (ladder.index(one.role), units.index(one.unit_id), one.post_id),
    )
    for place, post in enumerate(ordered):
        if post.role in able and post.holder is not None:
            passed = tuple(shown(one, authority) for one in ordered[:place])
            return Escalation(post.role, shown(post, authority), passed)
    return Escalation(role, None, tuple(shown(one, authority) for one in ordered))


def require_vacant(post: Post, wanted: DateRange, held: Iterable[Assignment]) -> None:
    """Refuse an assignment on days on which the post is not there, or somebody holds it.

    Errors: PostNotFound, PostFilled.
    """
    behind_end = post.valid.end is not None and (wanted.end is None or wanted.end > post.valid.end)
    if wanted.start < post.valid.start or behind_end:
        raise PostNotFound(post.post_id)
    for one in held:
        if one.valid.overlaps(wanted):
            raise PostFilled(post.post_id, one.person.subject)


def vacated(post_id: str, held: Iterable[Assignment], *, end: date) -> Assignment:
    """Shorten the assignment of whoever holds the post on the day before.

    Errors: PostVacant.
    """
    for one in held:
        later = one.valid.end is None or one.valid.end > end
        if one.valid.start < end and later:
            return replace(one, valid=DateRange(one.valid.start, end))
    raise PostVacant(post_id, end)


class PostNotFound(NotFound):
    """No post has this id, or not on this day."""

    reason = "POST_NOT_FOUND"

    def __init__(self, post_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no post {post_id} on this day", postId=post_id)


class PostFilled(FailedPrecondition):
    """Somebody holds the post on one of these days."""

    reason = "POST_FILLED"

    def __init__(self, post_id: str, subject: str) -> None:
        """Name the post and who holds it."""
        super().__init__(
            f"{subject} holds post {post_id} on one of these days", postId=post_id, subject=subject
        )


class PostVacant(FailedPrecondition):
    """Nobody holds the post on the day before."""

    reason = "POST_VACANT"

    def __init__(self, post_id: str, day: date) -> None:
        """Name the post and the day."""
        super().__init__(f"nobody holds post {post_id} before {day}", postId=post_id, date=day)


class PostHasReports(FailedPrecondition):
    """Other posts report to the post after the day on which it is to end."""

    reason = "POST_HAS_REPORTS"

    def __init__(self, post: Post) -> None:
        """Name the post and how many report to it."""
        super().__init__(
            f"{post.direct_reports} posts report to post {post.post_id}",
            postId=post.post_id,
            directReports=post.direct_reports,
        )


class PersonNotFound(NotFound):
    """No person has this subject."""

    reason = "PERSON_NOT_FOUND"

    def __init__(self, subject: str) -> None:
        """Name the subject."""
        super().__init__(f"nobody is known as {subject}", subject=subject)


class PersonAlreadyExists(AlreadyExists):
    """A person with this subject is there already."""

    reason = "PERSON_ALREADY_EXISTS"

    def __init__(self, subject: str) -> None:
        """Name the subject."""
        super().__init__(f"{subject} is known already", subject=subject)
