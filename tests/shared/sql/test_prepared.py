"""Statements that are compiled once, on a real connection."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite

from shared.sql.postgresql import postgresql_engine
from shared.sql.prepared import Prepared
from shared.sql.sqlite import sqlite_engine

metadata = MetaData()
word = Table("word", metadata, Column("number", Integer, primary_key=True), Column("text", Text))
ADD = Prepared(insert(word).returning(word.c.number))
FIND = Prepared(
    select(word.c.number, word.c.text.label("spelling"))
    .where(word.c.number >= bindparam("least"))
    .order_by(word.c.number)
)
CLEAR = Prepared(update(word).where(word.c.number >= bindparam("least")).values(text=null()))
MARK = Prepared(update(word).values(text="marked"))
ADD_NEW = Prepared(
    sqlite.insert(word)
    .values(number=bindparam("number"), text=bindparam("text"))
    .on_conflict_do_nothing(index_elements=["number"])
)
put = sqlite.insert(word).values(number=bindparam("number"), text=bindparam("text"))
PUT = Prepared(
    put.on_conflict_do_update(index_elements=["number"], set_={"text": put.excluded.text})
)
LIKE = Prepared(select(word.c.number).where(word.c.text.like("w2%")))
IF_GIVEN = Prepared(
    select(word.c.number).where(
        or_(bindparam("wanted").is_(None), word.c.text == bindparam("wanted"))
    )
)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "sqlite":
        return sqlite_engine(tmp_path / "t.db")
    return postgresql_engine(request.getfixturevalue("postgres_url"))


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as opened:
        metadata.create_all(opened)
        ADD.execute_many(opened, [{"number": number, "text": f"w{number}"} for number in (1, 2, 3)])
        yield opened
    engine.dispose()


def test_rows_are_named_tuples_of_their_columns(connection: Connection) -> None:
    rows = FIND.rows(connection, least=2)

    assert [(row.number, row.spelling) for row in rows] == [(2, "w2"), (3, "w3")]
    assert rows == [(2, "w2"), (3, "w3")]


def test_no_rows_is_an_empty_list_and_later_rows_have_names(connection: Connection) -> None:
    assert FIND.rows(connection, least=9) == []
    assert FIND.rows(connection, least=3)[0].spelling == "w3"


def test_rows_of_what_was_written_are_returned(connection: Connection) -> None:
    (row,) = ADD.rows(connection, number=7, text=None)

    assert row.number == 7


@pytest.mark.parametrize(("least", "count"), [(1, 3), (3, 1), (9, 0)])
def test_change_counts_the_rows_it_touched(connection: Connection, least: int, count: int) -> None:
    assert CLEAR.change(connection, least=least) == count
    assert len([row for row in FIND.rows(connection, least=0) if row.spelling is None]) == count


def test_values_written_into_the_statement_need_not_be_given(connection: Connection) -> None:
    assert MARK.change(connection) == 3
    assert {row.spelling for row in FIND.rows(connection, least=0)} == {"marked"}


def test_row_that_is_there_stays_or_is_replaced(connection: Connection) -> None:
    assert ADD_NEW.change(connection, number=1, text="other") == 0
    assert ADD_NEW.change(connection, number=9, text="new") == 1
    PUT.change(connection, number=2, text="replaced")

    assert [row.spelling for row in FIND.rows(connection, least=1)] == [
        "w1",
        "replaced",
        "w3",
        "new",
    ]


def test_percent_sign_is_one(connection: Connection) -> None:
    assert [row.number for row in LIKE.rows(connection)] == [2]


@pytest.mark.parametrize(("wanted", "found"), [(None, 3), ("w2", 1), ("%s", 0), ("'\\", 0)])
def test_value_is_never_read_as_sql(connection: Connection, wanted: str | None, found: int) -> None:
    assert len(IF_GIVEN.rows(connection, wanted=wanted)) == found
