"""The front door of campaigns."""

import grpc
from mantle.planning.v1 import campaign_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.process.definition import Definition
from chassis.rpc.door import Door
from planning.campaign import tracking, usecases, wire


class CampaignServicer:
    """Serve campaigns on their closed loop."""

    def __init__(self, door: Door, clock: Clock, *, definition: Definition) -> None:
        """Know the door, the business time, and the process that new campaigns follow."""
        self._door = door
        self._clock = clock
        self._definition = definition

    def CreateCampaign(
        self, request: pb.CreateCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Plan a campaign."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.create(
                tx,
                self._definition,
                unit_id=request.unit_id,
                plan=wire.plan(request.plan),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.CreateCampaignResponse),
        )

    def ReviseCampaign(
        self, request: pb.ReviseCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Replace a plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.revise(
                tx,
                campaign_id=request.campaign_id,
                plan=wire.plan(request.plan),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.ReviseCampaignResponse),
        )

    def AllocateResources(
        self, request: pb.AllocateResourcesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Reserve the budget."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.allocate(
                tx,
                campaign_id=request.campaign_id,
                parts=wire.parts(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.AllocateResourcesResponse),
        )

    def SubmitCampaign(
        self, request: pb.SubmitCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Put a campaign to its signatories."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.submit(
                tx,
                campaign_id=request.campaign_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.SubmitCampaignResponse),
        )

    def SignCampaign(self, request: pb.SignCampaignRequest, context: grpc.ServicerContext) -> bytes:
        """Sign a part."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.sign(
                tx,
                campaign_id=request.campaign_id,
                part=wire.part(request),
                note=request.note,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.SignCampaignResponse),
        )

    def ApproveCampaign(
        self, request: pb.ApproveCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Decide about the whole."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve(
                tx,
                campaign_id=request.campaign_id,
                agree=wire.agrees(request),
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.ApproveCampaignResponse),
        )

    def StartCampaign(
        self, request: pb.StartCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Go live."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.start(
                tx,
                campaign_id=request.campaign_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.StartCampaignResponse),
        )

    def PauseCampaign(
        self, request: pb.PauseCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Withhold the offers."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.pause(
                tx,
                campaign_id=request.campaign_id,
                by=who,
            ),
            reply=wire.replied(pb.PauseCampaignResponse),
        )

    def ResumeCampaign(
        self, request: pb.ResumeCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Make the offers again."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.resume(
                tx,
                campaign_id=request.campaign_id,
                by=who,
            ),
            reply=wire.replied(pb.ResumeCampaignResponse),
        )

    def StopCampaign(self, request: pb.StopCampaignRequest, context: grpc.ServicerContext) -> bytes:
        """End before the time."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.stop(
                tx,
                campaign_id=request.campaign_id,
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.StopCampaignResponse),
        )

    def EndCampaign(self, request: pb.EndCampaignRequest, context: grpc.ServicerContext) -> bytes:
        """End as planned."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.end(
                tx,
                campaign_id=request.campaign_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.EndCampaignResponse),
        )

    def EvaluateCampaign(
        self, request: pb.EvaluateCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Fix the results."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.evaluate_campaign(
                tx,
                campaign_id=request.campaign_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.EvaluateCampaignResponse),
        )

    def CloseCampaign(
        self, request: pb.CloseCampaignRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Keep the lesson."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.close(
                tx,
                campaign_id=request.campaign_id,
                lesson=request.lesson,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.CloseCampaignResponse),
        )

    def GetCampaign(self, request: pb.GetCampaignRequest, context: grpc.ServicerContext) -> bytes:
        """Return a campaign."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(
                tx,
                campaign_id=request.campaign_id,
                by=who,
            ),
            reply=wire.replied(pb.GetCampaignResponse),
        )

    def GetCampaignResult(
        self, request: pb.GetCampaignResultRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return what came of a campaign."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: tracking.result(
                tx,
                campaign_id=request.campaign_id,
                by=who,
            ),
            reply=wire.got_result,
        )

    def ListCampaigns(
        self, request: pb.ListCampaignsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List campaigns."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                page_of(request),
                segment=request.segment,
                by=who,
            ),
            reply=wire.listed,
        )

    def ListLessons(self, request: pb.ListLessonsRequest, context: grpc.ServicerContext) -> bytes:
        """List lessons."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: tracking.lessons(
                tx,
                page_of(request),
                segment=request.segment,
                by=who,
            ),
            reply=wire.listed_lessons,
        )

    def GetPlanningForm(
        self, request: pb.GetPlanningFormRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return what the next campaign starts from."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: tracking.planning_form(
                tx,
                unit_id=request.unit_id,
                segment=request.segment,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.got_form,
        )

    def GetCampaignTimeline(
        self, request: pb.GetCampaignTimelineRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return stages and signatures."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.loop(
                tx,
                campaign_id=request.campaign_id,
                by=who,
            ),
            reply=wire.got_timeline,
        )
