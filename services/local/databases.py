"""Databases and roles in one PostgreSQL server: each service has its own, and no key to another.

Every function takes a superuser's connection in autocommit, because CREATE DATABASE allows no
transaction. A role has the right to connect to the databases of its service alone; the right that
PostgreSQL gives to everybody is taken away, again after each clone, because CREATE DATABASE does
not copy the rights of its template.
"""

from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

OWNER = "owner"
APP = "app"


@dataclass(frozen=True, slots=True)
class ServiceDatabase:
    """Say how to reach one database.

    Shape: SQLAlchemy URLs; `owner_url` is for migrations, `app_url` for the service, which changes
        no schema.
    """

    name: str
    owner_url: str
    app_url: str


def role_name(service: str, kind: str) -> str:
    """Return the name of a service's role; `kind` is `owner` or `app`."""
    return f"{service}_{kind}"


def url(*, user: str, password: str, port: int, database: str) -> str:
    """Return the SQLAlchemy URL of a database on this machine."""
    return f"postgresql+psycopg://{user}:{password}@127.0.0.1:{port}/{database}"


def ensure_role(connection: psycopg.Connection, name: str, password: str) -> None:
    """Create the role when it is missing; its password is the given one afterwards."""
    # Hashed here, so that the password is in no statement that the server could log.
    secret = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    ).decode()
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb: LiteralString = "ALTER" if known else "CREATE"
    connection.execute(
        sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
            sql.Identifier(name), sql.Literal(secret)
        )
    )


def exists(connection: psycopg.Connection, name: str) -> bool:
    """Tell whether a database has this name and was made ready to connect."""
    found = connection.execute(
        "SELECT 1 FROM pg_database WHERE datname = %s AND datallowconn", [name]
    )
    return found.fetchone() is not None


def create(
    connection: psycopg.Connection, name: str, *, service: str, template: str = "template1"
) -> None:
    """Create a database that the service's two roles alone can connect to.

    Shape: closed to everybody until its rights are set. One of the same name must not exist.
    """
    # Copied as files, because writing each page to the log takes three times as long.
    connection.execute(
        sql.SQL(
            "CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy ALLOW_CONNECTIONS false"
        ).format(
            sql.Identifier(name),
            sql.Identifier(role_name(service, OWNER)),
            sql.Identifier(template),
        )
    )
    restrict(connection, name, service=service)
    connection.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name))
    )


def restrict(connection: psycopg.Connection, name: str, *, service: str | None) -> None:
    """Take everybody's rights on a database away, and let a service's app role connect.

    Shape: the owner keeps its rights by owning; without a service only superusers can connect.
    """
    database = sql.Identifier(name)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    if service is not None:
        app = sql.Identifier(role_name(service, APP))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, app))


def freeze(connection: psycopg.Connection, name: str) -> None:
    """Turn a database into a template; nobody connects any more, so it can always be cloned."""
    connection.execute(
        sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false").format(
            sql.Identifier(name)
        )
    )


def templates(connection: psycopg.Connection) -> list[str]:
    """Return the names of the databases that `freeze` made, sorted."""
    rows = connection.execute(
        "SELECT datname FROM pg_database WHERE datistemplate AND datname NOT LIKE 'template_'"
        " ORDER BY datname"
    )
    return [name for (name,) in rows]


def drop(connection: psycopg.Connection, name: str) -> None:
    """Drop a database, and a template too, with whoever is connected; a missing one is fine."""
    database = sql.Identifier(name)
    if name in templates(connection):
        connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(database))
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
