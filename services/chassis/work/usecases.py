"""What callers do with a run: begin, show, end, open again. The runner alone takes it forward."""

from collections.abc import Collection

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller
from chassis.work import storage
from chassis.work.domain import Cursor, PreviewRow, Run, State


def run(
    tx: Transaction,
    kind: str,
    key: str,
    *,
    unit_id: str,
    requested_by: str,
    cursor: Cursor | None = None,
    total: int | None = None,
    dry_run: bool = False,
    traceparent: str = "",
) -> Run:
    """Ask for a piece of long work; a runner takes it up after the commit.

    Shape: the same kind and key again gives the first run, whatever its state; a dry run is another
        run beside it. `cursor` is handed to the first chunk; `traceparent` is the trace that the
        chunks belong to.
    """
    return storage.insert_first(
        tx,
        {
            "id": new_id(),
            "kind": kind,
            "key": key,
            "dry_run": dry_run,
            "cursor": dict(cursor or {}),
            "total": total,
            "unit_id": unit_id,
            "requested_by": requested_by,
            "traceparent": traceparent,
        },
    )


def get(tx: Transaction, *, run_id: str, by: Caller) -> Run:
    """Show a run.

    Errors: RunNotFound, OutOfScope.
    """
    found = storage.get(tx, run_id)
    scope.require(tx, by, found.unit_id)
    return found


def listing(
    tx: Transaction, *, page: Page, by: Caller, kind: str, states: Collection[State]
) -> Slice[Run]:
    """Show the runs in the caller's scope, newest first.

    Errors: PageTokenInvalid.
    """
    return storage.listing(tx, page, kind=kind, states=states, units=scope.units_of(by))


def previews(tx: Transaction, *, run_id: str, page: Page, by: Caller) -> Slice[PreviewRow]:
    """Show what a dry run found, in its order; a real run has no preview rows.

    Errors: RunNotFound, OutOfScope, PageTokenInvalid.
    """
    return storage.previews(tx, get(tx, run_id=run_id, by=by), page)


def cancel(tx: Transaction, *, run_id: str, by: Caller) -> Outcome[Run]:
    """End a run for good; the chunk on its way finds itself fenced off and leaves nothing.

    Errors: RunNotFound, OutOfScope, RunStateForbids.
    """
    found = _locked(tx, run_id, by, to=State.CANCELLED)
    return Outcome(storage.cancel(tx, found))


def resume(tx: Transaction, *, run_id: str, by: Caller) -> Outcome[Run]:
    """Let a failed run go on from the chunk that was refused.

    Errors: RunNotFound, OutOfScope, RunStateForbids.
    """
    found = _locked(tx, run_id, by, to=State.PENDING)
    return Outcome(storage.resume(tx, found))


def _locked(tx: Transaction, run_id: str, by: Caller, *, to: State) -> Run:
    found = storage.get(tx, run_id, lock=True)
    scope.require(tx, by, found.unit_id)
    found.require_move(to)
    return found
