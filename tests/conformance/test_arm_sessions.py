"""Sessions that clients of .NET, PowerShell and Python had with the real service through ARM, had again with ours."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.wire.times import parse_instant
from tests.clocks import FakeClock
from tests.conformance.arm_world import seed
from tests.conformance.comparing import Difference, Mismatch, plain
from tests.conformance.recordings import RECORDED, Exchange, load
from tests.conformance.replay import Replay
from tests.shared.scheduler.scheduler_stack import Stack, open_stack

FOLDER = RECORDED / "arm"
SESSIONS = {str(path.relative_to(FOLDER)): load(path) for path in sorted(FOLDER.rglob("*.json"))}
BURSTS_SINCE = datetime(2016, 3, 30, tzinfo=UTC)
STATUS_MEMBER = re.compile(r"\$(\.value\[\d+\])?\.properties\.status\.nextExecutionTime")
RECORD_ID = re.compile(r"\$\.value\[\d+\]\.(id|name)")
RECORD_TIME = re.compile(r"\$\.value\[\d+\]\.properties\.\w+Time")
# Of the instant that begins a key the last digit is one that we do not keep.
KEY_END = re.compile(r"\d:\d{20}$")


def is_done_sooner(recorded: Exchange, mismatch: Mismatch) -> bool:
    is_result = "/operationresults/" in recorded.target
    return is_result and (mismatch.where, mismatch.recorded, mismatch.ours) == ("status", 202, 200)


def has_no_id(recorded: Exchange, mismatch: Mismatch) -> bool:
    is_id = mismatch.where == "header x-ms-request-id"
    return is_id and set(plain(str(mismatch.recorded))) == {"0"}


def is_secret(recorded: Exchange, mismatch: Mismatch) -> bool:
    return mismatch.where.endswith(".queueMessage.sasToken") and mismatch.ours is None


def is_soon_after_now(recorded: Exchange, mismatch: Mismatch) -> bool:
    if STATUS_MEMBER.fullmatch(mismatch.where) is None:
        return False
    theirs, ours = parse_instant(str(mismatch.recorded)), parse_instant(str(mismatch.ours))
    return abs(theirs - ours) < timedelta(seconds=2)


def is_scrubbed(recorded: Exchange, mismatch: Mismatch) -> bool:
    is_scrubber = recorded.headers["user-agent"].startswith("python")
    return is_scrubber and mismatch.where == "$.id"


def is_not_counted_yet(recorded: Exchange, mismatch: Mismatch) -> bool:
    is_burst = mismatch.where.startswith("header x-ms-ratelimit-burst-")
    return is_burst and mismatch.recorded is None and recorded.date < BURSTS_SINCE


def is_key_of_a_record(recorded: Exchange, mismatch: Mismatch) -> bool:
    if "/history?" not in recorded.target or RECORD_ID.fullmatch(mismatch.where) is None:
        return False
    theirs, ours = (KEY_END.split(str(one)) for one in (mismatch.recorded, mismatch.ours))
    return len(theirs) == len(ours) == 2 and theirs[0].split("/")[-1] == ours[0].split("/")[-1]


def is_a_tick_of_a_record(recorded: Exchange, mismatch: Mismatch) -> bool:
    if "/history?" not in recorded.target or RECORD_TIME.fullmatch(mismatch.where) is None:
        return False
    return parse_instant(str(mismatch.recorded)) == parse_instant(str(mismatch.ours))


SOONER = Difference("what was deleted is gone sooner", is_done_sooner)
NO_ID = Difference("the recorder blanked the request id", has_no_id)
SECRET = Difference("a sasToken is a secret, as from December 2015 on", is_secret)
SOON = Difference("20 s after now, which the recorded date has in seconds", is_soon_after_now)
SCRUBBED = Difference("the recorder put another subscription into the URI", is_scrubbed)
BURSTS = Difference("bursts are told of whatever the year", is_not_counted_yet)
KEYS = Difference("the key of a record has a sequence of our own", is_key_of_a_record)
TICKS = Difference("records are kept to the microsecond", is_a_tick_of_a_record)
DIFFERENCES = (SOONER, NO_ID, SECRET, SOON, SCRUBBED, BURSTS, KEYS, TICKS)
NEEDED = {
    "arm-dotnet-sdk/2015-07-23/Scenario_JobCreateHttpJobWithBasicAuth.json": (
        NO_ID,
        SECRET,
        BURSTS,
    ),
    "arm-dotnet-sdk/2015-07-23/Scenario_JobList.json": (NO_ID, SOON, BURSTS),
    "arm-dotnet-sdk/2015-07-23/Scenario_JobHistoryList.json": (BURSTS, KEYS, TICKS),
    "arm-dotnet-sdk/2016-03-31/Scenario_JobHistoryList.json": (KEYS, TICKS),
    "arm-dotnet-sdk/2016-03-31/Scenario_JobList.json": (SOON,),
    "arm-powershell/2016-07-29/TestUpdateHttpJob.json": (SOONER, SOON),
    "arm-python/2016-02-18/test_mgmt_scheduler.test_scheduler.json": (SCRUBBED, BURSTS),
}


@pytest.fixture
def session(request: pytest.FixtureRequest) -> list[Exchange]:
    return SESSIONS[request.param]


@pytest.fixture
async def stack(tmp_path: Path, session: list[Exchange]) -> AsyncIterator[Stack]:
    began = session[0].date - timedelta(minutes=1)
    # Ids that cannot be taken for the subscription's.
    async with open_stack(tmp_path, FakeClock(began), ids=1_000_000) as opened:
        await seed(opened, session)
        yield opened


@pytest.fixture
def replay(stack: Stack, session: list[Exchange]) -> Replay:
    return Replay(
        stack,
        subscription=session[0].target.split("/")[2],
        differences=DIFFERENCES,
        headers={"authorization": f"Bearer {stack.token}", "host": "management.azure.com"},
    )


@pytest.mark.parametrize("session", SESSIONS, indirect=True)
async def test_a_recorded_session_is_answered_as_it_was(
    replay: Replay, session: list[Exchange]
) -> None:
    assert await replay.play(session) == []


@pytest.mark.parametrize(
    ("session", "needed"), NEEDED.items(), indirect=["session"], ids=list(NEEDED)
)
async def test_only_these_differences_are_needed(
    replay: Replay, session: list[Exchange], needed: tuple[Difference, ...]
) -> None:
    await replay.play(session)

    assert replay.used == {one.reason for one in needed}


def test_every_difference_is_needed_somewhere() -> None:
    assert {one.reason for needed in NEEDED.values() for one in needed} == {
        one.reason for one in DIFFERENCES
    }
