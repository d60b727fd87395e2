import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network
from urllib.parse import unquote

import pytest
from aiohttp import web
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook

from shared.clock import SystemClock
from shared.events.sink import Delivered, Destination, Mode, NotDelivered, SinkType
from shared.events.sinks.webhook import Webhooks, WebhookSink
from shared.events.webhook_signature import secret_of
from shared.outbound.guard import AddressGuard
from tests.contracts.event_sink import (
    BUSY_FOR,
    EVENT,
    Behaviour,
    RespondingSinkContract,
    send_one,
)
from tests.shared.events.receiver import Delivery, HungUp, Receiver, listening

KEY = bytes(range(32))
LOOPBACK = AddressGuard([IPv4Network("127.0.0.0/8")])


ANSWERS: dict[Behaviour, Callable[[], web.StreamResponse | None]] = {
    Behaviour.TAKE: lambda: web.Response(status=204),
    Behaviour.REFUSE: lambda: web.Response(status=500, text="broken"),
    Behaviour.BUSY: lambda: web.Response(
        status=503, headers={"Retry-After": f"{BUSY_FOR.total_seconds():.0f}"}
    ),
    Behaviour.GONE: lambda: web.Response(status=410),
    Behaviour.HANG_UP: lambda: HungUp(),
    Behaviour.STAY_SILENT: lambda: None,
}


@dataclass
class DestinedWebhook:
    receiver: Receiver
    sink: WebhookSink

    @property
    def received(self) -> list[tuple[str, bytes]]:
        return [(one.headers["webhook-id"], structured(one)) for one in self.receiver.deliveries]

    def behave(self, behaviour: Behaviour) -> None:
        self.receiver.respond = lambda _: ANSWERS[behaviour]()


def structured(delivery: Delivery) -> bytes:
    """Return the event in a delivery, put together again where it is in binary mode."""
    if delivery.headers["content-type"] == "application/cloudevents+json":
        return delivery.body
    attributes = {
        name.removeprefix("ce-"): unquote(value)
        for name, value in delivery.headers.items()
        if name.startswith("ce-")
    }
    return json.dumps({**attributes, "data": json.loads(delivery.body)}).encode()


def destination(url: str, mode: Mode = Mode.STRUCTURED) -> Destination:
    return Destination(
        type=SinkType.WEBHOOK, settings={"url": url}, mode=mode, secrets=(secret_of(KEY),)
    )


@asynccontextmanager
async def destined_webhook(
    guard: AddressGuard = LOOPBACK, *, seconds: float = 0.5, mode: Mode = Mode.STRUCTURED
) -> AsyncIterator[DestinedWebhook]:
    webhooks = Webhooks(guard, SystemClock(), timeout=timedelta(seconds=seconds))
    async with listening() as receiver:
        yield DestinedWebhook(receiver, webhooks.open(destination(receiver.url, mode)))
        await webhooks.close()


@pytest.fixture
async def destined() -> AsyncIterator[DestinedWebhook]:
    async with destined_webhook(seconds=15) as opened:
        yield opened


class TestWebhookSink(RespondingSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedWebhook]:
        return destined_webhook()


class TestWebhookSinkInBinaryMode(RespondingSinkContract):
    def open(self) -> AbstractAsyncContextManager[DestinedWebhook]:
        return destined_webhook(mode=Mode.BINARY)


async def test_the_standard_library_of_the_field_verifies_what_we_send(
    destined: DestinedWebhook,
) -> None:
    await send_one(destined.sink, "e1", EVENT)

    sent = destined.receiver.deliveries[0]
    verified = Webhook(secret_of(KEY)).verify(sent.body, sent.headers)
    assert verified == json.loads(EVENT)
    assert sent.headers["content-type"] == "application/cloudevents+json"


async def test_an_id_in_another_script_is_verified_whatever_a_server_takes_headers_for(
    destined: DestinedWebhook,
) -> None:
    await send_one(destined.sink, "queue/größe/☾/rejected", EVENT)

    sent = destined.receiver.deliveries[0]
    assert sent.headers["webhook-id"] == "queue/gr%C3%B6%C3%9Fe/%E2%98%BE/rejected"
    assert Webhook(secret_of(KEY)).verify(sent.body, sent.headers) == json.loads(EVENT)


async def test_in_binary_mode_the_data_is_signed_and_read_by_the_library_of_the_field() -> None:
    async with destined_webhook(mode=Mode.BINARY) as destined:
        await send_one(destined.sink, "e1", EVENT)

        sent = destined.receiver.deliveries[0]
        assert Webhook(secret_of(KEY)).verify(sent.body, sent.headers) == {"name": "caf\u00e9"}
        event = from_http_event(HTTPMessage(sent.headers, sent.body))
        assert (event.get_id(), event.get_source(), event.get_type()) == ("e1", "/s", "t")
        assert event.get_data() == {"name": "caf\u00e9"}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_delivered(destined: DestinedWebhook, status: int) -> None:
    destined.receiver.respond = lambda _: web.Response(status=status)

    assert await send_one(destined.sink, "e1", EVENT) == Delivered()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 500])
async def test_anything_else_is_a_failure_and_no_redirect_is_followed(
    destined: DestinedWebhook, status: int
) -> None:
    location = {"Location": destined.receiver.url}
    destined.receiver.respond = lambda _: web.Response(status=status, headers=location)

    outcome = await send_one(destined.sink, "e1", EVENT)

    assert outcome == NotDelivered(f"HTTP {status}")
    assert len(destined.receiver.deliveries) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(destined: DestinedWebhook, status: int) -> None:
    asked = {"Retry-After": "120"}
    destined.receiver.respond = lambda _: web.Response(status=status, headers=asked)

    outcome = await send_one(destined.sink, "e1", EVENT)

    assert outcome == NotDelivered(f"HTTP {status}", timedelta(minutes=2))


async def test_retry_after_of_other_failures_means_nothing(destined: DestinedWebhook) -> None:
    destined.receiver.respond = lambda _: web.Response(status=500, headers={"Retry-After": "120"})

    assert await send_one(destined.sink, "e1", EVENT) == NotDelivered("HTTP 500")


async def test_p9_a_webhook_on_a_private_address_is_not_dialled() -> None:
    async with destined_webhook(AddressGuard()) as destined:
        outcome = await send_one(destined.sink, "e1", EVENT)

        assert outcome == NotDelivered("address 127.0.0.1 is not allowed")
        assert destined.receiver.deliveries == []


async def test_p8_a_reason_holds_neither_query_nor_key(destined: DestinedWebhook) -> None:
    destined.behave(Behaviour.HANG_UP)

    outcome = await send_one(destined.sink, "e1", EVENT)

    assert isinstance(outcome, NotDelivered)
    assert "s3cret" not in outcome.reason
