"""What stays of writes beside their effect: facts as events, replies, the audit, and the commit."""

from collections.abc import Sequence
from typing import NamedTuple

from chassis.audit import storage as audit
from chassis.database import Transaction, commit, together
from chassis.events import storage as events
from chassis.events.domain import EventDraft
from chassis.faults import seam
from chassis.rpc import replies
from chassis.rpc.methods import Method
from chassis.scope import Caller


class Done(NamedTuple):
    """Hold a write that was done: who sent it under which key, its SHA-256, answer and trace id."""

    caller: Caller
    key: replies.Key
    fingerprint: bytes
    reply: bytes
    trace_id: str


def keep(
    tx: Transaction,
    done: Sequence[Done],
    drafts: Sequence[tuple[EventDraft, events.Cause]],
    *,
    method: Method,
    audited: bool = True,
) -> None:
    """Keep what stays of writes of one method, and commit, all in one round trip.

    Shape: nothing happens when none was done.
    Errors: EventTooLarge; what the database refuses.
    """
    if not done:
        return
    with together(tx):
        events.append_all(tx, drafts)
        replies.keep(tx, [(one.key, one.fingerprint, one.reply) for one in done])
        if audited:
            entries = [(one.caller, one.key.request_id, one.trace_id) for one in done]
            audit.record_all(tx, entries, method=method.short)
        seam(method.short, "before_commit")
        commit(tx)
