"""The session that PowerShell had with the real service in June 2014, had again with ours."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree.ElementTree import tostring

import pytest
from defusedxml.ElementTree import fromstring

from shared.wire.xml_elements import NAMESPACE
from tests.clocks import FakeClock
from tests.conformance.differences import FRACTION_OF_NOW
from tests.conformance.recordings import RECORDED, Exchange, load
from tests.conformance.replay import Replay
from tests.shared.scheduler.scheduler_stack import ROOT, Stack, open_stack

RECORDED_SUBSCRIPTION = "db1ab6f0-4769-4b27-930e-01e2ef9c123c"
DIFFERENCES = (FRACTION_OF_NOW,)
# There when the session began, beside those of other providers, which are left out of the lists.
SERVICE = "cs-WestUS-scheduler"
SERVICE_BODY = (
    '<CloudService xmlns="http://schemas.microsoft.com/windowsazure">'
    "<Label>Cloud service created by scheduler powershell</Label>"
    "<Description>Cloud service created by scheduler powershell</Description>"
    "<GeoRegion>West US</GeoRegion></CloudService>"
)


def with_ours_alone(exchange: Exchange) -> Exchange:
    if not exchange.target.endswith("/CloudServices"):
        return exchange
    root = fromstring(exchange.answer)
    for service in list(root):
        if service.findtext(f"{{{NAMESPACE}}}Name") != SERVICE:
            root.remove(service)
    return replace(exchange, answer=tostring(root))


SESSION = [
    with_ours_alone(one)
    for one in load(RECORDED / "classic_powershell" / "TestSchedulerEndToEnd.json")
]


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    began = SESSION[0].date - timedelta(minutes=1)
    async with open_stack(tmp_path, FakeClock(began)) as opened:
        made = await opened.call("PUT", f"{ROOT}/CloudServices/{SERVICE}", SERVICE_BODY)
        assert made.status == 202
        await opened.work()
        yield opened


@pytest.fixture
def replay(stack: Stack) -> Replay:
    return Replay(stack, subscription=RECORDED_SUBSCRIPTION, differences=DIFFERENCES)


async def test_the_session_is_answered_as_it_was(replay: Replay) -> None:
    assert await replay.play(SESSION) == []
    assert replay.used == {one.reason for one in DIFFERENCES}
