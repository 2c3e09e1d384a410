"""How the results of the planning part look on a terminal."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from mantle.planning.v1 import annual_plan_pb2, profit_pb2, rolling_plan_pb2

from local.demo.narrator import Narrator, minor_text, money_text
from local.demo.planning.history import FIRST_CYCLE, PLANNED_YEAR, REGION, History, mean, millions
from local.demo.planning.monthly import AREA
from local.demo.planning.results import Monthly, Variance, Year
from local.demo.planning.variance import SHORT_AREA
from local.tokens import ROOT_UNIT_ID

LAYERS: Final = {
    rolling_plan_pb2.FORECAST_LAYER_CHANNEL_MANAGER: "channel manager",
    rolling_plan_pb2.FORECAST_LAYER_REGIONAL_MANAGER: "regional manager",
    rolling_plan_pb2.FORECAST_LAYER_PLANNING: "planning",
}
HOW: Final = {
    "channel manager": "average of the last three months",
    "regional manager": "same month of last year x growth",
    "planning": "between that and the latest level",
}
BAR: Final = 24


def print_year(narrator: Narrator, year: Year) -> None:
    """Print the plan, how it was decided, its profit tree and the what-if."""
    plan, report = year.plan, year.report
    narrator.tell(
        f"FY{plan.fiscal_year}: {report.done_count}/{report.step_count} steps",
        f"{sum(one.signed for one in plan.claims)} claims signed, archived",
    )
    for one in plan.revisions:
        decision = annual_plan_pb2.PlanRevision.Decision.Name(one.decision)
        comments = "; ".join(opinion.comment for opinion in one.opinions)
        narrator.tell(
            f"Revision {one.revision}: sales {money_text(one.planned_sales)},"
            f" profit {money_text(one.planned_profit)}",
            f"{decision.removeprefix('DECISION_').lower()} {comments}".strip(),
        )
    narrator.blank()
    narrator.tell("Plan", "sales come from volume x net price")
    rows = [("", "", "pieces", "sales")]
    rows += [
        (unit_id, product_id, f"{values[0]:,}", minor_text(values[1]))
        for (unit_id, product_id), values in sorted(year.figures.items())
        if any(values)
    ]
    narrator.table(rows, right=(2, 3))
    narrator.blank()
    _profit_tree(narrator, year.tree)
    _what_if(narrator, year)


def print_variance(narrator: Narrator, found: Variance) -> None:
    """Print the tracking report and what the adjustment made of the plan."""
    one = found.adjustment
    narrator.tell(f"Tracking report of {one.month}", f"major beyond {one.report.major_share}")
    rows: list[tuple[str, ...]] = [("", "", "target", "actual", "variance", "")]
    rows += [
        (
            line.unit_id,
            line.measure,
            minor_text(line.target),
            minor_text(line.actual),
            f"{line.variance_percent} %",
            "major" if line.major else "",
        )
        for line in one.report.lines
    ]
    narrator.table(rows, right=(2, 3, 4))
    narrator.blank()
    changes = {
        month: found.after.get(month, 0) - value for month, value in sorted(found.before.items())
    }
    narrator.tell(
        f"Sales of {SHORT_AREA}, plan version {one.base_plan_version} to {one.plan_version}",
        f"the year keeps {minor_text(sum(found.after.values()))}; two claims, archived",
    )
    counts = Counter(changes.values())
    parts = [
        (f"{counts[change]} x", minor_text(change), minor_text(counts[change] * change))
        for change in sorted(counts)
    ]
    narrator.table(parts, right=(0, 1, 2))


def print_monthly(narrator: Narrator, found: Monthly) -> None:
    """Print how good each layer's frozen forecast was."""
    narrator.tell(
        f"Forecasts of {found.cycle.month} for {AREA} against what came",
        "frozen by layer when it was filed; error in percent of the actual",
    )
    rows = [("", "", "forecast", "actual", "error", "accuracy")]
    rows += [
        (
            LAYERS[line.layer],
            line.month,
            f"{line.forecast:,}",
            f"{line.actual:,}",
            f"{line.error_percent} %",
            f"{line.accuracy_percent} %",
        )
        for line in found.accuracy
        if line.unit_id == AREA
    ]
    narrator.table(rows, right=(2, 3, 4, 5))


