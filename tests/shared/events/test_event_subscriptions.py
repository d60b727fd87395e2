import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.errors import AuthenticationError, InvalidRequestError, NotFoundError
from shared.events.sinks.webhook import Webhooks
from shared.events.webhook_signature import key_of, verify
from tests.clocks import START
from tests.shared.events.memory_sink import MemorySink
from tests.shared.events.receiver import Delivery, listening
from tests.shared.events.world import GUARD, KEY, World, an_event, opened

QUEUE_SQS = {"type": "sqs", "queueUrl": "https://sqs.eu-central-1.amazonaws.com/123456789012/a"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def body(*, sink: Any = None, **members: Any) -> bytes:
    wanted = {"type": "webhook", "url": "https://example.org/hook", **(sink or {})}
    return json.dumps({"sink": wanted, **members}).encode()


async def test_a_secret_that_was_made_is_shown_once(world: World) -> None:
    created = await world.event_subscriptions.create(body(), caller="key")

    shown = created.to_json()["sink"]
    assert isinstance(shown, dict)
    assert key_of(str(shown["secret"])) == KEY
    assert "secret" not in str((await world.event_subscriptions.get(created.id)).to_json())
    assert "secret" not in str([one.to_json() for one in await world.event_subscriptions.list()])


async def test_p8_a_secret_that_was_given_is_never_shown_and_sealed_at_rest(world: World) -> None:
    created = await world.event_subscriptions.create(body(sink={"secret": SECRET}), caller="key")

    assert SECRET not in f"{created.to_json()} {created!r}"
    assert SECRET not in str(await world.rows("SELECT * FROM event_subscription"))


async def test_p8_a_secret_that_was_made_is_not_in_a_repr(world: World) -> None:
    created = await world.event_subscriptions.create(body(), caller="key")

    assert created.new_secret
    assert created.new_secret not in repr(created)


async def test_what_was_created_is_got_and_listed_oldest_first(world: World) -> None:
    filters = {"types": ["tocsin.operation.*"], "subjectPrefix": "/cloudservices/cs1"}
    first = await world.event_subscriptions.create(body(filter=filters), caller="key")
    world.clock.set(world.clock.now() + timedelta(seconds=1))
    second = await world.event_subscriptions.create(body(), caller="key")

    got = await world.event_subscriptions.get(first.id)

    assert got.to_json() == {
        "id": first.id,
        "sink": {"type": "webhook", "url": "https://example.org/hook", "validation": "none"},
        "filter": filters,
        "mode": "structured",
        "status": "enabled",
        "statusReason": None,
        "createdTime": "2026-01-01T12:00:00Z",
        "failingSince": None,
    }
    assert [one.id for one in await world.event_subscriptions.list()] == [first.id, second.id]


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (b"", ["$"]),
        (b"[]", ["$"]),
        (b"{}", ["$.sink"]),
        (b'{"sink": null}', ["$.sink"]),
        (b'{"sink": {}}', ["$.sink.type"]),
        (body(sink={"type": "fax"}), ["$.sink.type"]),
        (body(sink={"type": "sns"}), ["$.sink.topicArn", "$.sink.url"]),
        (body(sink={"url": "ftp://example.org"}), ["$.sink.url"]),
        (body(sink={"url": "https://10.0.0.1/"}), ["$.sink.url"]),
        (body(sink={"url": "https://example.org/" + "a" * 2048}), ["$.sink.url"]),
        (body(sink={"secret": "whsec_short"}), ["$.sink.secret"]),
        (body(sink={"secret": 5}), ["$.sink.secret"]),
        (body(filter={"types": "tocsin.*"}), ["$.filter.types"]),
        (
            body(filter={"types": ["tocsin.job.*", "tocsin.jobs.*", "tocsin.job.creatd", 7]}),
            ["$.filter.types[1]", "$.filter.types[2]", "$.filter.types[3]"],
        ),
        (body(filter={"types": ["*"] * 51}), ["$.filter.types"]),
        (body(filter={"subjectPrefix": None}), ["$.filter.subjectPrefix"]),
        (body(filter={"subjectPrefix": "a\0"}), ["$.filter.subjectPrefix"]),
        (body(filter={"data": [{"path": "$.a"}]}), ["$.filter.data[0]"]),
        (
            body(filter={"data": [{"path": "$.a", "equals": "b", "prefix": "b"}]}),
            ["$.filter.data[0]"],
        ),
        (
            body(filter={"data": [{"path": "a", "equals": ["b"]}, {"prefix": ""}]}),
            [
                "$.filter.data[0].path",
                "$.filter.data[0].equals",
                "$.filter.data[1].path",
                "$.filter.data[1].prefix",
            ],
        ),
        (body(name=""), ["$.name"]),
        (body(name="a\n"), ["$.name"]),
        (body(mode="fast"), ["$.mode"]),
        (body(retrySchedule=[]), ["$.retrySchedule"]),
        (body(retrySchedule=["PT1S"] * 21), ["$.retrySchedule"]),
        (
            body(retrySchedule=["00:01:00", "PT0.5S", "PT25H", "P1M", "PT1S", "P1D"]),
            [f"$.retrySchedule[{number}]" for number in range(4)],
        ),
        (body(rateLimit={"perSecond": 0}), ["$.rateLimit.perSecond"]),
        (body(rateLimit={"perSecond": "5"}), ["$.rateLimit.perSecond"]),
        (body(rateLimit={"perSecond": True}), ["$.rateLimit.perSecond"]),
        (body(filter={"types": ["t" * 1025]}), ["$.filter.types[0]"]),
        (body(retrySchedule=["soon"]), ["$.retrySchedule[0]"]),
        (body(retrySchedule=["PT1S", 5]), ["$.retrySchedule[1]"]),
        *(
            (body(filter={"data": [{"path": "$.a", "equals": one}]}), ["$.filter.data[0].equals"])
            for one in ("a" * 1025, "a\0", 10**100, -(10**100), 1e100, float("nan"))
        ),
        (body(filter={"data": [{"path": "$.a", "prefix": "a\0"}]}), ["$.filter.data[0].prefix"]),
        (body(rateLimit={"perMinute": 1}), ["$.rateLimit.perSecond", "$.rateLimit.perMinute"]),
        (
            json.dumps({"sink": QUEUE_SQS, "mode": "binary"}).encode(),
            ["$.mode"],
        ),
        (body(unknown=1), ["$.unknown"]),
        (
            body(sink={"url": "x", "secret": "y"}, filter={"types": [""]}, more=1),
            ["$.sink.url", "$.sink.secret", "$.filter.types[0]", "$.more"],
        ),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_p10_every_fault_of_a_request_is_told_by_its_path(
    world: World, content: bytes, paths: list[str]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await world.event_subscriptions.create(content, caller="key")

    assert [fault.path for fault in caught.value.faults] == paths
    assert await world.event_subscriptions.list() == []


async def test_p8_no_fault_holds_the_secret(world: World) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await world.event_subscriptions.create(
            body(sink={"secret": "whsec_tooshort"}), caller="key"
        )

    assert "tooshort" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_deleting_ends_the_deliveries(world: World, sink: MemorySink) -> None:
    name = await world.subscribe()
    await world.publish(*(an_event(f"e{count}") for count in range(3)))

    await world.event_subscriptions.delete(name, caller="key")
    await world.publish(an_event("later"))
    await world.deliver_due()

    assert sink.attempts == []
    assert await world.rows("SELECT * FROM delivery") == []
    assert await world.rows("SELECT * FROM event_filter") == []
    with pytest.raises(NotFoundError):
        await world.event_subscriptions.get(name)


@pytest.mark.parametrize("name", ["", "none", "' OR 1=1"])
async def test_what_does_not_exist_is_not_found(world: World, name: str) -> None:
    with pytest.raises(NotFoundError):
        await world.event_subscriptions.get(name)
    with pytest.raises(NotFoundError):
        await world.event_subscriptions.delete(name, caller="key")


async def test_two_secrets_sign_until_the_overlap_ends(tmp_path: Path) -> None:
    webhooks = Webhooks(GUARD, SystemClock(), timeout=timedelta(seconds=15))
    async with listening() as receiver, opened(tmp_path, webhooks.open) as world:
        sink = {"type": "webhook", "url": receiver.url, "secret": SECRET}
        name = (await world.create({"sink": sink})).id
        made = await world.event_subscriptions.rotate_secret(
            name, b'{"overlap": "PT1H"}', caller="key"
        )
        for wait in (timedelta(minutes=59), timedelta(hours=1)):
            world.clock.set(START + wait)
            await world.publish(an_event(f"after {wait}"))
            await world.deliver_due()
        await webhooks.close()

    assert made.new_secret is not None
    accepted = [
        [is_signed(secret, delivery) for secret in (SECRET, made.new_secret)]
        for delivery in receiver.deliveries
    ]
    assert accepted == [[True, True], [False, True]]


def is_signed(secret: str, delivery: Delivery) -> bool:
    try:
        verify(secret, delivery.headers, delivery.body, now=SystemClock().now())
    except AuthenticationError:
        return False
    return True


async def test_a_connection_string_is_changed_and_taken_away_by_a_patch(world: World) -> None:
    connection = (
        "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=a2V5"
    )
    sink = {"type": "servicebus-queue", "queue": "told", "connectionString": connection}
    name = (await world.create({"sink": sink})).id

    renamed = await world.patch(name, sink={"queue": "others"})
    removed = await world.patch(name, sink={"connectionString": None})

    assert connection not in str(renamed.to_json())
    assert (len(renamed.secrets), removed.secrets) == (1, ())
    assert removed.sink_settings == {"queue": "others"}


async def test_whoever_changes_one_is_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    name = await world.subscribe()

    await world.status_changes.pause(name, caller="somebody")
    await world.event_subscriptions.delete(name, caller="another")

    told = [
        (record.__dict__["action"], record.__dict__["caller"])
        for record in caplog.records
        if record.__dict__.get("event_subscription_id") == name
    ]
    assert told == [
        ("create_event_subscription", "key"),
        ("pause_event_subscription", "somebody"),
        ("delete_event_subscription", "another"),
    ]
