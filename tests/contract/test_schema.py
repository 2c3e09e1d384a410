"""The migrated schema and the tables that the code believes in are the same."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from chassis.settings import SERVICES
from tests.support.assembly import modules_of
from tests.support.postgres import DatabaseFor

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
BOOKKEEPING = {"alembic_version"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrated_tables_are_those_of_the_storage(
    service: str, database_for: DatabaseFor
) -> None:
    engine = sa.create_engine(database_for(service).owner_url)
    migrated = sa.MetaData()
    with engine.connect() as connection:
        migrated.reflect(connection)
        parts = partitions(connection)
    engine.dispose()

    found = {name: shape(table) for name, table in migrated.tables.items() if name not in parts}
    expected = {table.name: shape(table) for table in tables(service)}

    assert found.keys() - BOOKKEEPING == expected.keys()
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("service", SERVICES)
def test_a_table_stands_in_one_storage(service: str) -> None:
    names = [table.name for table in tables(service)]

    assert [name for name in names if names.count(name) > 1] == []


@pytest.mark.parametrize("service", SERVICES)
def test_an_amount_is_whole_minor_units_and_a_time_knows_its_zone(service: str) -> None:
    wrong = [
        f"{table.name}.{column.name}"
        for table in tables(service)
        for column in table.columns
        if (column.name.endswith("_minor") and not isinstance(column.type, sa.BigInteger))
        or (isinstance(column.type, sa.DateTime) and not column.type.timezone)
        or isinstance(column.type, sa.Float)
    ]

    assert wrong == []


def tables(service: str) -> Iterator[sa.Table]:
    """Return the tables of the chassis and of a service."""
    seen: set[int] = set()
    for module in (*modules_of("chassis"), *modules_of(service)):
        found = vars(module).get("TABLES")
        if isinstance(found, sa.MetaData) and id(found) not in seen:
            seen.add(id(found))
            yield from found.tables.values()


def shape(table: sa.Table) -> dict[str, tuple[str, bool, bool]]:
    """Return type, nullability and part in the key of each column."""
    return {
        column.name: (
            column.type.compile(DIALECT),
            bool(column.nullable),
            bool(column.primary_key),
        )
        for column in table.columns
    }


def partitions(connection: sa.Connection) -> set[str]:
    rows = connection.execute(sa.text("SELECT relname FROM pg_class WHERE relispartition"))
    return {row.relname for row in rows}