def print_history(narrator: Narrator, told: History) -> None:
    """Print the year plan and the errors of the layers beside the seasonal-naive forecast."""
    planned, came = sum(told.plan.values()), sum(told.actual.get(one, 0) for one in told.plan)
    narrator.tell(
        f"Plan of {PLANNED_YEAR} as of {FIRST_CYCLE}: {millions(planned)} million AUD",
        f"{millions(came)} came, {_percent(planned - came, came)}",
    )
    rows: list[tuple[str, ...]] = [("", "planned", "came", "")]
    rows += [
        (month, millions(value), millions(told.actual.get(month, 0)), _bar(value, told))
        for month, value in sorted(told.plan.items())
    ]
    narrator.table(rows, right=(1, 2))
    narrator.blank()
    narrator.tell("Mean error of a month", "percent of what came")
    rows = [
        ("year plan", f"{mean(told.plan_errors)} %", f"{len(told.plan_errors)} months"),
        ("seasonal-naive", f"{mean(told.plan_naive)} %", "same month as last known then"),
    ]
    narrator.table(rows, right=(1,))
    narrator.blank()
    narrator.tell(
        f"{len(told.cycles)} rolling cycles of {REGION}, each for the third to fifth month",
        f"{len(told.naive)} forecasts a layer could be compared",
    )
    rows = [(name, f"{mean(errors)} %", HOW[name]) for name, errors in _layers(told)]
    rows.append(("seasonal-naive", f"{mean(told.naive)} %", "same month of last year"))
    narrator.table(rows, right=(1,))


def _layers(told: History) -> list[tuple[str, Sequence[Decimal]]]:
    return [
        (name, told.layers[rolling_plan_pb2.ForecastLayer.Name(layer)])
        for layer, name in LAYERS.items()
        if rolling_plan_pb2.ForecastLayer.Name(layer) in told.layers
    ]


def _bar(value: int, told: History) -> str:
    largest = max(told.plan.values())
    return "█" * round(BAR * value / largest)


def _percent(part: int, whole: int) -> str:
    return f"{Decimal(part) * 100 / whole:+.1f} %" if whole else "-"


def _profit_tree(narrator: Narrator, tree: profit_pb2.ProfitTree) -> None:
    narrator.tell("Profit tree", f"pre-tax profit is {tree.profit_percent} % of sales")
    depth: dict[str, int] = {"": -1}
    rows = []
    for node in tree.nodes:
        depth[node.code] = depth.get(node.parent_code, -1) + 1
        if node.amount.amount_minor:
            plan = profit_pb2.ProfitNode.Plan.Name(node.plan).removeprefix("PLAN_").lower()
            name = "  " * depth[node.code] + node.name_en
            rows.append(
                (name, money_text(node.amount), "" if plan == "unspecified" else f"{plan} plan")
            )
    rows.append(("Pre-tax profit", money_text(tree.figures.profit), ""))
    narrator.table(rows, right=(1,))
    for part in tree.parts:
        if part.key != ROOT_UNIT_ID and part.figures.volume:
            narrator.tell(
                f"Contribution of {part.key}: {money_text(part.figures.contribution)}",
                f"sales {money_text(part.figures.sales)}",
            )
    narrator.blank()


def _what_if(narrator: Narrator, year: Year) -> None:
    before, after = year.tree.figures, year.what_if.figures
    narrator.tell(f"What if: {year.what_if.version_name}", "a branch; the plan is not touched")
    rows = [("", "plan", "what if", "change")]
    rows += [
        (
            name,
            money_text(old),
            money_text(new),
            minor_text(new.amount_minor - old.amount_minor),
        )
        for name, old, new in (
            ("sales", before.sales, after.sales),
            ("expenses", before.expenses, after.expenses),
            ("profit", before.profit, after.profit),
        )
    ]
    narrator.table(rows, right=(1, 2, 3))
