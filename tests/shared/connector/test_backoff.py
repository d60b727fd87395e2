"""How long the next step is waited for, and an hour in which nothing goes."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.scheduler import RestRequest, RestResponse
from shared.connector.backoff import LONGEST, LONGEST_POLL, back_off, poll_delay
from shared.connector.operations import OperationStatus
from shared.errors import TransientError
from shared.wire.errors import rdfe_error
from tests.shared.connector.servers import answer
from tests.shared.connector.world import JC, message, opened, put_job

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(failures=st.integers(0, 10**9), chance=st.floats(0, 1))
def test_wait_is_spread_over_half_of_itself(failures: int, chance: float) -> None:
    wait = back_off(failures, chance=chance)
    longest = back_off(failures, chance=1)

    assert longest / 2 <= wait <= longest <= LONGEST


@given(polls=st.integers(0, 10**9))
def test_polls_never_come_closer_together(polls: int) -> None:
    assert poll_delay(polls) <= poll_delay(polls + 1) <= LONGEST_POLL


class Outage:
    """A Scheduler that is away for an hour, and then does everything."""

    def __init__(self, trouble: RestResponse | Exception) -> None:
        self.trouble: RestResponse | Exception | None = trouble
        self.calls = 0
        self.done: dict[str, list[str]] = defaultdict(list)

    async def send(self, request: RestRequest, *, within: timedelta) -> RestResponse:
        self.calls += 1
        if isinstance(self.trouble, Exception):
            raise self.trouble
        if self.trouble is not None:
            return self.trouble
        resource = request.target.partition("?")[0].rpartition("/")[2]
        self.done[resource].append(request.headers["Repeatability-Request-ID"])
        return answer(200, b"{}")

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "trouble",
    [
        TransientError("no connection"),
        answer(503, rdfe_error("ServerBusy", "later"), retry_after="30"),
        answer(403, rdfe_error("AuthenticationFailed", "unknown certificate")),
    ],
    ids=["unreachable", "busy", "refusing"],
)
async def test_p3_outage_of_an_hour_costs_no_delivery_and_fails_nothing(
    tmp_path: Path, trouble: RestResponse | Exception
) -> None:
    scheduler = Outage(trouble)
    async with opened(tmp_path, scheduler) as world:
        operations = []
        for number in range(8):
            job = f"{JC}/jobs/{number % 2}"
            change = message("DeleteJob", job) if number >= 4 else put_job(str(number % 2))
            operations += await world.accept(change)
        await world.run(timedelta(hours=1))
        calls_during_it = scheduler.calls

        scheduler.trouble = None
        await world.run()
        ended = [await world.operation(one) for one in operations]
        events = await world.events()

    assert {one.status for one in ended} == {OperationStatus.SUCCEEDED}
    assert set(world.deliveries) == {1}
    # Two resources have one operation each that is under way.
    assert 50 <= calls_during_it <= 2 * 130
    assert [len(events), len({event["id"] for event in events})] == [8, 8]
    for number, resource in enumerate("01"):
        assert scheduler.done[resource] == [one.id for one in operations[number::2]]
