"""The side door of the organisation's copy: every service mounts it on the log of the
organisation's owner."""

from mantle.type.v1 import org_unit_pb2 as pb

from chassis import scope
from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome


class UnitSubscriber:
    """Keep `org_unit_copy`."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.OrgUnitChanged, self.unit_changed)]

    def unit_changed(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrgUnitChanged
    ) -> Outcome[None]:
        """Take over a unit's place in the tree."""
        scope.copy_unit(
            tx,
            unit_id=fact.unit_id,
            path=fact.path,
            version=fact.version,
            at=event.occur_time,
        )
        return Outcome(None)
