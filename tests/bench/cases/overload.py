"""B14: five times as much as fits, from clients that hold back and from clients that do not.

One real service that reserves budget. Its own peak is measured again between the stretches of
offered load, so that a machine that changes its mind meets both alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import mean

import grpc
from mantle.planning.v1 import budget_service_pb2 as pb

from tests.bench import crowd, machine
from tests.bench.cases import budget
from tests.bench.crowd import OK, Crowd, Load, Manner, Want
from tests.bench.load import Client, each
from tests.bench.pairs import Sizes
from tests.bench.stage import CONCURRENCY, Side, Stage, side
from tests.bench.statistics import Interval, first_level, interval_of, percentile, ratios_of
from tests.bench.table import Row, at_least, at_most

OWN = Manner(throttled=True)
NAIVE = Manner(throttled=False, tries=3)
CALM, MORE, MOST = 0.5, 3, 5
WINDOW_S = 0.25
SERVED_SHARE = 0.99
GOAL, BOUND_GOAL, P99_GOAL, SPARED_GOAL, RECOVERY_GOAL_S = 0.95, 0.9, 2.0, 0.8, 1.0
FLOOR, BOUND_FLOOR = 0.8, 0.7
FORBIDDEN = {grpc.StatusCode.UNKNOWN.value[0], grpc.StatusCode.INTERNAL.value[0]}
NAMED = {
    (OK, ""),
    (crowd.KEPT_BACK, ""),
    (crowd.RESOURCE_EXHAUSTED, "OVERLOADED"),
    (crowd.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    (crowd.DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT"),
    # What gRPC itself says at a deadline, and of a stream that nobody has seen.
    (crowd.DEADLINE_EXCEEDED, ""),
    (crowd.RESOURCE_EXHAUSTED, crowd.TURNED_AWAY),
    (crowd.UNAVAILABLE, crowd.TURNED_AWAY),
}
RESERVED = """
SELECT owner_id, count(*) FROM budget_reservation
WHERE budget_line_id = ANY(%(lines)s::uuid[]) GROUP BY owner_id
"""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Say how long each stretch is. Units: seconds."""

    peak_s: float
    load_s: float
    most_s: float
    after_s: float


SHORT = Lengths(peak_s=0.5, load_s=1.5, most_s=2.0, after_s=1.5)
FULL = Lengths(peak_s=3.0, load_s=8.0, most_s=30.0, after_s=6.0)
LONG = Lengths(peak_s=5.0, load_s=30.0, most_s=120.0, after_s=20.0)


