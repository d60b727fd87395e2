"""History of a Scheduler that does not push: our own service, whose queue `history` nobody reads here."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.connector.history_polling import Collection
from shared.errors import InvalidRequestError
from shared.scheduler.action import Outcome
from tests.clocks import FakeClock
from tests.shared.connector.history_server import HistoryServer, record
from tests.shared.connector.polling import (
    JC,
    MINUTE,
    Poller,
    build_poller,
    kinds,
    polled_database,
)
from tests.shared.scheduler.engine_stack import FAILED
from tests.shared.scheduler.scheduler_stack import JC as CLASSIC_JC
from tests.shared.scheduler.scheduler_stack import JOB, JOBS, Stack, open_stack

EVERY_MINUTE = {"frequency": "minute", "interval": 1}
NO_RETRY = {"retryPolicy": {"retryType": "none"}}


class World:
    """Our service and engine, and a poller in another database."""

    def __init__(self, stack: Stack, poller: Poller) -> None:
        self.stack = stack
        self.poller = poller

    async def put(self, job: str, **members: Any) -> None:
        reply = await self.stack.call("PUT", f"{JOBS}/{job}", {**JOB, **members})
        assert reply.status in (200, 201), reply.text()

    async def run(self, *outcomes: Outcome, minutes: int = 1) -> None:
        """Let the engine work, minute by minute."""
        self.stack.engine.action.outcomes += outcomes
        for _ in range(minutes):
            await self.stack.engine.step(MINUTE)

    async def look(self) -> list[dict[str, Any]]:
        return await self.poller.look(after=timedelta(seconds=40))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(open_stack(tmp_path, clock))
        await stack.prepare()
        database = await opened.enter_async_context(polled_database(tmp_path))
        yield World(stack, build_poller(database, stack.app, clock, certificate=stack.certificate))


async def test_each_new_record_is_told_once_with_what_the_history_says(world: World) -> None:
    await world.look()
    await world.put("nightly", recurrence=EVERY_MINUTE)
    await world.run(minutes=3)

    events = await world.look()

    assert kinds(events) == [("nightly", "succeeded", number, 0) for number in (1, 2, 3)]
    history = (await world.stack.call("GET", f"{JOBS}/nightly/history")).json()
    assert [event["data"] for event in events] == list(reversed(history))
    assert events[0]["subject"] == "/cloudservices/cs1/jobcollections/jc1/jobs/nightly"
    assert await world.look() == []


async def test_what_was_there_before_the_first_look_is_not_told(world: World) -> None:
    await world.put("nightly", recurrence=EVERY_MINUTE)
    await world.run(minutes=3)
    assert await world.look() == []

    await world.run()

    assert kinds(await world.look()) == [("nightly", "succeeded", 4, 0)]


async def test_retries_and_error_actions_are_told_in_their_order(world: World) -> None:
    await world.look()
    target: Any = JOB["action"]
    await world.put(
        "nightly",
        action={
            **target,
            "retryPolicy": {"retryType": "fixed", "retryInterval": "PT30S", "retryCount": 1},
            "errorAction": target,
        },
    )
    await world.run(FAILED, FAILED, minutes=5)

    events = await world.look()

    assert kinds(events) == [
        ("nightly", "failed", 1, 0),
        ("nightly", "failed", 1, 1),
        ("nightly", "succeeded", 1, 0),
    ]
    assert [event["data"]["actionName"] for event in events] == [
        "MainAction",
        "MainAction",
        "ErrorAction",
    ]


async def test_a_job_that_is_put_anew_counts_anew_and_loses_nothing(world: World) -> None:
    await world.look()
    await world.put("nightly", recurrence=EVERY_MINUTE)
    await world.run(minutes=4)
    before = await world.look()
    await world.run(minutes=1)
    await world.put("nightly", recurrence=EVERY_MINUTE)
    await world.run(minutes=3)

    after = await world.look()

    assert len(before) == 4
    # The last one before the PUT, and those that are counted from one again.
    assert [event["data"]["repeatCount"] for event in after] == [5, 1, 2, 3]
    assert {event["type"] for event in after} == {"tocsin.attempt.succeeded"}
    assert await world.look() == []


async def test_a_job_that_is_deleted_and_made_again_is_a_new_one(world: World) -> None:
    await world.look()
    await world.put("nightly", recurrence=EVERY_MINUTE)
    await world.run(minutes=3)
    await world.look()
    await world.stack.call("DELETE", f"{JOBS}/nightly")
    assert await world.look() == []
    assert await world.poller.store.seen(JC.path.lower()) == {}
    await world.put("Nightly", recurrence=EVERY_MINUTE)
    await world.run(minutes=3)

    events = await world.look()

    assert kinds(events) == [("Nightly", "succeeded", number, 0) for number in (1, 2, 3)]


async def test_a_disabled_job_is_followed_again_when_it_is_enabled(world: World) -> None:
    await world.put("nightly", recurrence=EVERY_MINUTE)
    await world.run(minutes=3)
    await world.stack.call("PATCH", f"{JOBS}/nightly", {"state": "disabled"})
    assert await world.look() == []
    await world.stack.call("PATCH", f"{JOBS}/nightly", {"state": "enabled"})
    await world.run(minutes=2)

    assert [kind[2] for kind in kinds(await world.look())] == [4, 5]
    assert await world.look() == []


async def test_a_collection_that_is_gone_waits_for_its_return(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.look()
    await world.stack.call("DELETE", CLASSIC_JC)
    await world.stack.work()

    assert await world.look() == []
    assert "cannot be read" in caplog.text


async def test_who_is_refused_leaves_the_scheduler_alone(tmp_path: Path) -> None:
    server = HistoryServer({"j": []})
    async with polled_database(tmp_path) as database:
        poller = build_poller(database, server, FakeClock())
        poller.is_paused = True
        await poller.look()
        assert server.requests == []

        poller.is_paused = False
        await poller.look()
        assert len(server.requests) == 1


@pytest.mark.parametrize("path", ["", "/cloudservices/a", "/cloudservices/a/jobcollections/a b"])
def test_p10_what_is_no_collection_is_told(path: str) -> None:
    with pytest.raises(InvalidRequestError):
        Collection.parse(path, source="/subscriptions/s")


@pytest.fixture
async def polled(tmp_path: Path) -> AsyncIterator[tuple[HistoryServer, Poller]]:
    server = HistoryServer({"j": [record(1)]})
    async with polled_database(tmp_path) as database:
        poller = build_poller(database, server, FakeClock())
        await poller.look()
        server.requests.clear()
        yield server, poller


async def test_p12_a_look_costs_one_list_and_the_history_of_what_moved(
    polled: tuple[HistoryServer, Poller],
) -> None:
    server, poller = polled
    for number in range(600):
        server.jobs[f"j{number}"] = []
    await poller.look()
    server.requests.clear()
    server.jobs["j7"].append(record(1))
    server.jobs["j8"] += [record(number) for number in range(1, 4)]

    assert len(await poller.look()) == 4
    assert sorted(server.requests) == [
        "jobs/j7/history?api-version=2014-04-01&$top=10",
        "jobs/j8/history?api-version=2014-04-01&$top=10",
        "jobs?api-version=2014-04-01&$top=500",
        "jobs?api-version=2014-04-01&$top=500&$skip=500",
    ]
    server.requests.clear()
    assert await poller.look() == []
    assert len(server.requests) == 2


async def test_a_long_history_is_read_in_pages_up_to_what_is_known(
    polled: tuple[HistoryServer, Poller],
) -> None:
    server, poller = polled
    server.jobs["j"] += [record(number) for number in range(2, 252)]

    events = await poller.look()

    assert [event["data"]["repeatCount"] for event in events] == list(range(2, 252))
    assert sum("history" in request for request in server.requests) == 3


async def test_what_the_server_dropped_is_told_as_lost_with_range_and_count(
    polled: tuple[HistoryServer, Poller],
) -> None:
    server, poller = polled
    looked_at = poller.clock.now()
    server.jobs["j"] += [record(number) for number in range(2, 12)]
    server.dropped["j"] = 7

    looks = [await poller.look() for _ in range(4)]

    assert [len(events) for events in looks] == [4, 0, 1, 0]
    (lost,) = looks[2]
    assert lost["type"] == "tocsin.history.lost"
    assert lost["subject"] == "/cloudservices/cs1/jobcollections/jc1/jobs/j"
    assert lost["data"]["missed"] == 6
    assert lost["data"]["from"] == f"{looked_at:%Y-%m-%dT%H:%M:%SZ}"
    assert lost["data"]["to"] == f"{poller.clock.now() - MINUTE:%Y-%m-%dT%H:%M:%SZ}"


async def test_p7_a_server_that_goes_away_in_the_middle_costs_nothing(
    polled: tuple[HistoryServer, Poller], caplog: pytest.LogCaptureFixture
) -> None:
    server, poller = polled
    for number in range(30):
        server.jobs[f"new{number:02}"] = [record(1), record(2)]
    told = []
    for working in (0, 1, 5, 12, 1_000):
        server.requests.clear()
        server.answers_left = working
        told += await poller.look()
        # It is left alone once it does not answer; up to eight were asked at once.
        assert len(server.requests) <= working + 8

    assert len(told) == 60
    assert len({event["id"] for event in told}) == 60
    assert sum("cannot be read" in line.message for line in caplog.records) == 4


@pytest.mark.parametrize("answer", [b"{}", b"no json", b'[7, {"id": 3}, {"id": "a/b"}]', b"[]"])
async def test_p10_a_list_that_is_none_forgets_nobody_and_stops_nothing(
    answer: bytes, polled: tuple[HistoryServer, Poller]
) -> None:
    server, poller = polled
    server.list_instead = answer
    assert await poller.look() == []
    server.list_instead = None
    server.jobs["j"].append(record(2))

    assert len(await poller.look()) == 1


async def test_p10_a_record_that_cannot_be_read_is_lost_and_the_others_are_told(
    polled: tuple[HistoryServer, Poller],
) -> None:
    server, poller = polled
    server.jobs["j"] += [{"message": "?"}, record(2)]

    events = [event for _ in range(4) for event in await poller.look()]

    assert [event["type"] for event in events] == [
        "tocsin.attempt.succeeded",
        "tocsin.history.lost",
    ]


async def test_of_several_processes_one_looks(tmp_path: Path) -> None:
    server = HistoryServer({"j": []})
    async with polled_database(tmp_path) as database:
        clock = FakeClock()
        pollers = [build_poller(database, server, clock) for _ in range(3)]
        await pollers[0].look()
        server.jobs["j"].append(record(1))
        server.requests.clear()
        await clock.advance(MINUTE)

        for poller in pollers:
            await poller.polling.run_once()

        assert len(server.requests) == 2
        assert len(await pollers[0].told()) == 1


async def test_a_look_that_takes_too_long_stops_and_the_next_goes_on(
    polled: tuple[HistoryServer, Poller], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    server, poller = polled
    for number in range(20):
        server.jobs[f"slow{number}"] = [record(1)]
    server.clock, server.takes = poller.clock, timedelta(seconds=30)

    looks = [len(await poller.look()) for _ in range(6)]

    assert sum(looks) == 20
    assert 0 < looks[0] < 20
    assert caplog.records == []
