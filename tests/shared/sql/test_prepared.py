"""Statements that are compiled once, on a real connection."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    insert,
    null,
    select,
    update,
)

from shared.sql.prepared import Prepared
from shared.sql.sqlite import sqlite_engine

metadata = MetaData()
word = Table("word", metadata, Column("number", Integer, primary_key=True), Column("text", Text))
ADD = Prepared(insert(word).returning(word.c.number))
FIND = Prepared(
    select(word.c.number, word.c.text.label("spelling")).where(word.c.number >= bindparam("least"))
)
CLEAR = Prepared(update(word).where(word.c.number >= bindparam("least")).values(text=null()))
MARK = Prepared(update(word).values(text="marked"))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = sqlite_engine(tmp_path / "t.db")
    with engine.connect() as opened:
        metadata.create_all(opened)
        ADD.execute_many(opened, [{"number": number, "text": f"w{number}"} for number in (1, 2, 3)])
        yield opened
    engine.dispose()


def test_rows_are_named_tuples_of_their_columns(connection: Connection) -> None:
    rows = FIND.rows(connection, least=2)

    assert [(row.number, row.spelling) for row in rows] == [(2, "w2"), (3, "w3")]
    assert rows == [tuple(row) for row in FIND.execute(connection, least=2)]


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