@dataclass(frozen=True, slots=True)
class Peak:
    """Hold what the service does when it is asked by as many callers as it has places."""

    rate: float
    p99_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hold one stretch of offered load between two looks at the peak. Units: seconds."""

    seconds: float
    wants: Sequence[Want]
    peaks: Sequence[Peak]
    client_share: float

    @property
    def peak(self) -> float:
        """Return the peak around it, in calls a second."""
        return mean(one.rate for one in self.peaks)

    @property
    def goodput(self) -> float:
        """Return what was served while the load lasted, as a share of the peak."""
        end_s = self.wants[0].due_s + self.seconds
        good = sum(want.code == OK and want.end_s <= end_s for want in self.wants)
        return good / self.seconds / self.peak

    @property
    def p99_s(self) -> float:
        """Return the 99th percentile of the tries that were taken."""
        return percentile([want.took_s for want in self.wants if want.code == OK], 99)

    @property
    def slowed(self) -> float:
        """Return that percentile over the one at the peak."""
        return self.p99_s / mean(one.p99_s for one in self.peaks)

    @property
    def spared(self) -> float:
        """Return the share of what was not served that was never sent."""
        kept = sum(want.code == crowd.KEPT_BACK for want in self.wants)
        return kept / max(1, sum(want.code != OK for want in self.wants))

    @property
    def tries(self) -> float:
        """Return how many tries there were for each that the peak would serve."""
        return sum(want.tries for want in self.wants) / self.seconds / self.peak

    @property
    def refused(self) -> float:
        """Return the share of the tries that were refused."""
        tries = sum(want.tries for want in self.wants)
        return sum(want.refusals for want in self.wants) / max(1, tries)

    def line(self) -> str:
        """Return it in words."""
        return (
            f"{self.goodput:.2f} of {self.peak:.0f}/s, p99 {self.p99_s * 1000:.0f} ms,"
            f" {self.tries:.1f}x tried, {self.refused:.0%} of them refused"
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """Hold one manner of calling: calm, at three and five times the peak, and after it.

    Shape: `unnamed` counts answers that no contract names. Units: `recovery_s` is infinite when the
        calm did not come back.
    """

    calm: Stretch
    more: Stretch
    most: Stretch
    recovery_s: float
    unnamed: Counter[tuple[int, str]]


@dataclass(slots=True)
class Fire:
    """Offer load to one service, and look at its peak in between."""

    stage: Stage
    made: Side
    lengths: Lengths
    client: Client
    peaks: list[Peak] = field(default_factory=list)

    def trial(self, manner: Manner) -> Trial:
        """Run one manner of calling through all loads."""
        calm, _ = self._stretch(manner, Load(CALM, self.lengths.load_s))
        more, _ = self._stretch(manner, Load(MORE, self.lengths.load_s))
        most, after = self._stretch(
            manner, Load(MOST, self.lengths.most_s), Load(CALM, self.lengths.after_s)
        )
        wants = [*calm.wants, *more.wants, *most.wants, *after]
        codes = Counter((want.code, want.reason) for want in wants)
        assert not FORBIDDEN & {code for code, _ in codes}, f"a fault under load: {codes}"
        unnamed = Counter({key: count for key, count in codes.items() if key not in NAMED})
        return Trial(calm, more, most, recovery_s(calm.wants, after), unnamed)

    def peak(self) -> Peak:
        """Measure the peak with as many calls in flight as are served at once."""
        before_s = machine.cpu_s(self.made.pids())
        sample = self.client.closed(in_flight=CONCURRENCY, seconds=self.lengths.peak_s)
        sample.require_served()
        used_s = machine.cpu_s(self.made.pids()) - before_s
        p99_s = percentile(sample.latencies_s, 99)
        self.peaks.append(Peak(sample.done / sample.seconds, p99_s, used_s / sample.done))
        return self.peaks[-1]

    def refusal(self) -> float:
        """Return the CPU of the cheapest refusal, of a method that is unknown, over that of a
        call."""
        unknown = Client(self.made.address("planning"), "none.None/None", self.client.request)
        before_s = machine.cpu_s(self.made.pids())
        sample = unknown.closed(in_flight=CONCURRENCY, seconds=self.lengths.peak_s)
        used_s = machine.cpu_s(self.made.pids()) - before_s
        unknown.close()
        return used_s / sample.failed / mean(one.cpu_s for one in self.peaks)

    def _stretch(self, manner: Manner, *loads: Load) -> tuple[Stretch, list[Want]]:
        """Offer times of the peak, hold the database against the answers, and look at the peak."""
        line_ids = budget.lines(self.made, budget.LINES)
        before = self.peaks[-1]
        caller = Crowd(
            self.made.address("planning"),
            budget.METHOD.name,
            each(budget.holds(self.made, line_ids)),
            token=self.stage.issuer.mint("bench", ["finance"], unit_id="hq"),
            manner=manner,
        )
        wants = caller.offer([Load(before.rate * load.rate, load.seconds) for load in loads])
        caller.close()
        peaks = (before, self.peak())
        require_true(wants, dict(self.made.rows("planning", RESERVED, lines=line_ids)))
        fall_s = wants[0].due_s + loads[0].seconds
        number = sum(want.due_s < fall_s for want in wants)
        found = Stretch(loads[0].seconds, wants[:number], peaks, caller.client_share)
        return found, wants[number:]


def require_true(wants: Iterable[Want], kept: Mapping[str, int]) -> None:
    """See that what was served is in the database once, and what was refused is not.

    Shape: `kept` counts reservations by owner.
    """
    sure, unsure = set(), set()
    for want in wants:
        if want.code == OK or want.unsure:
            owner_id = pb.ReserveBudgetRequest.FromString(want.message).owner_id
            (sure if want.code == OK else unsure).add(owner_id)
    assert all(number == 1 for number in kept.values()), "a call was served twice"
    assert sure <= kept.keys(), f"{len(sure - kept.keys())} served calls left nothing"
    assert kept.keys() <= sure | unsure, "a refused call left something"


def recovery_s(calm: Sequence[Want], after: Sequence[Want]) -> float:
    """Return how long after the load fell the calls were as well off as before it rose.

    Shape: well off is a quarter of a second, and the next one, in which 99 % are served and the
        99th percentile is none that the calm had not seen. Units: seconds.
    """
    usual_s = max(p99_s for _, p99_s in _windows(calm))
    well = [share >= SERVED_SHARE and p99_s <= usual_s for share, p99_s in _windows(after)]
    pairs = enumerate(zip(well, [*well[1:], False], strict=True))
    return next((place * WINDOW_S for place, both in pairs if all(both)), inf)


def _windows(wants: Sequence[Want]) -> list[tuple[float, float]]:
    """Return of each quarter of a second which share was served, and the 99th percentile."""
    found: list[list[Want]] = []
    for want in wants:
        place = int((want.due_s - wants[0].due_s) / WINDOW_S)
        found += [[] for _ in range(place + 1 - len(found))]
        found[place].append(want)
    return [
        (
            mean(want.code == OK for want in window),
            percentile([want.end_s - want.due_s for want in window if want.code == OK], 99),
        )
        for window in found
        if window
    ]


@dataclass(frozen=True, slots=True)
class Found:
    """Hold both manners of calling one service. Shape: `refusal` is the CPU of a refusal, as a
    part of a call's."""

    own: Trial
    naive: Trial
    refusal: float
    same: Interval

    @property
    def client_share(self) -> float:
        """Return the busiest share of a core that the client needed."""
        trials = (self.own, self.naive)
        return max(one.client_share for trial in trials for one in (trial.more, trial.most))


