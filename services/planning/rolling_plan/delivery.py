"""To whom an approved plan is sent, and who of them has acknowledged it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from planning.rolling_plan.errors import RecipientRoleForbids


class Group(StrEnum):
    """The six groups of recipients."""

    REGIONAL_MANAGERS = "REGIONAL_MANAGERS"
    OFFICES = "OFFICES"
    MARKETING = "MARKETING"
    PRODUCTION = "PRODUCTION"
    SUPPLY = "SUPPLY"
    STORAGE_AND_TRANSPORT = "STORAGE_AND_TRANSPORT"


ROLES: Final[Mapping[Group, frozenset[str]]] = {
    Group.REGIONAL_MANAGERS: frozenset({"regional_manager"}),
    Group.OFFICES: frozenset({"channel_manager"}),
    Group.MARKETING: frozenset({"market_director", "product_manager"}),
    Group.PRODUCTION: frozenset({"production"}),
    Group.SUPPLY: frozenset({"supply"}),
    Group.STORAGE_AND_TRANSPORT: frozenset({"logistics"}),
}


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Hold that somebody acknowledged a plan for a unit."""

    group: Group
    unit_id: str
    acknowledged_by: str
    acknowledge_time: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """Hold who of a group has acknowledged a plan."""

    group: Group
    acknowledged: bool
    acknowledgements: tuple[Acknowledgement, ...]


def require_member(group: Group, roles: Collection[str], *, subject: str) -> None:
    """Refuse whoever does not belong to a group.

    Errors: RecipientRoleForbids.
    """
    if not ROLES[group] & set(roles):
        raise RecipientRoleForbids(group, subject)


def delivery_log(
    acknowledgements: Sequence[Acknowledgement], *, offices: Collection[str]
) -> list[Delivery]:
    """Lay the acknowledgements out by group.

    Shape: one for each group. The offices have acknowledged when every one of them has, any other
        group when somebody of it has.
    Source: R-055.
    """
    return [_delivery(group, acknowledgements, offices=offices) for group in Group]


def _delivery(
    group: Group, acknowledgements: Sequence[Acknowledgement], *, offices: Collection[str]
) -> Delivery:
    own = tuple(one for one in acknowledgements if one.group is group)
    units = {one.unit_id for one in own}
    complete = set(offices) <= units if group is Group.OFFICES else bool(own)
    return Delivery(group, complete, own)
