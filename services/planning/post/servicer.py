"""The front door of posts."""

from datetime import date, tzinfo

import grpc
from mantle.planning.v1 import post_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import parse_date
from chassis.rpc.door import Door
from chassis.wire import to_money
from planning.post import catalogue, usecases, wire


class PostServicer:
    """Serve posts, persons and assignments, and the role catalogue."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time, and the zone whose days count."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def RegisterPerson(
        self, request: pb.RegisterPersonRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Make a person known."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.register(
                tx,
                subject=request.subject,
                name=request.name,
                unit_id=request.unit_id,
                by=who,
            ),
            reply=wire.registered,
        )

    def CreatePost(self, request: pb.CreatePostRequest, context: grpc.ServicerContext) -> bytes:
        """Create a post."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.create(
                tx,
                unit_id=request.unit_id,
                name=request.name,
                role=wire.role(request),
                duties=request.duties,
                kpis=request.kpis,
                manager_post_id=request.manager_post_id,
                start=parse_date(request.start_date),
                by=who,
            ),
            reply=wire.created,
        )

    def AssignPost(self, request: pb.AssignPostRequest, context: grpc.ServicerContext) -> bytes:
        """Fill a post."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.assign(
                tx,
                post_id=request.post_id,
                subject=request.subject,
                days=wire.days(request),
                by=who,
            ),
            reply=wire.assigned,
        )

    def VacatePost(self, request: pb.VacatePostRequest, context: grpc.ServicerContext) -> bytes:
        """Vacate a post."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.vacate(
                tx,
                post_id=request.post_id,
                end=parse_date(request.end_date),
                by=who,
            ),
            reply=wire.vacated,
        )

    def AbolishPost(self, request: pb.AbolishPostRequest, context: grpc.ServicerContext) -> bytes:
        """End a post."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.abolish(
                tx,
                post_id=request.post_id,
                end=parse_date(request.end_date),
                by=who,
            ),
            reply=wire.abolished,
        )

    def GetPost(self, request: pb.GetPostRequest, context: grpc.ServicerContext) -> bytes:
        """Return a post."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(
                tx,
                post_id=request.post_id,
                on=self._day(request),
                by=who,
            ),
            reply=wire.got,
        )

    def ListPosts(self, request: pb.ListPostsRequest, context: grpc.ServicerContext) -> bytes:
        """List posts."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                page_of(request),
                unit_id=request.unit_id,
                on=self._day(request),
                by=who,
            ),
            reply=wire.listed,
        )

    def ListPostAssignments(
        self, request: pb.ListPostAssignmentsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List who holds a post when."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.assignments(
                tx,
                page_of(request),
                post_id=request.post_id,
                by=who,
            ),
            reply=wire.listed_assignments,
        )

    def ListSpanWarnings(
        self, request: pb.ListSpanWarningsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List managers with too many reports."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.span_warnings(
                tx,
                page_of(request),
                on=self._day(request),
                by=who,
            ),
            reply=wire.listed_warnings,
        )

    def FindAuthority(
        self, request: pb.FindAuthorityRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Tell who decides on an amount."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.find_authority(
                tx,
                unit_id=request.unit_id,
                amount=to_money(request.amount),
                on=self._day(request),
                by=who,
            ),
            reply=wire.found_authority,
        )

    def ListRoles(self, request: pb.ListRolesRequest, context: grpc.ServicerContext) -> bytes:
        """List the role catalogue."""
        return self._door.read(
            request,
            context,
            act=lambda _tx, _who: catalogue.page(page_of(request)),
            reply=wire.listed_roles,
        )

    def _day(self, request: wire.Dated) -> date:
        return wire.day(request, today=self._clock.today(self._zone))
