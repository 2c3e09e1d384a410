"""Both ends of a log, made of the chassis alone: `python -m tests.bench.servers.log_ends PORT
writer|reader`.

The writer commits one fact a call through the door; the reader applies them, a row each. The
reader notes how old each fact was when its effect was committed, and writes what it noted as JSON
into the file that a line on its standard input names.
"""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.machine import pin_self

pin_self()

import grpc  # noqa: E402  # after the core is chosen
import sqlalchemy as sa  # noqa: E402
from mantle.planning.v1 import budget_service_pb2 as pb  # noqa: E402
from mantle.type.v1.org_unit_pb2 import OrgUnitChanged  # noqa: E402

from chassis import arrays  # noqa: E402
from chassis.database import Transaction  # noqa: E402
from chassis.events import applier, subscription  # noqa: E402
from chassis.events.domain import EventDraft, ReceivedEvent  # noqa: E402
from chassis.outcome import Outcome  # noqa: E402
from chassis.rpc.door import Door  # noqa: E402
from chassis.rpc.service import Service  # noqa: E402
from chassis.settings import read_settings  # noqa: E402
from tests.bench.servers.gate import CONTRACT, Constant  # noqa: E402

log = logging.getLogger("mantle.bench")
EFFECT = sa.text(
    "INSERT INTO bench_effect (event_id, unit_id)"
    " SELECT event_id, unit_id FROM unnest(CAST(:event_ids AS uuid[]), CAST(:unit_ids AS text[]))"
    " AS new (event_id, unit_id)"
)


class Writer(Constant):
    """Commit one fact a call."""

    def __init__(self, door: Door) -> None:
        """Know the door."""
        super().__init__(b"")
        self._door = door

    def ReserveBudget(
        self, request: pb.ReserveBudgetRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Tell a fact about the owner that the request names."""
        return self._door.write(
            request,
            context,
            act=lambda _tx, _who: Outcome(request.owner_id, facts=[request]),
            reply=lambda _: pb.ReserveBudgetResponse(),
        )


def draft(request: pb.ReserveBudgetRequest) -> EventDraft:
    """Return the event that a call becomes."""
    fact = OrgUnitChanged(unit_id=request.owner_id, path=f"hq/{request.owner_id}/", version=1)
    return EventDraft(fact, request.owner_id)


class Reader:
    """Apply facts, and note their age once the effect is committed."""

    def __init__(self) -> None:
        """Listen to the subscription's own steps."""
        self._recorded: dict[str, datetime] = {}
        self._ages_s: list[float] = []
        self._listen()

    def handlers(self) -> list[applier.Handler]:
        """Return what is done on which fact."""
        return [(OrgUnitChanged, applier.Many(self.changed))]

    def changed(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, OrgUnitChanged]]
    ) -> list[Outcome[None]]:
        """Write a row for each."""
        tx.execute(
            EFFECT,
            {
                "event_ids": arrays.plain(event.event_id for event, _ in received),
                "unit_ids": arrays.texts(fact.unit_id for _, fact in received),
            },
        )
        self._recorded |= {event.event_id: event.record_time for event, _ in received}
        return [Outcome(None) for _ in received]

    def answer(self) -> None:
        """Write the ages that were noted since the last time into the file that a line names."""
        for line in sys.stdin:
            noted, self._ages_s = self._ages_s, []
            place = Path(line.strip())
            place.with_suffix(".new").write_text(json.dumps(noted))
            place.with_suffix(".new").rename(place)

    def _listen(self) -> None:
        apply = subscription.Subscription._apply
        singly = subscription.Subscription._apply_singly

        def applied(*arguments: Any) -> None:
            self._recorded.clear()
            apply(*arguments)
            now_s = time.time()
            self._ages_s += [now_s - one.timestamp() for one in self._recorded.values()]

        def taken_apart(*arguments: Any) -> None:
            log.warning("a stretch was taken apart", exc_info=sys.exc_info())
            singly(*arguments)

        subscription.Subscription._apply = applied  # type: ignore[assignment, method-assign]
        subscription.Subscription._apply_singly = taken_apart  # type: ignore[assignment, method-assign]


def main(words: list[str]) -> None:
    """Serve until SIGTERM."""
    port, end = words
    os.environ["MANTLE_LISTEN_ADDRESS"] = f"127.0.0.1:{port}"
    facts: Any = {pb.ReserveBudgetRequest: draft}
    if end == "writer":
        service = Service(read_settings("planning"), facts=facts)
        service.mount(CONTRACT, Writer(service.door))
    else:
        reader = Reader()
        service = Service(read_settings("channels"), facts={})
        service.subscribe("planning", reader.handlers())
        threading.Thread(target=reader.answer, daemon=True).start()
    service.run()


if __name__ == "__main__":
    main(sys.argv[1:])
