"""The front door of rebate."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import rebate_service_pb2 as pb

from chassis.clock import Clock
from chassis.ids import new_id
from chassis.paging import page_of
from chassis.period import Month
from chassis.process.definition import Definition
from chassis.rpc.door import Door
from chassis.wire import to_money
from settlement.rebate import accruing, reading, runs, usecases, wire


class RebateServicer:
    """Serve `mantle.settlement.v1.RebateService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, definition: Definition) -> None:
        """Know the door, the business time, the company's zone and the process of a run."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._definition = definition

    def AccrueRebates(
        self, request: pb.AccrueRebatesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Begin the accrual of a month."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: accruing.start(
                tx,
                month=Month.parse(request.month),
                unit_id=request.unit_id,
                dry_run=request.dry_run,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.accrual,
        )

    def SimulateRebateRun(
        self, request: pb.SimulateRebateRunRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Try the rebates of a year."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: runs.simulate(
                tx,
                year=request.year,
                unit_id=request.unit_id,
                policy_id=request.policy_id.lower(),
                by=who,
            ),
            reply=wire.simulated,
        )

    def StartRebateRun(
        self, request: pb.StartRebateRunRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Begin the rebates of a year."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: runs.start(
                tx,
                self._definition,
                year=request.year,
                unit_id=request.unit_id,
                partner_id=request.partner_id,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.started,
        )

    def ReviewRebateRun(
        self, request: pb.ReviewRebateRunRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Say whether the lines are right."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: runs.review(
                tx,
                run_id=request.run_id,
                passed=request.passed,
                note=request.note,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.reviewed,
        )

    def ApproveRebateRun(
        self, request: pb.ApproveRebateRunRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Decide on a run."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: runs.approve(
                tx,
                run_id=request.run_id,
                agreed=request.agreed,
                note=request.note,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.approved,
        )

    def PayRebateRun(self, request: pb.PayRebateRunRequest, context: grpc.ServicerContext) -> bytes:
        """Pay a run."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: runs.pay(
                tx,
                run_id=request.run_id,
                payout=wire.payout(request),
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.paid,
        )

    def ExcludeFromRebate(
        self, request: pb.ExcludeFromRebateRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Take an amount out of a base."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.exclude(
                tx,
                exclusion_id=new_id(),
                partner_id=request.partner_id,
                amount=to_money(request.amount),
                day=self._clock.today(self._zone),
                reason=request.reason,
                order_id=request.order_id,
                product_id=request.product_id,
                by=who,
            ),
            reply=wire.excluded,
        )

    def RestoreToRebate(
        self, request: pb.RestoreToRebateRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Put an amount back into a base."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.readmit(
                tx, exclusion_id=request.entry_id, day=self._clock.today(self._zone), by=who
            ),
            reply=wire.readmitted,
        )

    def ForfeitRebate(
        self, request: pb.ForfeitRebateRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Let a partner lose a part of its rebate."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.forfeit(
                tx,
                partner_id=request.partner_id,
                year=request.year,
                cause=wire.cause(request),
                note=request.note,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.forfeited,
        )

    def GetRebateRun(self, request: pb.GetRebateRunRequest, context: grpc.ServicerContext) -> bytes:
        """Return a run."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: runs.get(tx, run_id=request.run_id, by=who),
            reply=wire.got,
        )

    def ListRebateRuns(
        self, request: pb.ListRebateRunsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of runs."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: runs.list_page(tx, page_of(request), year=request.year, by=who),
            reply=wire.runs,
        )

    def ListRebateLines(
        self, request: pb.ListRebateLinesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of a run's lines."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: runs.line_page(tx, page_of(request), run_id=request.run_id, by=who),
            reply=wire.lines,
        )

    def ListRebateBase(
        self, request: pb.ListRebateBaseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of a partner's base."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reading.base_page(
                tx, page_of(request), partner_id=request.partner_id, year=request.year, by=who
            ),
            reply=wire.base,
        )

    def GetRebateStatement(
        self, request: pb.GetRebateStatementRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Explain a partner's year."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reading.statement(
                tx, partner_id=request.partner_id, year=request.year, by=who
            ),
            reply=wire.statement,
        )

    def GetRebateReport(
        self, request: pb.GetRebateReportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return what rebate cost."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reading.report(
                tx, year=request.year, unit_id=request.unit_id, by=who
            ),
            reply=wire.report,
        )

    def GetRebateProposal(
        self, request: pb.GetRebateProposalRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a version beside last year's execution."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reading.proposal(
                tx, policy_id=request.policy_id, unit_id=request.unit_id, by=who
            ),
            reply=wire.proposal,
        )
