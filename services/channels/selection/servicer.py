"""The front door of selections."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import selection_service_pb2 as pb

from channels.grading.wire import to_scores
from channels.partner.wire import to_terms
from channels.selection import evaluating, usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.process.definition import Definition
from chassis.rpc.door import Door


class SelectionServicer:
    """Serve `mantle.channels.v1.SelectionService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, definition: Definition) -> None:
        """Know the door, the time, and the process that new selections follow."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._definition = definition

    def StartSelection(
        self, request: pb.StartSelectionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Start a selection."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.start(
                tx,
                self._definition,
                unit_id=request.unit_id,
                year=request.year,
                places=wire.to_places(request.places),
                zone=self._zone,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.selection_in(pb.StartSelectionResponse),
        )

    def FileResearch(self, request: pb.FileResearchRequest, context: grpc.ServicerContext) -> bytes:
        """File the research report."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.file_research(
                tx,
                selection_id=request.selection_id,
                prospects=wire.to_prospects(request.prospects),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.selection_in(pb.FileResearchResponse),
        )

    def DrawUpProspectList(
        self, request: pb.DrawUpProspectListRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Draw up the list of potential customers."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.draw_up_list(
                tx,
                selection_id=request.selection_id,
                partner_ids=request.partner_ids,
                additional=wire.to_prospects(request.additional_prospects),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.selection_in(pb.DrawUpProspectListResponse),
        )

    def SubmitInfoForm(
        self, request: pb.SubmitInfoFormRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Take a form from the office."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: evaluating.submit_form(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                fields=dict(request.fields),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.form_in(pb.SubmitInfoFormResponse),
        )

    def CheckInfoForm(
        self, request: pb.CheckInfoFormRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Check a form."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: evaluating.check_form(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                truthful=request.truthful,
                note=request.note,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.form_in(pb.CheckInfoFormResponse),
        )

    def AnalyseAbility(
        self, request: pb.AnalyseAbilityRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Analyse the operating ability."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: evaluating.analyse(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                scores=to_scores(request.scores),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.report_in(pb.AnalyseAbilityResponse),
        )

    def AssignGrade(self, request: pb.AssignGradeRequest, context: grpc.ServicerContext) -> bytes:
        """Take the grade from the policy."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: evaluating.assign_grade(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.report_in(pb.AssignGradeResponse),
        )

    def FileEvaluation(
        self, request: pb.FileEvaluationRequest, context: grpc.ServicerContext
    ) -> bytes:
        """File the evaluation report."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: evaluating.file_report(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                items=wire.to_items(request.financial_items),
                checks=tuple(map(wire.to_check, request.checks)),
                benefit=wire.to_benefit(request),
                recommendation=request.recommendation,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.report_in(pb.FileEvaluationResponse),
        )

    def DecideCandidate(
        self, request: pb.DecideCandidateRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Accept a candidate or not."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.decide(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                accepted=request.accepted,
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.report_in(pb.DecideCandidateResponse),
        )

    def FindSubstitute(
        self, request: pb.FindSubstituteRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Put a substitute into a place."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.find_substitute(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                substitute=wire.to_substitute(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.selection_in(pb.FindSubstituteResponse),
        )

    def ApproveCandidate(
        self, request: pb.ApproveCandidateRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Approve a candidate or not."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                approved=request.approved,
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.report_in(pb.ApproveCandidateResponse),
        )

    def SignCandidateAgreement(
        self, request: pb.SignCandidateAgreementRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Sign the agreement."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.sign(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                terms=to_terms(request.terms),
                territory=request.territory,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.selection_in(pb.SignCandidateAgreementResponse),
        )

    def FileCandidate(
        self, request: pb.FileCandidateRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Confirm that the file is built."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.file_candidate(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.selection_in(pb.FileCandidateResponse),
        )

    def GetSelection(self, request: pb.GetSelectionRequest, context: grpc.ServicerContext) -> bytes:
        """Return a selection."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, selection_id=request.selection_id, by=who),
            reply=wire.selection_in(pb.GetSelectionResponse),
        )

    def ListSelections(
        self, request: pb.ListSelectionsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of selections."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, year=request.year
            ),
            reply=wire.listed,
        )

    def GetInfoForm(self, request: pb.GetInfoFormRequest, context: grpc.ServicerContext) -> bytes:
        """Return a copy of a form."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: evaluating.get_form(
                tx,
                selection_id=request.selection_id,
                place=request.place,
                holder=wire.to_holder(request.holder),
                by=who,
            ),
            reply=wire.form_in(pb.GetInfoFormResponse),
        )

    def GetEvaluationReport(
        self, request: pb.GetEvaluationReportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a report."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: evaluating.get_report(tx, report_id=request.report_id, by=who),
            reply=wire.report_in(pb.GetEvaluationReportResponse),
        )
