"""The report on a year plan and its archive, written for the contract."""

from mantle.planning.v1 import annual_plan_report_pb2 as pb
from mantle.planning.v1 import annual_plan_service_pb2 as service_pb
from mantle.type.v1 import money_pb2

from chassis.money import Money
from chassis.wire import from_money, from_time
from planning.annual_plan.content import FirstPlan, NaturalGrowth, NewTerminal
from planning.annual_plan.domain import Archive
from planning.annual_plan.report import (
    Comparison,
    Figure,
    Outlook,
    Progress,
    Report,
    Score,
    StepLine,
)
from planning.annual_plan.wire import signature_to_proto
from planning.annual_plan.wire_content import first_plan_to_proto

PRELIMINARY = "PRELIMINARY"


def reported(report: Report) -> service_pb.GetPlanReportResponse:
    """Answer with a report."""
    return service_pb.GetPlanReportResponse(
        report=pb.PlanReport(
            steps=map(_step, report.steps),
            done_count=report.done_count,
            step_count=len(report.steps),
            outlooks=map(_outlook, report.outlooks),
            summaries=_comparison(report.summaries),
            preliminary=[_preliminary(market, plan) for market, plan in report.preliminary],
            views=_comparison(report.views),
            margin_percent=report.margin_percent,
            market_plan=_money(report.market_plan),
            product_plans=map(_figure, report.product_plans),
            sales_plan=_figure(report.sales_plan) if report.sales_plan else None,
            area_plans=map(_figure, report.area_plans),
            new_terminals=[_new_terminal(area, one) for area, one in report.new_terminals],
            growths=[_growth(area, one) for area, one in report.growths],
            expansion=_expansion(report.expansion),
        )
    )


def archived(archive: Archive) -> service_pb.ArchiveAnnualPlanResponse:
    """Answer with what was archived."""
    return service_pb.ArchiveAnnualPlanResponse(archive=_archive(archive))


def got_archive(found: tuple[Archive, Score]) -> service_pb.GetPlanArchiveResponse:
    """Answer with an archived plan and its score."""
    archive, score = found
    return service_pb.GetPlanArchiveResponse(
        archive=_archive(archive),
        score=pb.YearEndScore(
            archived_sales=from_money(score.archived),
            current_sales=from_money(score.current),
            actual_sales=from_money(score.actual),
            score_percent=score.percent,
            current_percent=score.current_percent,
        ),
    )


def _archive(archive: Archive) -> pb.PlanArchive:
    return pb.PlanArchive(
        annual_plan_id=archive.annual_plan_id,
        revision=archive.revision,
        sha256=archive.sha256,
        content=archive.content,
        archived_by=archive.archived_by,
        archive_time=from_time(archive.archive_time),
    )


def _step(line: StepLine) -> pb.PlanStep:
    return pb.PlanStep(
        number=line.number,
        name_en=line.name_en,
        name_zh=line.name_zh,
        responsible=line.responsible,
        accountable=line.participation.accountable,
        consulted=line.participation.consulted,
        informed=line.participation.informed,
        state=pb.PlanStep.State.Value(f"STATE_{line.state}"),
        signatures=map(signature_to_proto, line.signatures),
    )


def _outlook(outlook: Outlook) -> pb.RegionalOutlook:
    summary = outlook.summary
    return pb.RegionalOutlook(
        area_unit_id=summary.area_unit_id,
        actual=from_money(summary.actual),
        forecast=from_money(summary.forecast),
        expected=from_money(summary.expected),
        last_quarter=_money(outlook.last_quarter),
        error_percent=outlook.error_percent,
    )


def _comparison(one: Comparison | None) -> pb.PlanComparison | None:
    if one is None:
        return None
    return pb.PlanComparison(
        by_product=from_money(one.by_product),
        by_area=from_money(one.by_area),
        difference=from_money(one.difference),
    )


def _preliminary(market: bool, plan: FirstPlan) -> pb.PreliminaryOutlook:
    return pb.PreliminaryOutlook(
        market=market,
        plan=first_plan_to_proto(plan),
        sales=from_money(plan.sales),
        status=PRELIMINARY,
    )


def _figure(one: Figure) -> pb.PlannedFigure:
    return pb.PlannedFigure(
        key=one.key,
        planned=from_money(one.planned),
        target=_money(one.target),
        difference=_money(one.difference),
        difference_percent=one.difference_percent,
    )


def _new_terminal(area_unit_id: str, one: NewTerminal) -> pb.NewTerminalOutlook:
    return pb.NewTerminalOutlook(
        area_unit_id=area_unit_id,
        terminal_id=one.terminal_id,
        product_id=one.product_id,
        spend=from_money(one.spend),
        margin=from_money(one.margin),
        contribution=from_money(one.contribution),
        flagged=one.contribution.amount_minor < 0,
    )


def _growth(area_unit_id: str, one: NaturalGrowth) -> pb.GrowthOutlook:
    return pb.GrowthOutlook(
        area_unit_id=area_unit_id,
        product_id=one.product_id,
        base_volume=one.base_volume,
        expected_volume=one.expected_volume,
    )


def _expansion(one: Progress | None) -> pb.ExpansionProgress | None:
    if one is None:
        return None
    return pb.ExpansionProgress(
        win_count=one.win_count,
        won_count=one.won_count,
        won_percent=one.won_percent,
        keep_count=one.keep_count,
        kept_count=one.kept_count,
        kept_percent=one.kept_percent,
    )


def _money(amount: Money | None) -> money_pb2.Money | None:
    return None if amount is None else from_money(amount)
