"""What every test can ask for."""

from hypothesis import settings

from tests.support.postgres import database_for, shared_postgres
from tests.support.server import token_issuer, world

__all__ = ["database_for", "shared_postgres", "token_issuer", "world"]

# A busy machine must not turn a slow example into a failure; pytest's own limit of time holds.
settings.register_profile("mantle", deadline=None)
settings.load_profile("mantle")
