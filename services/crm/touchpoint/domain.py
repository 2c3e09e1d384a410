"""What a touchpoint is, and what can be changed in it."""

import tomllib
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from chassis.errors import FailedPrecondition, NotFound

REGISTRY: Final = Path(__file__).with_name("touchpoints.toml")


class Direction(StrEnum):
    """Who takes the first step."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class ContactKind(StrEnum):
    """How the company and a customer meet; consent and statistics are kept by it."""

    INBOUND = "INBOUND"
    OUTBOUND_CALL = "OUTBOUND_CALL"
    MESSAGE = "MESSAGE"
    STAFF = "STAFF"


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """Hold a place where the company and its customers meet; fields as in the contract."""

    touchpoint_id: str
    kind: str
    channel: str
    name: str
    name_zh: str
    direction: Direction
    contact_kind: ContactKind
    active: bool = True
    version: int = 1

    @property
    def is_outbound(self) -> bool:
        """Tell whether consent, quiet hours and the limit of contacts apply."""
        return self.direction is Direction.OUTBOUND

    def change(self, *, active: bool | None, name: str, name_zh: str) -> "Touchpoint":
        """Rename or switch; None and the empty text leave what is there."""
        return replace(
            self,
            active=self.active if active is None else active,
            name=name or self.name,
            name_zh=name_zh or self.name_zh,
            version=self.version + 1,
        )

    def require_active(self) -> None:
        """Refuse a touchpoint that is switched off.

        Errors: TouchpointOff.
        """
        if not self.active:
            raise TouchpointOff(self.touchpoint_id)


def read_registry(path: Path = REGISTRY) -> list[Touchpoint]:
    """Read the touchpoints that come with the platform, by id.

    Errors: KeyError, TypeError and ValueError when the file is wrong; then the service must not
        start.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Touchpoint(
            touchpoint_id=touchpoint_id,
            kind=entry["kind"],
            channel=entry["channel"],
            name=entry["name"],
            name_zh=entry["name_zh"],
            direction=Direction(entry["direction"]),
            contact_kind=ContactKind(entry["contact_kind"]),
        )
        for touchpoint_id, entry in sorted(entries.items())
    ]


class TouchpointNotFound(NotFound):
    """No touchpoint has this id."""

    reason = "TOUCHPOINT_NOT_FOUND"

    def __init__(self, touchpoint_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no touchpoint {touchpoint_id}", touchpointId=touchpoint_id)


class TouchpointOff(FailedPrecondition):
    """The touchpoint is switched off."""

    reason = "TOUCHPOINT_OFF"

    def __init__(self, touchpoint_id: str) -> None:
        """Name the touchpoint."""
        super().__init__(f"touchpoint {touchpoint_id} is off", touchpointId=touchpoint_id)
