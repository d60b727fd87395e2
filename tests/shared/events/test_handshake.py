"""The CloudEvents handshake over a real socket."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from shared.events.event_subscription import EventFilter, EventSubscription
from shared.events.handshake import Handshake, Permission, Refusal
from shared.events.sink import SinkType
from shared.events.status import EventSubscriptionStatus
from shared.outbound.guard import AddressGuard
from shared.outbound.session import OutboundSession
from tests.shared.events.world import GUARD

ORIGIN = "connector.example.org"
AGREED = {"WebHook-Allowed-Origin": ORIGIN}


class Asked:
    """A receiver that answers OPTIONS as it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.requests: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        return web.Response(status=self.status, headers=self.headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Asked]:
    asked = Asked()
    app = web.Application()
    app.router.add_route("OPTIONS", "/hook", asked.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    asked.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield asked
    await runner.cleanup()


async def ask(
    url: str, *, per_second: int | None = None, guard: AddressGuard = GUARD
) -> Permission | Refusal:
    wanted = EventSubscription(
        id="es1",
        sink_type=SinkType.WEBHOOK,
        sink_settings={"url": url, "validation": "cloudevents"},
        filter=EventFilter(),
        rate_per_second=per_second,
        status=EventSubscriptionStatus.PENDING,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    session = OutboundSession(guard)
    try:
        handshake = Handshake(lambda: session, origin=ORIGIN, timeout=timedelta(seconds=5))
        return await handshake.ask(wanted)
    finally:
        await session.close()


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        (AGREED, Permission()),
        ({"WebHook-Allowed-Origin": ORIGIN.upper()}, Permission()),
        ({"webhook-allowed-origin": "*"}, Permission()),
        ({**AGREED, "WebHook-Allowed-Rate": "*"}, Permission()),
        ({**AGREED, "WebHook-Allowed-Rate": "120"}, Permission(120)),
    ],
    ids=str,
)
async def test_who_names_us_agrees(
    receiver: Asked, headers: dict[str, str], answer: Permission
) -> None:
    receiver.headers = headers

    assert await ask(receiver.url) == answer
    (request,) = receiver.requests
    assert request.headers["WebHook-Request-Origin"] == ORIGIN
    assert "WebHook-Request-Rate" not in request.headers


async def test_a_rate_limit_is_asked_for_by_the_minute(receiver: Asked) -> None:
    receiver.headers = AGREED

    await ask(receiver.url, per_second=5)

    assert receiver.requests[0].headers["WebHook-Request-Rate"] == "300"


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (404, AGREED, "the receiver answered OPTIONS with HTTP 404"),
        (302, AGREED, "the receiver answered OPTIONS with HTTP 302"),
        (200, {}, "the receiver's WebHook-Allowed-Origin is missing"),
        (200, {"WebHook-Allowed-Origin": "other.example.org"}, "is 'other.example.org', not"),
        (200, {**AGREED, "WebHook-Allowed-Rate": "0"}, "WebHook-Allowed-Rate is '0'"),
        (200, {**AGREED, "WebHook-Allowed-Rate": "fast"}, "WebHook-Allowed-Rate is 'fast'"),
        (200, {**AGREED, "WebHook-Allowed-Rate": "9" * 5000}, "WebHook-Allowed-Rate is '9"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_p10_any_other_answer_is_a_refusal_with_its_reason(
    receiver: Asked, status: int, headers: dict[str, str], reason: str
) -> None:
    receiver.status, receiver.headers = status, headers

    answer = await ask(receiver.url)

    assert isinstance(answer, Refusal)
    assert reason in answer.reason
    assert len(answer.reason) < 300


async def test_no_answer_is_a_refusal(receiver: Asked) -> None:
    answer = await ask("http://127.0.0.1:1/hook")

    assert isinstance(answer, Refusal)
    assert "could not be asked" in answer.reason


async def test_p9_nobody_is_asked_where_the_guard_does_not_allow_it(receiver: Asked) -> None:
    answer = await ask(receiver.url, guard=AddressGuard())

    assert isinstance(answer, Refusal)
    assert "not allowed" in answer.reason
    assert receiver.requests == []