def measured(stage: Stage, lengths: Lengths) -> Found:
    """Start the service, and run both manners of calling."""
    with side(stage, "planning") as made:
        fire = Fire(stage, made, lengths, budget.caller(made, budget.lines(made, budget.LINES)))
        fire.client.closed(in_flight=CONCURRENCY, seconds=lengths.peak_s)
        fire.peak()
        own, naive = fire.trial(OWN), fire.trial(NAIVE)
        rates = [one.rate for one in fire.peaks]
        same = interval_of(ratios_of(rates[1:], rates[:-1]))
        return Found(own, naive, fire.refusal(), same)


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure what is left of the peak at three and at five times of it, and how it comes back."""
    if sizes.short:
        found = measured(stage, SHORT)
    else:
        lengths = LONG if sizes.long else FULL
        found = first_level(lambda: measured(stage, lengths), lambda one: one.same)
    return [_own(found), _naive(found), _after(found)]


def _own(found: Found) -> Row:
    own = found.own
    return Row(
        "B14 overload, own clients",
        f"ReserveBudget, open loop at {MORE}x and {MOST}x the peak, 1 s to answer;"
        f" {OWN.processes} clients that hold back by themselves (K = 2) / the peak of the same run",
        f"≥ {GOAL}, floor {FLOOR}; p99 ≤ {P99_GOAL:.0f} of the peak's; never sent ≥ {SPARED_GOAL}",
        f"{own.more.goodput:.2f} and {own.most.goodput:.2f}; p99 {own.more.slowed:.2f} and"
        f" {own.most.slowed:.2f}; never sent {own.more.spared:.2f} and {own.most.spared:.2f} of the"
        f" excess ({MOST}x: {own.most.line()}; {CALM}x: p99 {own.calm.p99_s * 1000:.0f} ms)",
        f"{at_least(min(own.more.goodput, own.most.goodput), GOAL)};"
        f" p99 {at_most(max(own.more.slowed, own.most.slowed), P99_GOAL)};"
        f" never sent {at_least(own.most.spared, SPARED_GOAL)}",
        str(found.same),
    )


def _naive(found: Found) -> Row:
    naive = found.naive
    r = found.refusal
    bounds = [(1 - times * r) / (1 - r) for times in (MORE, MOST)]
    shares = [naive.more.goodput / bounds[0], naive.most.goodput / bounds[1]]
    return Row(
        "B14 overload, naive clients",
        f"the same from clients that send a refused call again, {NAIVE.tries} tries in 1 s / the"
        " bound (1 - L r) / (1 - r) at L times the peak without tries again, where the cheapest"
        " refusal costs r of a call",
        f"≥ {BOUND_GOAL}, floor {BOUND_FLOOR}; p99 ≤ {P99_GOAL:.0f} of the peak's",
        f"{shares[0]:.2f} and {shares[1]:.2f}; of the peak {naive.more.goodput:.2f} and"
        f" {naive.most.goodput:.2f}, bounds {bounds[0]:.2f} and {bounds[1]:.2f} (r ="
        f" {r:.2f}); p99 {naive.more.slowed:.2f} and {naive.most.slowed:.2f}"
        f" ({MOST}x: {naive.most.line()}; client {found.client_share:.0%} of a core)",
        f"{at_least(min(shares), BOUND_GOAL)};"
        f" p99 {at_most(max(naive.more.slowed, naive.most.slowed), P99_GOAL)}",
        str(found.same),
    )


def _after(found: Found) -> Row:
    seconds = [trial.recovery_s for trial in (found.own, found.naive)]
    unnamed = found.own.unnamed + found.naive.unnamed
    return Row(
        "B14 overload, after it",
        f"from {MOST}x to {CALM}x: until 99 % are served as fast as before, own and naive clients;"
        " what was served is in the database once, and nothing else is",
        f"≤ {RECOVERY_GOAL_S:.0f} s; every refusal with a reason of the contract",
        f"{seconds[0]:.2f} s and {seconds[1]:.2f} s; {unnamed.total()} answers without a reason"
        + (f" {dict(unnamed)}" if unnamed else ""),
        f"{at_most(max(seconds), RECOVERY_GOAL_S)}; reasons {'met' if not unnamed else 'missing'}",
        str(found.same),
    )
