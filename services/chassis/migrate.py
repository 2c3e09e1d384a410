"""Bring one service's schema up to date, forward only: `python -m chassis.migrate planning`.

Runs as a job before the new pods, as the owner role. Several runners at once are safe: one works,
the others wait for it, with a try-lock, because waiting inside `pg_advisory_lock` would hang the
winner's `CREATE INDEX CONCURRENTLY`.
"""

import os
import sys
import time
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

LOCK_KEY = 7_210_001
LOCK_WAIT_S = 120.0
LOCK_POLL_S = 0.2
CHASSIS = Path(__file__).parent / "migrations"


class MigrationLockBusy(Exception):
    """Another runner held the migration lock for longer than this one may wait."""


def upgrade(service: str, owner_url: str) -> None:
    """Apply every revision that the database does not have yet.

    Errors: MigrationLockBusy after 120 s; whatever the database says about a revision, which is
    then rolled back.
    """
    engine = sa.create_engine(
        owner_url, poolclass=sa.NullPool, connect_args={"options": "-c lock_timeout=5000"}
    )
    with engine.connect() as connection:
        _lock(connection)
        try:
            # The service's own tables stand on the chassis'.
            for target in ("chassis@head", "heads"):
                command.upgrade(_config(service, connection), target)
                connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK_KEY})")
            connection.commit()
    engine.dispose()


def _config(service: str, connection: sa.Connection) -> Config:
    own = CHASSIS.parent.parent / service / "migrations" / "versions"
    config = Config()
    config.set_main_option("script_location", str(CHASSIS))
    config.set_main_option("path_separator", "os")
    config.set_main_option(
        "version_locations", os.pathsep.join([str(CHASSIS / "versions"), str(own)])
    )
    config.attributes["connection"] = connection
    return config


def _lock(connection: sa.Connection) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        got = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK_KEY})").scalar()
        connection.commit()
        if got:
            return
        if time.monotonic() > deadline:
            raise MigrationLockBusy(f"no migration lock within {LOCK_WAIT_S:.0f} s")
        time.sleep(LOCK_POLL_S)


def main(argv: list[str]) -> int:
    """Migrate the service named on the command line, with the owner's URL from the environment."""
    if len(argv) != 1 or "MANTLE_OWNER_DATABASE_URL" not in os.environ:
        sys.stderr.write("usage: MANTLE_OWNER_DATABASE_URL=… python -m chassis.migrate SERVICE\n")
        return 2
    upgrade(argv[0], os.environ["MANTLE_OWNER_DATABASE_URL"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
