"""The migrations make on PostgreSQL what the tables say."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, Engine, inspect
from sqlalchemy.schema import SchemaItem

from shared.connector.stores.tables import metadata as connector
from shared.data_keys.tables import metadata as data_keys
from shared.events.tables import metadata as events
from shared.scheduler.stores.tables import metadata as scheduler
from shared.sql.columns import NUMBER
from shared.sql.postgresql import postgresql_engine

ALL = {"connector": connector, "data_keys": data_keys, "events": events, "scheduler": scheduler}


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = postgresql_engine(postgres_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("name", ALL)
def test_migrated_database_has_the_tables(engine: Engine, name: str) -> None:
    metadata = ALL[name]

    def ours(_item: SchemaItem, item_name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or item_name in metadata.tables

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("name", ALL)
def test_p12_indexes_have_the_rows_that_they_are_for(engine: Engine, name: str) -> None:
    made = inspect(engine)
    for table in ALL[name].tables.values():
        partial = {
            index["name"]
            for index in made.get_indexes(table.name)
            if index.get("dialect_options", {}).get("postgresql_where")
        }
        assert partial == {
            index.name
            for index in table.indexes
            if index.dialect_options["sqlite"]["where"] is not None
        }


@pytest.mark.parametrize("name", ALL)
def test_numbers_have_64_bits(engine: Engine, name: str) -> None:
    made = inspect(engine)
    numbers = [
        column for table in ALL[name].tables.values() for column in table.c if column.type is NUMBER
    ]
    for column in numbers:
        (found,) = [
            one for one in made.get_columns(column.table.name) if one["name"] == column.name
        ]
        assert isinstance(found["type"], BigInteger), column
