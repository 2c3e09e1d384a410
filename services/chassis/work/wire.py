"""Runs and preview rows as messages."""

import json
from collections.abc import Iterable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from mantle.work.v1 import work_pb2 as pb
from mantle.work.v1 import work_service_pb2 as service_pb

from chassis.paging import Slice
from chassis.work.domain import PreviewRow, Run, State

_STATES = {state: pb.Run.State.Value(f"STATE_{state}") for state in State}
_DOMAIN_STATES = {value: state for state, value in _STATES.items()}


def run(found: Run) -> pb.Run:
    """Write a run."""
    return pb.Run(
        run_id=found.id,
        kind=found.kind,
        key=found.key,
        state=_STATES[found.state],
        total=found.total,
        done_count=found.done_count,
        message=found.message,
        unit_id=found.unit_id,
        dry_run=found.dry_run,
        requested_by=found.requested_by,
        epoch=found.epoch,
        create_time=_time(found.create_time),
        started_time=_time(found.started_time),
        ended_time=_time(found.ended_time),
    )


def states(values: Iterable[pb.Run.State.ValueType]) -> list[State]:
    """Read the states of a filter, which the contract has checked."""
    return [_DOMAIN_STATES[value] for value in values]


def got(found: Run) -> service_pb.GetRunResponse:
    """Write the answer of GetRun."""
    return service_pb.GetRunResponse(run=run(found))


def listed(part: Slice[Run]) -> service_pb.ListRunsResponse:
    """Write the answer of ListRuns."""
    return service_pb.ListRunsResponse(
        runs=[run(item) for item in part.items], next_page_token=part.next_page_token
    )


def previewed(part: Slice[PreviewRow]) -> service_pb.ListPreviewRowsResponse:
    """Write the answer of ListPreviewRows."""
    return service_pb.ListPreviewRowsResponse(
        preview_rows=[_preview(row) for row in part.items], next_page_token=part.next_page_token
    )


def cancelled(found: Run) -> service_pb.CancelRunResponse:
    """Write the answer of CancelRun."""
    return service_pb.CancelRunResponse(run=run(found))


def resumed(found: Run) -> service_pb.ResumeRunResponse:
    """Write the answer of ResumeRun."""
    return service_pb.ResumeRunResponse(run=run(found))


def _preview(row: PreviewRow) -> pb.PreviewRow:
    content = json.dumps(row.content, ensure_ascii=False, sort_keys=True)
    return pb.PreviewRow(ordinal=row.ordinal, fact=row.fact, content_json=content)


def _time(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
