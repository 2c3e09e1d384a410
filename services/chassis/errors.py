"""The kinds of error that a caller can receive, without a word of transport.

Domain code raises a subclass with its own `reason`; the server interceptor alone translates the
kind into a status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class MantleError(Exception):
    """Say what is true that stops the request.

    Shape: a sentence for a human, and metadata that holds every variable in it under a lowerCamel
    key.
    """

    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, /, **metadata: object) -> None:
        """Keep the sentence and the metadata, each value as text."""
        super().__init__(message)
        self.metadata: dict[str, str] = {key: str(value) for key, value in metadata.items()}


@dataclass(frozen=True, slots=True)
class Violation:
    """Name one field that breaks one rule of the contract.

    Shape: `field` is the path in the request (`lines[2].quantity`), `rule` the rule's id, `message`
    a sentence.
    """

    field: str
    rule: str
    message: str


class InvalidArgument(MantleError):
    """The request alone is wrong; repeating it cannot help."""

    reason = "REQUEST_INVALID"

    def __init__(
        self, message: str, /, violations: Sequence[Violation] = (), **metadata: object
    ) -> None:
        """Keep every violation, so that a caller can mend all of them at once."""
        super().__init__(message, **metadata)
        self.violations = tuple(violations)


class Unauthenticated(MantleError):
    """The caller did not prove who it is."""

    reason = "UNAUTHENTICATED"


class PermissionDenied(MantleError):
    """The caller is known, and may not do this."""


class NotFound(MantleError):
    """Nothing has this id."""


class AlreadyExists(MantleError):
    """Something else has this id or key already."""


class FailedPrecondition(MantleError):
    """The stored state forbids it; a repeat may succeed after the state changed."""


class Conflict(MantleError):
    """Another writer won; repeat the whole use case, from reading on."""

    reason = "WRITE_CONFLICT"


class Overloaded(MantleError):
    """A limit is reached; come back later, with backoff."""

    reason = "OVERLOADED"


class PeerUnavailable(MantleError):
    """A peer service did not answer; repeat with backoff."""

    reason = "PEER_UNAVAILABLE"

    def __init__(self, peer: str) -> None:
        """Name the peer that did not answer."""
        super().__init__(f"{peer} did not answer", peer=peer)


class DeadlineExceeded(MantleError):
    """The time that the caller gave is over; the effect may or may not be there, so repeat with the
    same id."""

    reason = "DEADLINE_EXCEEDED"


class Cancelled(MantleError):
    """The caller went away before the answer."""

    reason = "CANCELLED"
