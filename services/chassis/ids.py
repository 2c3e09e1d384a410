"""Identities: new ones that sort by time, and derived ones that a repeat makes again."""

from typing import Final
from uuid import UUID, uuid5

from uuid_utils import uuid7

# Fixed for ever: another namespace would give a repeated request other ids towards its peers.
_NAMESPACE: Final = UUID("6f1c1b1e-3f0a-5c57-9d55-5a8a3e6c2d41")


def new_id() -> str:
    """Make the id of a new thing.

    Shape: a UUIDv7 in canonical lower-case text; ids of one process ascend.
    """
    return str(uuid7())


def derived_id(request_id: str, method: str, ordinal: int) -> str:
    """Derive the request id of a call to a peer from the id of the request that causes it.

    Shape: a UUIDv5 in canonical text, the same for the same three values, so that a repeat asks the
        peer with the ids of the first attempt.
    """
    return str(uuid5(_NAMESPACE, f"{request_id}\n{method}\n{ordinal}"))
