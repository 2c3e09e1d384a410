"""Units between the domain and the contract."""

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from mantle.planning.v1 import unit_pb2
from mantle.planning.v1 import unit_service_pb2 as pb
from mantle.type.v1 import org_unit_pb2

from chassis.events.domain import EventDraft
from chassis.paging import Slice
from chassis.period import parse_date
from planning.organization.domain import Kind, Unit, UnitPlaced

_KINDS: Final = {kind: unit_pb2.OrgUnit.Kind.Value(f"KIND_{kind}") for kind in Kind}
_KINDS_READ: Final = {number: kind for kind, number in _KINDS.items()}


def kind(request: pb.CreateUnitRequest) -> Kind:
    """Read the kind of a unit."""
    return _KINDS_READ[request.kind]


def day(request: pb.GetUnitRequest | pb.ListUnitsRequest, *, today: date) -> date:
    """Read the day that is asked for, today when it is absent.

    Errors: PeriodInvalid.
    """
    return parse_date(request.date) if request.HasField("date") else today


def created(unit: Unit) -> pb.CreateUnitResponse:
    """Answer with the new unit."""
    return pb.CreateUnitResponse(unit=_unit(unit))


def moved(unit: Unit) -> pb.MoveUnitResponse:
    """Answer with the unit on the day of its move."""
    return pb.MoveUnitResponse(unit=_unit(unit))


def got(unit: Unit) -> pb.GetUnitResponse:
    """Answer with a unit."""
    return pb.GetUnitResponse(unit=_unit(unit))


def listed(found: Slice[Unit]) -> pb.ListUnitsResponse:
    """Answer with a page of units."""
    return pb.ListUnitsResponse(
        units=map(_unit, found.items), next_page_token=found.next_page_token
    )


def _unit(unit: Unit) -> unit_pb2.OrgUnit:
    return unit_pb2.OrgUnit(
        unit_id=unit.unit_id,
        name=unit.name,
        kind=_KINDS[unit.kind],
        parent_unit_id=unit.parent_unit_id,
        valid_from=unit.valid_from.isoformat(),
        version=unit.version,
        path=unit.path,
        functions=unit.functions,
    )


def _placed(fact: UnitPlaced) -> EventDraft:
    payload = org_unit_pb2.OrgUnitChanged(
        unit_id=fact.unit_id, path=fact.path, version=fact.version
    )
    return EventDraft(payload, f"unit/{fact.unit_id}")


FACTS: Final[Mapping[type, Callable[[Any], EventDraft]]] = MappingProxyType({UnitPlaced: _placed})
