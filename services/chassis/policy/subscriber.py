"""The side door of policies: what other services approved and withdrew becomes a copy here."""

from google.protobuf.message import Message
from mantle.policy.v1 import events_pb2

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.policy import usecases, wire


class PolicySubscriber:
    """Keep copies of the policies of other services."""

    def handlers(self) -> list[Handler]:
        """Return which facts are wanted, and what is done on each."""
        return [
            (events_pb2.PolicyApproved, self._copy),
            (events_pb2.PolicyWithdrawn, self._copy),
        ]

    def _copy(self, tx: Transaction, _event: ReceivedEvent, message: Message) -> Outcome[None]:
        assert isinstance(message, events_pb2.PolicyApproved | events_pb2.PolicyWithdrawn)
        usecases.apply_copies(tx, received=wire.told(message))
        return Outcome(None)
