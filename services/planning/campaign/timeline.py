"""The five stages of a campaign with their times, and who has signed, read off its process."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chassis.process.domain import Instance
from chassis.process.node import Node, StepState
from planning.campaign.domain import Step


class StageKind(StrEnum):
    """Name the five stages of the closed loop."""

    PLANNING = "PLANNING"
    ALLOCATION = "ALLOCATION"
    APPROVAL = "APPROVAL"
    EXECUTION = "EXECUTION"
    EVALUATION = "EVALUATION"


class Part(StrEnum):
    """Name what is signed."""

    INITIATOR = "INITIATOR"
    PRODUCT_AND_TARIFF = "PRODUCT_AND_TARIFF"
    WORDING = "WORDING"
    SUPPORT = "SUPPORT"
    FINAL = "FINAL"


# The first and the last step of each stage.
STAGES: Final[Mapping[StageKind, tuple[Step, Step]]] = {
    StageKind.PLANNING: (Step.PLAN, Step.PLAN),
    StageKind.ALLOCATION: (Step.ALLOCATE, Step.ALLOCATE),
    StageKind.APPROVAL: (Step.SUBMIT, Step.APPROVE),
    StageKind.EXECUTION: (Step.START, Step.END),
    StageKind.EVALUATION: (Step.EVALUATE, Step.CLOSE),
}
PARTS: Final[Mapping[Part, Step]] = {
    Part.INITIATOR: Step.SIGN_INITIATOR,
    Part.PRODUCT_AND_TARIFF: Step.SIGN_PRODUCT_AND_TARIFF,
    Part.WORDING: Step.SIGN_WORDING,
    Part.SUPPORT: Step.SIGN_SUPPORT,
    Part.FINAL: Step.APPROVE,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Hold when a stage began and was done; None while it has not."""

    kind: StageKind
    begin_time: datetime | None
    end_time: datetime | None


@dataclass(frozen=True, slots=True)
class SignOff:
    """Hold who signed a part, and when; the name is empty while the signature is missing."""

    part: Part
    role: str
    signed_by: str
    sign_time: datetime | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Hold how a campaign went through its loop, in the current revision."""

    stages: tuple[Stage, ...]
    sign_offs: tuple[SignOff, ...]
    revision: int
    traceparent: str


def timeline(process: Instance) -> Timeline:
    """Read the stages and signatures off a process."""
    return Timeline(
        stages=tuple(_stage(process, kind, steps) for kind, steps in STAGES.items()),
        sign_offs=tuple(_sign_off(process, part, step) for part, step in PARTS.items()),
        revision=process.revision,
        traceparent=process.traceparent,
    )


def _stage(process: Instance, kind: StageKind, steps: tuple[Step, Step]) -> Stage:
    begin, end = (process.status(Node(step)) for step in steps)
    return Stage(kind, begin.open_time, end.done_time)


def _sign_off(process: Instance, part: Part, step: Step) -> SignOff:
    status = process.status(Node(step))
    done = status.state is StepState.DONE
    return SignOff(
        part=part,
        role=status.role or "",
        signed_by=status.done_by or "" if done else "",
        sign_time=status.done_time if done else None,
    )
