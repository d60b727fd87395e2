"""The optimistic batch: it runs without savepoints first, and again with them when a request raises."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.errors import ConflictError
from shared.sql.database import Transaction
from shared.sql.execution import Request, commit
from shared.sql.sqlite import sqlite_engine
from tests.contracts.database import make_table, words, write


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = sqlite_engine(tmp_path / "t.db")
    with engine.connect() as opened:
        make_table(Transaction(opened))
        yield opened
    engine.dispose()


class Writer:
    """Writes words, and notes how often it is run and what is called back."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.called: list[str] = []

    def write(self, tx: Transaction, word: str) -> str:
        self.runs.append(word)
        write(tx, word)
        tx.on_commit(partial(self.called.append, word))
        if word == "bad":
            raise ConflictError("a bad word")
        return word.upper()

    def write_all(self, tx: Transaction, items: Sequence[str]) -> list[str]:
        return [self.write(tx, item) for item in items]


@pytest.fixture
def writer() -> Writer:
    return Writer()


def single(writer: Writer, word: str) -> Request:
    future = asyncio.get_running_loop().create_future()
    return Request(future, work=partial(writer.write, word=word))


async def outcomes(connection: Connection, requests: Sequence[Request]) -> list[object]:
    commit(connection, requests).finish()
    return list(
        await asyncio.gather(*(request.future for request in requests), return_exceptions=True)
    )


async def test_batch_in_which_nothing_raises_is_run_once(
    connection: Connection, writer: Writer
) -> None:
    values = await outcomes(connection, [single(writer, word) for word in "abc"])

    assert values == ["A", "B", "C"]
    assert writer.runs == writer.called == words(connection) == ["a", "b", "c"]


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_request_that_raises_is_undone_and_the_others_are_run_again(
    connection: Connection, writer: Writer, place: int
) -> None:
    order = ["a", "b"]
    order.insert(place, "bad")

    answers = await outcomes(connection, [single(writer, word) for word in order])

    assert isinstance(answers.pop(place), ConflictError)
    assert answers == ["A", "B"]
    assert writer.runs == [*order[: place + 1], *order]
    assert words(connection) == ["a", "b"]
    assert writer.called == ["a", "b"]


async def test_group_among_others_fails_for_its_faulty_item_only(
    connection: Connection, writer: Writer
) -> None:
    loop = asyncio.get_running_loop()
    members = [
        Request(loop.create_future(), group=writer.write_all, item=item) for item in ("b", "bad")
    ]

    first, second, third, fourth = await outcomes(
        connection, [single(writer, "a"), *members, single(writer, "c")]
    )

    assert (first, second, fourth) == ("A", "B", "C")
    assert isinstance(third, ConflictError)
    assert words(connection) == writer.called == ["a", "b", "c"]


async def test_value_of_the_second_run_is_the_one_that_counts(
    connection: Connection, writer: Writer
) -> None:
    future = asyncio.get_running_loop().create_future()
    count = Request(future, work=lambda _: len(writer.runs))

    answers = await outcomes(connection, [single(writer, "a"), count, single(writer, "bad")])

    assert answers[:2] == ["A", 3]  # a and bad, then a again


async def test_request_alone_in_its_batch_is_undone_and_not_run_again(
    connection: Connection, writer: Writer
) -> None:
    (failure,) = await outcomes(connection, [single(writer, "bad")])

    assert isinstance(failure, ConflictError)
    assert writer.runs == ["bad"]
    assert words(connection) == writer.called == []
    assert await outcomes(connection, [single(writer, "a")]) == ["A"]


async def test_members_of_a_group_that_is_alone_fail_one_by_one(
    connection: Connection, writer: Writer
) -> None:
    loop = asyncio.get_running_loop()
    members = [
        Request(loop.create_future(), group=writer.write_all, item=item) for item in ("a", "bad")
    ]

    first, second = await outcomes(connection, members)

    assert first == "A"
    assert isinstance(second, ConflictError)
    assert words(connection) == writer.called == ["a"]
