import asyncio
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from shared.cli.host_client import NO_HEADERS, Answer, HostClient
from shared.cli.operation_wait import end_text, wait_for, waiting_text
from shared.cli.operations import wait_for_operations
from shared.cli.stack_client import StackClient
from shared.errors import NotFoundError, TransientError
from tests.clocks import FakeClock, settle

Value = TypeVar("Value")


class Operations(HostClient):
    """A host whose operations end after as many looks as their id says, `2` badly; there is none called `none`."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", key="")
        self.looks: list[str] = []

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        name = path.rsplit("/", 1)[-1]
        self.looks.append(name)
        if name == "none":
            return Answer(status=404, headers={}, body="")
        has_ended = self.looks.count(name) >= int(name)
        status = "Running" if not has_ended else "Failed" if name == "2" else "Succeeded"
        document: dict[str, Any] = {
            "id": name,
            "status": status,
            "command": "RunJob",
            "resource": f"/{name}",
        }
        return Answer(status=200, headers={}, body=document)


async def moving(clock: FakeClock, waiting: Coroutine[Any, Any, Value]) -> Value:
    """Let time pass until something has ended."""
    task = asyncio.ensure_future(waiting)
    while not task.done():
        await settle()
        await clock.advance(timedelta(milliseconds=50))
    return task.result()


async def test_operations_are_returned_in_their_order_when_all_have_ended() -> None:
    host, clock = Operations(), FakeClock()
    began = clock.now()

    operations = await moving(clock, wait_for(StackClient(host), ["6", "1", "3"], clock=clock))

    assert [each["id"] for each in operations] == ["6", "1", "3"]
    assert len(host.looks) == 10
    assert 1 <= (clock.now() - began).total_seconds() <= 3  # rarer and rarer, side by side


async def test_when_the_time_is_up_operations_are_returned_as_they_are() -> None:
    host, clock = Operations(), FakeClock()
    began = clock.now()
    within = timedelta(seconds=2)

    operations = await moving(
        clock, wait_for(StackClient(host), ["1", "1000"], clock=clock, within=within)
    )

    assert [each["status"] for each in operations] == ["Succeeded", "Running"]
    assert timedelta(0) <= clock.now() - began - within < timedelta(milliseconds=100)


async def test_no_time_at_all_is_one_look() -> None:
    host = Operations()

    await wait_for(StackClient(host), ["2", "1"], clock=FakeClock(), within=timedelta(0))

    assert host.looks == ["2", "1"]


@pytest.mark.parametrize(
    ("ids", "code", "said"),
    [
        (("1", "3"), 0, []),
        (("1", "2"), 1, ["tocsin: RunJob /2: Failed"]),
        (("1", "99"), 3, ["tocsin: RunJob /99: Running when the time was up; it goes on"]),
        (
            ("99", "2"),
            1,
            [
                "tocsin: RunJob /2: Failed",
                "tocsin: RunJob /99: Running when the time was up; it goes on",
            ],
        ),
    ],
)
async def test_the_exit_code_tells_failure_before_time(
    ids: tuple[str, ...], code: int, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    client, clock, within = StackClient(Operations()), FakeClock(), timedelta(seconds=1)
    waiting = wait_for_operations(client, ids, within=within, as_json=True, clock=clock)

    assert await moving(clock, waiting) == code
    assert capsys.readouterr().err.splitlines() == said


@pytest.mark.parametrize(
    ("number", "within", "text"),
    [
        (1, None, "waiting for 1 operation"),
        (2, timedelta(minutes=5), "waiting for 2 operations, 5m at most"),
    ],
)
def test_progress_tells_how_long_it_may_take(
    number: int, within: timedelta | None, text: str
) -> None:
    assert waiting_text(number, within) == text


async def test_one_that_is_not_there_ends_the_wait() -> None:
    with pytest.raises(NotFoundError):
        await wait_for(StackClient(Operations()), ["none"], clock=FakeClock())


def test_an_end_is_told_in_a_line() -> None:
    operation = {
        "command": "RunJob",
        "resource": "/cloudservices/a",
        "status": "Failed",
        "error": {"code": "Conflict", "message": "is\ncompleted"},
    }

    assert end_text(operation) == r"RunJob /cloudservices/a: Failed: Conflict: is\ncompleted"


async def test_stack_that_gives_no_answer_is_waited_for_no_longer_than_asked() -> None:
    async with await asyncio.start_server(keep_silent, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with HostClient(url, key="") as host:
            waiting = wait_for(
                StackClient(host), ["1"], clock=FakeClock(), within=timedelta(seconds=6)
            )
            with pytest.raises(TransientError, match="no answer before the time was up"):
                await asyncio.wait_for(waiting, 20)


async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
