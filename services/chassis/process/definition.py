"""What a process is made of: numbered steps that wait for each other, as one checked value.

A definition is a dependency graph without cycles. A loop is written as an answer that reopens
earlier steps, never as an edge. Reading the files lives in `source`, running an instance in
`domain`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from graphlib import CycleError, TopologicalSorter

AUTHORITY = "authority"
DAY_MAX = 31


@dataclass(frozen=True, slots=True)
class Wait:
    """Name a step that another waits for, and the answer it must have; no answer means any."""

    step: int
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Name an answer of a decision, what it reopens, and the milestone it reaches."""

    name: str
    reopens: tuple[int, ...] = ()
    milestone: str | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """Say by when a step must be done.

    Shape: either `within_days` after it opened, or a `day` of the anchor's month, or `month` and
        `day`.
    Units: days of 24 hours; a calendar day lasts to its end in the company's time zone.
    """

    within_days: int | None = None
    month: int | None = None
    day: int | None = None

    def calendar_time(self, anchor: date, zone: tzinfo) -> datetime | None:
        """Tell the instant at which the calendar day is over, or None when the deadline runs from
        the opening.

        Shape: a day after the month's end is its last day; a month before the anchor's is next
            year's.
        """
        if self.day is None:
            return None
        month = self.month or anchor.month
        first = date(anchor.year + (month < anchor.month), month, 1)
        last = (first + timedelta(days=DAY_MAX)).replace(day=1) - timedelta(days=1)
        behind = min(first + timedelta(days=self.day - 1), last) + timedelta(days=1)
        return datetime(behind.year, behind.month, behind.day, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Describe one step: whose it is, what it waits for, what completing it means.

    Shape: `role` is None when `role_from` says that an authority rule picks it. `rpcs` are full
        method names (`mantle.planning.v1.AnnualPlanService/ApprovePlan`); none means CompleteStep.
        `each` is the kind of key that the step repeats for. A step with answers is a decision.
        `not_by` are steps that another person must have done.
    """

    number: int
    name_en: str
    name_zh: str
    role: str | None = None
    role_from: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    after: tuple[Wait, ...] = ()
    deadline: Deadline | None = None
    rpcs: tuple[str, ...] = ()
    milestone: str | None = None
    dormant: bool = False
    each: str | None = None
    answers: tuple[Answer, ...] = ()
    not_by: tuple[int, ...] = ()

    def answer(self, name: str | None) -> Answer | None:
        """Find an answer by its name."""
        return next((answer for answer in self.answers if answer.name == name), None)

    def milestone_of(self, answer: str | None) -> str | None:
        """Tell the milestone that completing the step with this answer reaches."""
        given = self.answer(answer)
        return given.milestone if given else self.milestone


class DefinitionInvalid(Exception):
    """A process definition contradicts itself; the service must not start with it."""

    def __init__(self, name: str, problems: tuple[str, ...]) -> None:
        """Keep all problems, so that an author can mend them at once."""
        super().__init__(f"process {name}: " + "; ".join(problems))
        self.problems = problems


class DefinitionChanged(DefinitionInvalid):
    """A definition was changed and kept its version; the service must not start with it."""

    def __init__(self, name: str, version: int) -> None:
        """Name the definition."""
        super().__init__(
            name, (f"version {version} is published with another content; give it a new version",)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Hold a checked process definition.

    Shape: `steps` as in the file; `order` has each step behind all it waits for, ties as in the
        file. `initial_state` is the state before any milestone. `unit_keys` are the kinds of key
        that are ids of units. `content` is the canonical text, `hash` its SHA-256: two files with
        the same hash mean the same process.
    Errors: DefinitionInvalid.
    """

    name: str
    version: int
    title_en: str
    title_zh: str
    initial_state: str
    unit_keys: frozenset[str]
    steps: tuple[Step, ...]
    content: str
    hash: str
    order: tuple[Step, ...] = field(init=False, repr=False, compare=False)
    by_number: Mapping[int, Step] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the definition and put its steps in order."""
        by_number = {step.number: step for step in self.steps}
        problems = _reference_problems(self.steps, by_number)
        if not problems:
            object.__setattr__(self, "by_number", by_number)
            object.__setattr__(self, "order", self._ordered())
            problems = _loop_problems(self) + _sense_problems(self)
        if problems:
            raise DefinitionInvalid(self.name, tuple(problems))

    @property
    def each_kinds(self) -> tuple[str, ...]:
        """List the kinds of key that steps repeat for, sorted."""
        return tuple(sorted({step.each for step in self.steps if step.each}))

    def upstream(self, number: int) -> frozenset[int]:
        """Collect all steps that a step waits for, directly or through others."""
        found: set[int] = set()
        left = [number]
        while left:
            waits = {wait.step for wait in self.by_number[left.pop()].after} - found
            found |= waits
            left.extend(waits)
        return frozenset(found)

    def _ordered(self) -> tuple[Step, ...]:
        sorter = TopologicalSorter(
            {step.number: [wait.step for wait in step.after] for step in self.steps}
        )
        try:
            sorter.prepare()
        except CycleError as error:
            path = " → ".join(str(number) for number in reversed(error.args[1]))
            raise DefinitionInvalid(
                self.name,
                (f"the steps {path} wait for each other; write a loop as an answer that reopens",),
            ) from error
        place = {step.number: index for index, step in enumerate(self.steps)}
        ready: list[int] = []
        ordered: list[Step] = []
        while sorter.is_active():
            ready = sorted({*ready, *sorter.get_ready()}, key=place.__getitem__)
            first = ready.pop(0)
            ordered.append(self.by_number[first])
            sorter.done(first)
        return tuple(ordered)


def _reference_problems(steps: tuple[Step, ...], by_number: Mapping[int, Step]) -> list[str]:
    """Find what keeps the graph from being drawn at all: numbers that are twice or not there."""
    problems = [] if steps else ["there is no step"]
    numbers = [step.number for step in steps]
    problems += [f"step {n} is there twice" for n in by_number if numbers.count(n) > 1]
    for step in steps:
        problems += [
            f"step {step.number} names step {n} in `{where}`, which does not exist"
            for where, n in _references(step)
            if n not in by_number
        ]
    return problems


def _references(step: Step) -> list[tuple[str, int]]:
    return [
        *(("after", wait.step) for wait in step.after),
        *(("not_by", number) for number in step.not_by),
        *(
            (f"answers.{answer.name}", number)
            for answer in step.answers
            for number in answer.reopens
        ),
    ]


def _loop_problems(definition: Definition) -> list[str]:
    """Find what makes a loop or a two-person rule meaningless: a target that does not lie
    upstream."""
    problems: list[str] = []
    for step in definition.steps:
        upstream = definition.upstream(step.number)
        problems += [
            f"step {step.number} names step {n} in `{where}`, which does not come before it"
            for where, n in _references(step)
            if n not in upstream
        ]
        problems += [
            f"step {step.number} waits for `{wait.answer}`, no answer of step {wait.step}"
            for wait in step.after
            if wait.answer and not definition.by_number[wait.step].answer(wait.answer)
        ]
    return problems


def _sense_problems(definition: Definition) -> list[str]:
    """Find what can be written down and never work."""
    woken = {n for step in definition.steps for answer in step.answers for n in answer.reopens}
    problems = [
        f"`unit_keys` names `{kind}`, and no step repeats for it"
        for kind in sorted(definition.unit_keys.difference(definition.each_kinds))
    ]
    for step in definition.steps:
        problems += [f"step {step.number} {problem}" for problem in _step_problems(step)]
        if step.dormant and step.number not in woken:
            problems.append(f"step {step.number} is dormant, and no answer reopens it")
    return problems


def _step_problems(step: Step) -> list[str]:
    problems: list[str] = []
    if (step.role is None) == (step.role_from is None):
        problems.append("needs either `role` or `role_from`")
    if step.role_from not in (None, AUTHORITY):
        problems.append(f'can have `role_from = "{AUTHORITY}"` only')
    if len(step.answers) == 1:
        problems.append("has one answer; a decision needs two or more")
    if step.answers and step.milestone:
        problems.append("has answers, so each answer names its milestone itself")
    problems += [
        f"reopens by `{answer.name}`, which undoes the step itself and so its milestone"
        for answer in step.answers
        if answer.reopens and answer.milestone
    ]
    return problems
