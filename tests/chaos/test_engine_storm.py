"""Several jobs at once, changed while they run, in processes that are struck again and again, by chance.

A round that fails is repeated by its seed: `make chaos SEED=... ROUNDS=1`.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

from shared.scheduler.action import Attempt
from shared.sql.inline import InlineDatabase
from shared.wire.json_types import Json, JsonObject
from shared.wire.times import format_instant
from tests.chaos.changes import Change, amend, deletion, patch, put, run
from tests.chaos.ledger import check
from tests.chaos.process import Life, Target
from tests.chaos.simulation import Simulation, Way
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import build_stack, migrated
from tests.shared.scheduler.running import EVERY_MINUTE, action

SECOND = timedelta(seconds=1)
STRIKES = 3
"""A fourth one could lose an attempt for good."""


def job(random: Random) -> dict[str, Json]:
    """Return a job that comes to its end, and soon."""
    members: dict[str, Json] = {
        "action": action(
            retries=random.randrange(3),
            every=f"00:00:{random.choice((15, 20, 40))}",
            has_error_action=random.random() < 0.3,
        )
    }
    starts_after = random.randrange(-150, 150, 10) * SECOND
    if random.random() < 0.7:
        members["startTime"] = format_instant(START + starts_after)
    if random.random() < 0.7:
        recurrence: JsonObject = {**EVERY_MINUTE, "count": random.randint(1, 4)}
        if random.random() < 0.3:
            recurrence["endTime"] = format_instant(START + 200 * SECOND)
        members["recurrence"] = recurrence
    return members


def changes(random: Random, names: list[str]) -> Iterator[tuple[timedelta, Change]]:
    for number in range(random.randrange(5)):
        name, at = random.choice(names), random.randrange(0, 400, 10) * SECOND
        match random.randrange(6):
            case 0:
                yield at, deletion(name)
            case 1:
                yield at, put(name, **job(random))
            case 2:
                yield at, amend(name, action=action(retries=1))
            case 3:
                yield at, patch(name, state="disabled")
                yield at + random.randrange(10, 100, 10) * SECOND, patch(name, state="enabled")
            case _:
                yield at, run(name, f"request {number}")


def target(random: Random) -> Target:
    """An attempt that is repeated takes as long and is answered as it was before."""
    seed = random.random()

    def chance(attempt: Attempt) -> Random:
        return Random(f"{seed}/{attempt.execution_id}/{attempt.number}")

    return Target(
        fails=lambda attempt: chance(attempt).random() < 0.5,
        takes=lambda attempt: chance(attempt).randrange(-60, 60, 10) * SECOND,
        places=random.choice((1, 2, 1000)),
    )


def lives(random: Random) -> Iterator[Life]:
    for _ in range(random.randint(1, STRIKES)):
        pauses = Random(random.random())
        yield Life(
            strikes_at=random.randrange(150),
            lets_others_run=partial(pauses.randrange, 3),
        )
    while True:
        yield Life()


async def test_p5_p7_struck_by_chance_everything_ends_once(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    path = migrated(tmp_path)
    database = InlineDatabase(path)
    stack = build_stack(database, FakeClock())
    await stack.prepare()
    names = [f"J{number}" for number in range(random.randint(1, 5))]
    for name in names:
        await stack.put(name, **job(random))
    await stack.broker.close()
    await database.close()
    simulation = Simulation(
        path,
        target(random),
        random.choice(list(Way)),
        sorted(changes(random, names), key=lambda change: change[0]),
        horizon=random.choice((0, 90)) * SECOND,
    )

    ledger = await simulation.run(lives(random))

    check(ledger)
