"""Posts between the domain and the contract; no fact of theirs is told."""

from datetime import date
from typing import TypeAlias

from mantle.options.v1 import options_pb2
from mantle.planning.v1 import post_pb2
from mantle.planning.v1 import post_service_pb2 as pb

from chassis.paging import Slice
from chassis.period import DateRange, parse_date
from chassis.wire import from_money
from planning.post.domain import (
    Assignment,
    Escalation,
    Person,
    RoleTitle,
    Shown,
    SpanWarning,
)

Dated: TypeAlias = (
    pb.GetPostRequest | pb.ListPostsRequest | pb.ListSpanWarningsRequest | pb.FindAuthorityRequest
)


def role(request: pb.CreatePostRequest) -> str:
    """Read a role as tokens spell it."""
    return options_pb2.Role.Name(request.role).removeprefix("ROLE_").lower()


def day(request: Dated, *, today: date) -> date:
    """Read the day that is asked for, today when it is absent.

    Errors: PeriodInvalid.
    """
    return parse_date(request.date) if request.HasField("date") else today


def days(request: pb.AssignPostRequest) -> DateRange:
    """Read the days of an assignment.

    Errors: PeriodInvalid.
    """
    end = parse_date(request.end_date) if request.HasField("end_date") else None
    return DateRange(parse_date(request.start_date), end)


def registered(person: Person) -> pb.RegisterPersonResponse:
    """Answer with the person."""
    return pb.RegisterPersonResponse(person=_person(person))


def created(made: tuple[Shown, SpanWarning | None]) -> pb.CreatePostResponse:
    """Answer with the post, and with the warning if there is one."""
    shown, warning = made
    return pb.CreatePostResponse(
        post=_post(shown), warning=_warning(warning) if warning is not None else None
    )


def assigned(shown: Shown) -> pb.AssignPostResponse:
    """Answer with the post."""
    return pb.AssignPostResponse(post=_post(shown))


def vacated(shown: Shown) -> pb.VacatePostResponse:
    """Answer with the post."""
    return pb.VacatePostResponse(post=_post(shown))


def abolished(shown: Shown) -> pb.AbolishPostResponse:
    """Answer with the post."""
    return pb.AbolishPostResponse(post=_post(shown))


def got(shown: Shown) -> pb.GetPostResponse:
    """Answer with the post."""
    return pb.GetPostResponse(post=_post(shown))


def listed(found: Slice[Shown]) -> pb.ListPostsResponse:
    """Answer with a page of posts."""
    return pb.ListPostsResponse(
        posts=map(_post, found.items), next_page_token=found.next_page_token
    )


def listed_assignments(found: Slice[Assignment]) -> pb.ListPostAssignmentsResponse:
    """Answer with a page of assignments."""
    return pb.ListPostAssignmentsResponse(
        assignments=map(_assignment, found.items), next_page_token=found.next_page_token
    )


def listed_warnings(found: Slice[SpanWarning]) -> pb.ListSpanWarningsResponse:
    """Answer with a page of warnings."""
    return pb.ListSpanWarningsResponse(
        warnings=map(_warning, found.items), next_page_token=found.next_page_token
    )


def found_authority(found: Escalation) -> pb.FindAuthorityResponse:
    """Answer with who decides."""
    return pb.FindAuthorityResponse(
        role=_role(found.role),
        post=_post(found.post) if found.post is not None else None,
        passed=map(_post, found.passed),
    )


def listed_roles(found: Slice[RoleTitle]) -> pb.ListRolesResponse:
    """Answer with a page of the catalogue."""
    return pb.ListRolesResponse(
        roles=[
            post_pb2.CatalogueRole(
                role=_role(one.name), name=one.name, title_en=one.en, title_zh=one.zh
            )
            for one in found.items
        ],
        next_page_token=found.next_page_token,
    )


def _role(name: str) -> options_pb2.Role.ValueType:
    return options_pb2.Role.Value(f"ROLE_{name.upper()}")


def _end(days: DateRange) -> str:
    return days.end.isoformat() if days.end is not None else ""


def _person(person: Person) -> post_pb2.Person:
    return post_pb2.Person(subject=person.subject, name=person.name, unit_id=person.unit_id)


def _assignment(one: Assignment) -> post_pb2.PostAssignment:
    return post_pb2.PostAssignment(
        assignment_id=one.assignment_id,
        post_id=one.post_id,
        person=_person(one.person),
        start_date=one.valid.start.isoformat(),
        end_date=_end(one.valid),
    )


def _warning(warning: SpanWarning) -> post_pb2.SpanWarning:
    manager = warning.manager
    return post_pb2.SpanWarning(
        manager_post_id=manager.post_id,
        manager_post_name=manager.name,
        manager=manager.holder.subject if manager.holder else "",
        manager_name=manager.holder.name if manager.holder else "",
        direct_reports=manager.direct_reports,
        direct_reports_max=warning.direct_reports_max,
    )


def _post(shown: Shown) -> post_pb2.Post:
    post = shown.post
    return post_pb2.Post(
        post_id=post.post_id,
        unit_id=post.unit_id,
        name=post.name,
        role=_role(post.role),
        duties=post.duties,
        kpis=post.kpis,
        manager_post_id=post.manager_post_id,
        start_date=post.valid.start.isoformat(),
        end_date=_end(post.valid),
        approval_limit=from_money(shown.limit) if shown.limit is not None else None,
        approves_any=shown.approves_any,
        holder=post.holder.subject if post.holder else "",
        holder_name=post.holder.name if post.holder else "",
        direct_reports=post.direct_reports,
        version=post.version,
    )
