"""The last page of the story: the funnel, the money, the reasons, the stages and the trace."""

from collections import Counter
from datetime import UTC
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from mantle.planning.v1 import campaign_pb2
from mantle.settlement.v1 import invoice_pb2

from local.demo import tally
from local.demo.narrator import Narrator, day_text, minor_text, money_text, roi_text
from local.demo.story import BUDGET_MINOR, Told

BAR: Final = 32
REASONS_IN_WORDS: Final = {
    "MOMENT": "the customer's own concern was not solved yet",
    "CAMPAIGN_NOT_LIVE": "the campaign did not run at that time",
    "SCORE_BELOW_CUT": "the company's model gives it no chance",
    "CONDITION_NOT_MET": "the condition of the offer does not hold",
    "CONDITION_FAILED": "nothing is known that the condition asks for",
    "PRODUCT_UNAVAILABLE": "the last piece is sold",
    "PRODUCT_OWNED": "the customer has it",
    "PRODUCT_EXCLUDED": "the customer has something that it cannot go with",
    "PRODUCT_REQUIRES": "the customer lacks what it needs",
    "COOL_DOWN": "the customer said no not long ago",
    "CONTACT_CAP": "contacted often enough this week",
    "NO_CONSENT": "the customer has not agreed to this kind of contact",
    "RULE": "a customer who is gone is left in peace",
    "OUTRANKED": "a better offer took the place",
}


def print_results(narrator: Narrator, told: Told) -> None:
    """Print what came of the campaign."""
    narrator.chapter("What came of it")
    _funnel(narrator, told)
    _touchpoints(narrator, told.result)
    _reasons(narrator, told)
    _money(narrator, told)
    _statement(narrator, told.statement)
    _trial_balance(narrator, told)
    _stages(narrator, told)
    _form(narrator, told)


def _funnel(narrator: Narrator, told: Told) -> None:
    assert told.funnel is not None
    narrator.tell("Funnel", f"{told.funnel.cancelled} of the delivered orders were cancelled later")
    rows = []
    for name, count in told.funnel.stages():
        length = round(BAR * count / max(1, told.funnel.touches))
        rows.append((name, f"{count:,}", "█" * length))
    narrator.table(rows, right=(1,))
    live = told.live
    times = [one.decide_s * 1000 for one in live.visits]
    p50, p95 = tally.percentile(times, 50), tally.percentile(times, 95)
    narrator.blank()
    narrator.tell(
        f"{len(live.visits) / live.touching_s:.0f} touches a second on this machine",
        f"a decision took {p50:.0f} ms at p50, {p95:.0f} ms at p95",
    )
    narrator.blank()


def _touchpoints(narrator: Narrator, result: campaign_pb2.CampaignResult) -> None:
    narrator.tell("Where customers said yes", f"{result.success_percent} % of what was shown")
    best = sorted(result.responses, key=lambda one: (-one.accepted, one.touchpoint_kind))
    rows = [("", "shown", "yes", "no", "later")]
    rows += [
        (
            one.touchpoint_kind.lower().replace("_", " "),
            f"{one.shown}",
            f"{one.accepted}",
            f"{one.declined}",
            f"{one.postponed}",
        )
        for one in best
    ]
    narrator.table(rows, right=(1, 2, 3, 4))
    narrator.blank()


def _reasons(narrator: Narrator, told: Told) -> None:
    narrator.tell("What was not offered, and why", "every decision lists its rejections")
    counts = tally.reasons(told.live.visits)
    rows = [
        (f"{count:,}", reason, REASONS_IN_WORDS.get(reason, ""))
        for reason, count in counts.most_common()
    ]
    narrator.table(rows, right=(0,))
    narrator.blank()


def _money(narrator: Narrator, told: Told) -> None:
    result = told.result
    cost = result.cost.amount_minor
    narrator.tell("Money of the campaign", "CNY; revenue and cost come from the ledger by event")
    rows = [
        ("budget", minor_text(BUDGET_MINOR), "60,000.00 + 40,000.00"),
        ("cost", minor_text(cost), "commission, 5.00 an order that was kept"),
        ("budget released", minor_text(BUDGET_MINOR - cost), "free again for the next campaign"),
        ("revenue", money_text(result.revenue), "invoiced less credited"),
        ("margin", money_text(result.margin), "60 % of the revenue"),
        ("return (ROI)", f"{result.roi_percent or '-'} %", "(margin - cost) / cost"),
    ]
    narrator.table(rows, right=(1,))
    narrator.blank()


def _statement(narrator: Narrator, found: invoice_pb2.PartnerStatement) -> None:
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for line in [*found.lines, *found.commission_lines]:
        counts[line.purpose] += 1
        sums[line.purpose] += line.debit.amount_minor - line.credit.amount_minor
    narrator.tell(f"Statement of {found.partner_id}, {found.month}", "read from the ledger")
    rows = [("owed before", "", money_text(found.opening))]
    rows += [(name.replace("_", " "), f"{counts[name]}", minor_text(sums[name])) for name in sums]
    rows += [("owes now", "", money_text(found.closing))]
    rows += [("commission owed to it", "", money_text(found.commission_closing))]
    narrator.table(rows, right=(1, 2))
    narrator.blank()


def _trial_balance(narrator: Narrator, told: Told) -> None:
    debits = sum(debit for debit, _ in told.trial_balance.values())
    credits_ = sum(credit for _, credit in told.trial_balance.values())
    verdict = "balances" if debits == credits_ else "DOES NOT BALANCE"
    narrator.tell(f"Trial balance: {verdict}")
    rows = [("", "debits", "credits")]
    rows += [
        (name, minor_text(debit), minor_text(credit))
        for name, (debit, credit) in told.trial_balance.items()
    ]
    rows.append(("together", minor_text(debits), minor_text(credits_)))
    narrator.table(rows, right=(1, 2))
    narrator.blank()


def _stages(narrator: Narrator, told: Told) -> None:
    narrator.tell("The five stages, in business time")
    kinds = campaign_pb2.CampaignStage.Kind
    rows = [
        (
            kinds.Name(stage.kind).removeprefix("KIND_").lower(),
            _when(stage.begin_time),
            _when(stage.end_time),
        )
        for stage in told.timeline.stages
    ]
    narrator.table(rows)
    narrator.blank()


def _form(narrator: Narrator, told: Told) -> None:
    narrator.tell("The next planning form of the segment begins with this lesson")
    rows = [
        (lesson.name, roi_text(lesson.result), lesson.lesson) for lesson in told.form.lessons[:3]
    ]
    narrator.table(rows)


def _when(stamp: Timestamp) -> str:
    return day_text(stamp.ToDatetime(UTC)) if stamp.seconds else ""
