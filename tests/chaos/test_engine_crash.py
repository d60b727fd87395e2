"""One process is struck at every point of its life in turn, in every way; the next one brings everything to its end."""

import itertools
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shared.scheduler.action import Attempt
from shared.sql.inline import InlineDatabase
from shared.wire.json_types import Json, JsonObject
from tests.chaos.changes import Change, deletion
from tests.chaos.ledger import Ledger, check
from tests.chaos.process import Life, Target
from tests.chaos.simulation import Simulation, Way
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import build_stack, migrated
from tests.shared.scheduler.running import EVERY_MINUTE, FIRST_AT, action

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A job, how its target answers, what callers do meanwhile, and how job and executions may end.

    The state is None when the job is gone then; nothing but a zombie calls the target after `is_gone_at`.
    """

    job: dict[str, Json]
    fails: Callable[[Attempt], bool] = lambda _: False
    polls: int = 0
    changes: Callable[[], list[tuple[timedelta, Change]]] = list
    state: str | None = "completed"
    outcomes: Collection[tuple[str, ...]] = (("succeeded",),)
    is_gone_at: timedelta | None = None


def once(does: JsonObject) -> dict[str, Json]:
    return {"startTime": FIRST_AT, "action": does}


def recurring(does: JsonObject, *, count: int = 3) -> dict[str, Json]:
    return {**once(does), "recurrence": {**EVERY_MINUTE, "count": count}}


SCENARIOS = {
    "success": Scenario(once(action())),
    "retry": Scenario(
        once(action(retries=1, every="00:00:20")), lambda attempt: attempt.number == 1
    ),
    "error action": Scenario(
        once(action(retries=1, every="00:00:20", has_error_action=True)),
        lambda _: True,
        state="faulted",
        outcomes=[("failed",)],
    ),
    "overlap": Scenario(
        recurring(action(retries=1, every="00:01:30")),
        lambda attempt: attempt.number == 1 and attempt.expected_time.minute == 1,
        outcomes=[("succeeded",) * 3],
    ),
    "polls": Scenario(
        # Two, as each attempt polls: the points grow with their number, and so does the way to each.
        recurring(action(retries=1, every="00:00:20"), count=2),
        lambda attempt: attempt.number == 1,
        polls=2,
        outcomes=[("succeeded",) * 2],
    ),
    "deletion of what polls": Scenario(
        once(action(retries=1, every="00:00:40")),
        polls=2,
        changes=lambda: [(130 * SECOND, deletion("J"))],
        state=None,
        outcomes=[("failed",), ()],
        is_gone_at=130 * SECOND,
    ),
    "deletion": Scenario(
        once(action(retries=1, every="00:00:40")),
        lambda _: True,
        changes=lambda: [(80 * SECOND, deletion("J"))],
        state=None,
        outcomes=[("failed",), ()],
        is_gone_at=80 * SECOND,
    ),
    "drift": Scenario(
        {"action": action(), "recurrence": {**EVERY_MINUTE, "count": 3}},
        outcomes=[("succeeded",) * 3],
    ),
}


@pytest.fixture(params=SCENARIOS)
async def prepared(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Scenario, Path]:
    """A scenario with its job in a file."""
    scenario = SCENARIOS[request.param]
    path = migrated(tmp_path)
    database = InlineDatabase(path)
    stack = build_stack(database, FakeClock())
    await stack.prepare()
    await stack.put("J", **scenario.job)
    await stack.broker.close()
    await database.close()
    return scenario, path


@pytest.mark.parametrize("way", [Way.OWNER, Way.NEIGHBOUR])
async def test_p5_p7_killed_anywhere_everything_ends_once(
    prepared: tuple[Scenario, Path], way: Way
) -> None:
    scenario, path = prepared
    point = 0
    while await struck_at(point, scenario, path, way):
        point += 1

    assert point >= 17


@pytest.mark.parametrize("way", [Way.PAUSE, Way.ABSENCE])
async def test_p5_p7_frozen_anywhere_everything_ends_once(
    prepared: tuple[Scenario, Path], way: Way, stride: int
) -> None:
    """What a process does that comes back is too late, or still its own to do."""
    scenario, path = prepared
    point = 0
    while await struck_at(point, scenario, path, way):
        point += stride

    assert point >= 17


async def struck_at(point: int, scenario: Scenario, path: Path, way: Way) -> bool:
    """Run with a strike at `point`, and check; whether the run got there."""
    with TemporaryDirectory() as folder:
        copy = shutil.copy(path, folder)
        simulation = Simulation(
            Path(copy), Target(scenario.fails, polls=scenario.polls), way, scenario.changes()
        )
        lives = itertools.chain([Life(strikes_at=point)], iter(Life, None))
        ledger = await simulation.run(lives)
    check(ledger)
    check_outcome(ledger, scenario)
    return simulation.strikes == 1


def check_outcome(ledger: Ledger, scenario: Scenario) -> None:
    assert [job["state"] for job in ledger.jobs] == ([scenario.state] if scenario.state else [])
    ended = [row["state"] for row in ledger.executions if row["state"] != "skipped"]
    assert tuple(ended) in scenario.outcomes
    if scenario.is_gone_at is not None and not ledger.has_zombies:
        assert all(one.at <= START + scenario.is_gone_at for one in ledger.reached)
