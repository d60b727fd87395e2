from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.messaging.embedded.schema import SCHEMA
from shared.sql.database_file import bring_up_to_date, usable
from shared.sql.sqlite import sqlite_engine


def test_tables_are_made_once_and_then_found(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    bring_up_to_date(file, (SCHEMA,))

    bring_up_to_date(file, (SCHEMA,))

    with sqlite_engine(file).connect() as connection:
        revision = connection.exec_driver_sql("SELECT version_num FROM broker_version").scalar()
    assert revision == SCHEMA.head


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_text("no database at all, but long enough to be looked at as one" * 100)

    with pytest.raises(ConfigurationError, match=r"cannot use the database .*text\.db"):
        bring_up_to_date(file, (SCHEMA,))


def test_a_file_of_a_newer_version_is_named(tmp_path: Path) -> None:
    file = tmp_path / "newer.db"
    bring_up_to_date(file, (SCHEMA,))
    with sqlite_engine(file).connect() as connection:
        connection.exec_driver_sql("UPDATE broker_version SET version_num = '9999'")

    with pytest.raises(ConfigurationError, match=r"cannot bring .*newer\.db"):
        bring_up_to_date(file, (SCHEMA,))


def test_a_table_that_is_gone_is_told_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    bring_up_to_date(file, ())

    with (
        pytest.raises(ConfigurationError, match=r"cannot use the database .*empty\.db"),
        usable(file),
        sqlite_engine(file).connect() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM message")
