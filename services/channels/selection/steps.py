"""How every act of a selection begins and ends: its row locked, its step completed.

The selection's row is locked before its process, and the partner after both.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from channels.selection import storage
from channels.selection.domain import Place, Selection, State, Step
from channels.selection.errors import PlaceNotFound
from chassis import scope
from chassis.database import Transaction
from chassis.process import usecases as process
from chassis.scope import Caller

SERVICE: Final = "mantle.channels.v1.SelectionService"


@dataclass(frozen=True, slots=True)
class Act:
    """Name who does which step of which selection, by which RPC, and when."""

    selection_id: str
    step: Step
    rpc: str
    by: Caller
    at: datetime


def begin(tx: Transaction, act: Act) -> Selection:
    """Lock a selection of the caller's part of the organisation.

    Errors: SelectionNotFound, OutOfScope.
    """
    found = storage.get(tx, act.selection_id, lock=True)
    scope.require(tx, act.by, found.unit_id)
    return found


def begin_place(tx: Transaction, act: Act, name: str) -> tuple[Selection, Place]:
    """Lock a selection for an act on one place; the office of the place has a say over it.

    Errors: SelectionNotFound, PlaceNotFound, OutOfScope.
    """
    found = storage.get(tx, act.selection_id, lock=True)
    place = found.place(name)
    scope.require(tx, act.by, place.office_unit_id)
    return found, place


def complete(
    tx: Transaction,
    one: Selection,
    act: Act,
    *,
    place: Place | None = None,
    answer: str | None = None,
    note: str = "",
) -> Selection:
    """Complete the act's step, and let the selection follow to the milestone.

    Errors: StepRoleForbids, StepNotOpen, StepAuthorityMissing, StepNeedsAnotherPerson; a place
        without a candidate is PlaceNotFound.
    """
    completed = process.complete(
        tx,
        one.process_id,
        step=act.step,
        by=act.by,
        at=act.at,
        answer=answer,
        key=place.place if place else None,
        rpc=f"{SERVICE}/{act.rpc}",
        note=note,
    )
    if place is not None and not place.partner_id:
        raise PlaceNotFound(one.selection_id, place.place)
    return replace(one, state=State(completed.state), version=one.version + 1)


def saved(tx: Transaction, one: Selection) -> Selection:
    """Write a selection and return it."""
    storage.save(tx, one)
    return one
