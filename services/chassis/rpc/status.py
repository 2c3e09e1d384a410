"""Errors to statuses and back: the one table between the kinds of `chassis.errors` and gRPC's
codes."""

from dataclasses import dataclass
from typing import Any

import grpc
import psycopg
import sqlalchemy.exc as sa_errors
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from chassis import errors
from chassis.database import is_transient

DOMAIN = "mantle"
DETAILS_KEY = "grpc-status-details-bin"
RETRY_AFTER_MS = 200
# Trailing metadata beyond 8 KB is dropped by clients, status and all.
MESSAGE_LENGTH_MAX = 400
VALUE_LENGTH_MAX = 200
METADATA_MAX = 10
VIOLATIONS_MAX = 20
VIOLATION_LENGTH_MAX = 100
QUERY_CANCELED = "57014"
LOCK_NOT_AVAILABLE = "55P03"

CODES: list[tuple[type[errors.MantleError], grpc.StatusCode]] = [
    (errors.InvalidArgument, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (errors.PermissionDenied, grpc.StatusCode.PERMISSION_DENIED),
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (errors.FailedPrecondition, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.Conflict, grpc.StatusCode.ABORTED),
    (errors.Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.PeerUnavailable, grpc.StatusCode.UNAVAILABLE),
    (errors.DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED),
    (errors.Cancelled, grpc.StatusCode.CANCELLED),
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold an answer that is not OK.

    Shape: `details` is a serialized `google.rpc.Status` with ErrorInfo, and BadRequest or RetryInfo
    where they apply.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    details: bytes


class PeerRefused(Exception):
    """A peer answered with a reason of its contract; `peers.py` translates it."""

    def __init__(self, peer: str, reason: str, *, message: str, metadata: dict[str, str]) -> None:
        """Keep the peer's own reason, sentence and metadata."""
        super().__init__(message)
        self.peer = peer
        self.reason = reason
        self.metadata = metadata


def known(error: Exception) -> errors.MantleError | None:
    """Return the error as one of our kinds, or None when it is a bug."""
    match error:
        case errors.MantleError():
            return error
        case PeerRefused():
            return errors.PeerUnavailable(error.peer)
        case sa_errors.TimeoutError():
            return errors.Overloaded("no free database connection in time")
        case sa_errors.DBAPIError():
            return _of_database(error)
        case _:
            return None


def _of_database(error: sa_errors.DBAPIError) -> errors.MantleError | None:
    state = error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None
    if is_transient(error) or state == LOCK_NOT_AVAILABLE:
        return errors.Conflict("another writer held the same rows; repeat from reading on")
    if state == QUERY_CANCELED:
        return errors.DeadlineExceeded("the database did not finish within the deadline")
    if error.connection_invalidated or isinstance(error, sa_errors.OperationalError):
        return errors.PeerUnavailable("database")
    return None


def refusal(error: Exception) -> Refusal:
    """Return the answer for an error; the text of an unknown one never leaves the process."""
    own = known(error)
    if own is None:
        own = errors.MantleError("an internal error; the log has the trace id")
    code = next((code for kind, code in CODES if isinstance(own, kind)), grpc.StatusCode.INTERNAL)
    message = str(own)[:MESSAGE_LENGTH_MAX]
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(
        error_details_pb2.ErrorInfo(
            reason=own.reason,
            domain=DOMAIN,
            metadata={
                key: value[:VALUE_LENGTH_MAX]
                for key, value in list(own.metadata.items())[:METADATA_MAX]
            },
        )
    )
    if isinstance(own, errors.InvalidArgument) and own.violations:
        status.details.add().Pack(_bad_request(own))
    if code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
        delay = Duration()
        delay.FromMilliseconds(RETRY_AFTER_MS)
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return Refusal(code, own.reason, message, status.SerializeToString())


def _bad_request(error: errors.InvalidArgument) -> error_details_pb2.BadRequest:
    """Write the violations; of very many only the first 20, which is what trailers can carry."""
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=one.field[:VIOLATION_LENGTH_MAX],
                reason=one.rule[:VIOLATION_LENGTH_MAX],
                description=one.message[:VIOLATION_LENGTH_MAX],
            )
            for one in error.violations[:VIOLATIONS_MAX]
        ]
    )


def read_details(trailers: Any) -> tuple[str, dict[str, str]]:
    """Return reason and metadata of a peer's refusal, or "" when it carried none.

    Shape: `trailers` is the trailing metadata of a call, items with a key and a value, or None.
    """
    value = next((one.value for one in trailers or () if one.key == DETAILS_KEY), b"")
    for detail in status_pb2.Status.FromString(_bytes(value)).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason, dict(info.metadata)
    return "", {}


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else b""
