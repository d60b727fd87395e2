"""What acceptance and execution promise when two processes do them over one database."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.client.memory import MemorySchedulerClient
from shared.connector.operations import NewOperation, Operation
from shared.connector.store import Acceptance, Started
from shared.errors import ConflictError, LeaseLostError
from shared.messaging.entities import OPERATIONS
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Nothing
from tests.contracts.operation_store_steps import COLLECTION, JOB, SUCCEEDED, new
from tests.contracts.scheduler_client import server_app
from tests.postgresql.rivals import in_turn, rival_connectors
from tests.shared.connector.world import World

ROUNDS = 20
PATHS = (
    JOB,
    COLLECTION,
    "/cloudservices/cs1/",
    "/cloudservices/cs1/jobcollections/jc1/jobs/b/",
    "/cloudservices/cs2/jobcollections/jc1/jobs/a/",
    "/providers/scheduler/",
    "/cloudservices/",
)


@pytest.fixture
async def worlds(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[World]]:
    async with rival_connectors(
        postgres_url, tmp_path, MemorySchedulerClient(server_app)
    ) as worlds:
        yield worlds


async def accept(
    world: World, *operations: NewOperation, key: str | None = None, fingerprint: str = "f"
) -> list[Operation]:
    acceptance = Acceptance(
        operations=operations,
        caller="key",
        key=key,
        fingerprint=fingerprint,
        now=world.clock.now(),
    )
    return await world.store.accept(acceptance)


async def test_p4_one_key_at_one_instant_is_one_operation(worlds: list[World]) -> None:
    now = worlds[0].clock.now()
    for number in range(ROUNDS):
        answers = await asyncio.gather(
            *(
                accept(world, new(f"{number}-{place}", JOB, now), key=f"k{number}")
                for place, world in enumerate(worlds)
            )
        )
        assert answers[0][0].id == answers[1][0].id

    assert await worlds[0].rows("SELECT count(*) FROM operation") == [(ROUNDS,)]


async def test_p4_one_key_for_two_requests_at_one_instant_is_a_conflict_for_one(
    worlds: list[World],
) -> None:
    now = worlds[0].clock.now()
    for number in range(ROUNDS):
        answers = await asyncio.gather(
            *(
                accept(
                    world, new(f"{number}-{path}", path, now), key=f"k{number}", fingerprint=path
                )
                for world, path in zip(
                    worlds, ("/cloudservices/a/", "/cloudservices/b/"), strict=True
                )
            ),
            return_exceptions=True,
        )
        assert sorted(type(one) is ConflictError for one in answers) == [False, True]


async def test_p2_one_wake_up_is_followed_once_and_only_its_holder_ends_it(
    worlds: list[World],
) -> None:
    now = worlds[0].clock.now()
    for number in range(ROUNDS):
        await accept(worlds[0], new(f"o{number}", f"/cloudservices/c{number}/", now))
        started = await asyncio.gather(
            *(world.store.start(WakeUp(f"o{number}", 0), now=now) for world in worlds)
        )
        (mine,) = [one for one in started if isinstance(one, Started)]
        assert [one for one in started if one is not mine] == [Nothing()]
        ends = await asyncio.gather(
            *(world.store.record(mine.lease, SUCCEEDED, now=now) for world in worlds),
            return_exceptions=True,
        )
        assert [type(one) for one in ends if isinstance(one, Exception)] == [LeaseLostError]

    assert await worlds[0].rows("SELECT count(*) FROM event") == [(ROUNDS,)]


class Ledger:
    """What two processes accepted, began and ended, each in its order."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        self.accepted: dict[str, str] = {}
        self.began: list[str] = []
        self.ended: set[str] = set()

    async def accept_some(self, world: World, name: str) -> None:
        for number in range(15):
            paths = self._chance.choices(PATHS, k=self._chance.randint(1, 3))
            group = [
                new(f"{name}{number}-{place}", path, world.clock.now())
                for place, path in enumerate(paths)
            ]
            self.accepted.update({one.operation.id: one.follows for one in group})
            await accept(world, *group)

    async def work(self, world: World, producing: "asyncio.Future[list[None]]") -> None:
        receiver, now = world.broker.receiver(OPERATIONS), world.clock.now()
        while not (producing.done() and len(self.ended) == len(self.accepted)):
            received = await receiver.receive(max_messages=1, max_wait=timedelta())
            if not received:
                await world.database.run(lambda _: None)
                continue
            wake_up = WakeUp.decode(received[0].message.body)
            started = await world.store.start(wake_up, now=now)
            assert isinstance(started, Started)
            self.began.append(wake_up.id)
            await world.store.record(started.lease, SUCCEEDED, now=now)
            self.ended.add(wake_up.id)
            await receiver.complete(received[0])

    def overtakers(self, order: dict[str, int]) -> list[tuple[str, str]]:
        """Return what began before something that was accepted earlier and concerns it."""
        return [
            (early, late)
            for place, early in enumerate(self.began)
            for late in self.began[place + 1 :]
            if order[late] < order[early] and concern(self.accepted[late], self.accepted[early])
        ]


async def test_p3_nothing_overtakes_what_it_follows_and_nothing_is_left_waiting(
    worlds: list[World],
) -> None:
    ledger = Ledger()
    producing = asyncio.gather(
        *(
            ledger.accept_some(world, name)
            for world, name in zip(in_turn(worlds), "abcd", strict=False)
        )
    )
    async with asyncio.timeout(60):
        working = (ledger.work(world, producing) for world in worlds for _ in range(2))
        await asyncio.gather(producing, *working)

    rows = await worlds[0].rows("SELECT id, number, waits_for, status FROM operation")
    assert {(row[2], row[3]) for row in rows} == {(0, "Succeeded")}
    assert ledger.overtakers({row[0]: row[1] for row in rows}) == []
    assert await worlds[0].rows("SELECT count(*) FROM operation_waiting") == [(0,)]


def concern(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


async def test_p3_acceptance_and_end_at_one_instant_leave_nothing_parked(
    worlds: list[World],
) -> None:
    first, second = worlds
    now = first.clock.now()
    for number in range(2 * ROUNDS):
        path = f"/cloudservices/c{number}/"
        await accept(first, new(f"a{number}", path, now))
        started = await first.store.start(WakeUp(f"a{number}", 0), now=now)
        assert isinstance(started, Started)

        await asyncio.gather(
            first.store.record(started.lease, SUCCEEDED, now=now),
            accept(second, new(f"b{number}", path, now)),
        )

        ((waits_for, due_at),) = await first.rows(
            f"SELECT waits_for, due_at FROM operation WHERE id = 'b{number}'"
        )
        assert waits_for == 0
        assert due_at is not None


async def test_p2_sweeps_at_one_instant_release_all_that_waits(worlds: list[World]) -> None:
    first, second = worlds
    now = first.clock.now()
    readers = [new(f"r{number}", JOB, now, is_read=True) for number in range(450)]
    await accept(first, new("a", JOB, now))
    for place in range(0, 450, 50):
        await accept(first, *readers[place : place + 50])
    started = await first.store.start(WakeUp("a", 0), now=now)
    assert isinstance(started, Started)

    recording = asyncio.ensure_future(first.store.record(started.lease, SUCCEEDED, now=now))
    while not recording.done():
        await second.store.sweep(now=now)
    await recording

    assert await first.rows("SELECT count(*) FROM operation WHERE waits_for > 0") == [(0,)]
    assert await first.rows("SELECT releasing_since FROM operation WHERE id = 'a'") == [(None,)]
