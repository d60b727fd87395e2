"""Rules come and go through the management node of a subscription, in the form that the SDKs read."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.messaging.amqp.codec.envelopes import envelope_of
from shared.messaging.amqp.codec.sections import AmqpMessage, decode_message, encode_message
from shared.messaging.amqp.codec.values import Described, Timestamp
from shared.messaging.amqp.nodes.managed_entity import ManagedEntity
from shared.messaging.entities import (
    NamespaceDescription,
    SubscriptionDescription,
    TopicDescription,
)
from tests.clocks import FakeClock
from tests.shared.messaging.amqp.managing import Answered, ask, managed
from tests.shared.messaging.amqp.memory_links import opened_core

NAMESPACE = NamespaceDescription(
    name="n",
    topics=(TopicDescription(name="t", subscriptions=(SubscriptionDescription(name="s"),)),),
)
ALL = {"skip": 0, "top": 100}
NOTHING = Described(0x13700000005, [])


@pytest.fixture
async def entity(tmp_path: Path) -> AsyncIterator[ManagedEntity]:
    async with opened_core(tmp_path, FakeClock(), NAMESPACE) as core:
        yield managed(core, "t/subscriptions/s")


async def add(entity: ManagedEntity, name: str, description: Any) -> Answered:
    return await ask(entity, "add-rule", {"rule-name": name, "rule-description": description})


async def rules(entity: ManagedEntity, page: Any = ALL) -> list[Any]:
    """Return filter, action and name of each."""
    answered = await ask(entity, "enumerate-rules", page)
    if answered.status == 204:
        return []
    described = [rule["rule-description"] for rule in answered.body["rules"]]
    assert {rule.descriptor for rule in described} == {0x13700000004}
    return [rule.value[:3] for rule in described]


async def test_new_subscription_has_the_default_rule(entity: ManagedEntity) -> None:
    assert await rules(entity) == [[Described(0x1370000007, []), NOTHING, "$Default"]]


@pytest.mark.parametrize(
    ("description", "written"),
    [
        ({"sql-filter": {"expression": "a = 1"}}, Described(0x1370000006, ["a = 1"])),
        (
            {"sql-filter": {"expression": "a = 1"}, "sql-rule-action": {"expression": None}},
            Described(0x1370000006, ["a = 1"]),
        ),
        ({"true-filter": {}}, Described(0x1370000007, [])),
        ({"false-filter": {}}, Described(0x1370000008, [])),
        (
            {
                "correlation-filter": {
                    "correlation-id": "c",
                    "label": "l",
                    "content-type": "ct",
                    "properties": {"p": 1, "q": "x"},
                }
            },
            Described(
                0x1370000009, ["c", None, None, None, "l", None, None, "ct", {"p": 1, "q": "x"}]
            ),
        ),
        (
            {"correlation-filter": {"message-id": "m", "to": "t", "session-id": "s"}},
            Described(0x1370000009, [None, "m", "t", None, None, "s", None, None, {}]),
        ),
    ],
)
async def test_rule_is_read_back_as_it_was_added(
    entity: ManagedEntity, description: Any, written: Described
) -> None:
    answered = await add(entity, "mine", description)

    assert answered == Answered(200, None, {})
    [mine] = [rule for rule in await rules(entity) if rule[2] == "mine"]
    assert mine == [written, NOTHING, "mine"]


async def test_correlation_filter_takes_instants_for_instants_and_numbers_for_numbers(
    entity: ManagedEntity,
) -> None:
    instant, number = Timestamp(1_704_153_600_000), 1_704_153_600_000
    await ask(entity, "remove-rule", {"rule-name": "$Default"})

    await add(entity, "mine", {"correlation-filter": {"properties": {"at": instant}}})
    for value in (instant, number):
        payload = encode_message(AmqpMessage(application_properties={"at": value}, data=(b"",)))
        await entity.core.send("t", [envelope_of(payload, now=0)])

    (copy,) = await entity.core.peek(entity.path, from_sequence_number=0, max_messages=9)
    assert type(decode_message(copy.payload).application_properties["at"]) is Timestamp
    [[written, *_]] = await rules(entity)
    assert written.value[-1] == {"at": instant}
    assert type(written.value[-1]["at"]) is Timestamp


async def test_action_is_read_back_as_it_was_added(entity: ManagedEntity) -> None:
    action = {"expression": "SET sys.To = 'Entity'"}

    answered = await add(entity, "mine", {"true-filter": {}, "sql-rule-action": action})

    assert answered.status == 200
    [mine] = [rule for rule in await rules(entity) if rule[2] == "mine"]
    assert mine[:2] == [
        Described(0x1370000007, []),
        Described(0x13700000006, ["SET sys.To = 'Entity'"]),
    ]


async def test_rules_come_in_pages_and_go(entity: ManagedEntity) -> None:
    await add(entity, "b", {"sql-filter": {"expression": "a = 1"}})

    pages = [await rules(entity, {"skip": skip, "top": 1}) for skip in range(3)]
    removed = await ask(entity, "remove-rule", {"rule-name": "$Default"})
    again = await ask(entity, "remove-rule", {"rule-name": "$Default"})

    assert [len(page) for page in pages] == [1, 1, 0]
    assert (removed.status, again.status, again.condition) == (200, 404, "amqp:not-found")
    assert [rule[2] for rule in await rules(entity)] == ["b"]


@pytest.mark.parametrize(
    ("description", "status", "condition"),
    [
        ({"sql-filter": {"expression": "a = ="}}, 400, "com.microsoft:argument-error"),
        ({"sql-filter": {}}, 400, "com.microsoft:argument-error"),
        ({}, 400, "com.microsoft:argument-error"),
        (None, 400, "com.microsoft:argument-error"),
        ({"correlation-filter": {"properties": {1: 2}}}, 400, "com.microsoft:argument-error"),
        ({"correlation-filter": {"properties": {"a": []}}}, 400, "com.microsoft:argument-error"),
        (
            {"sql-filter": {"expression": "a=1"}, "sql-rule-action": {"expression": "SET b"}},
            400,
            "com.microsoft:argument-error",
        ),
        ({"true-filter": {}, "sql-rule-action": []}, 400, "com.microsoft:argument-error"),
    ],
)
async def test_rule_that_cannot_be_is_refused(
    entity: ManagedEntity, description: Any, status: int, condition: str
) -> None:
    answered = await add(entity, "bad", description)

    assert (answered.status, answered.condition) == (status, condition)
    assert len(await rules(entity)) == 1


async def test_rule_of_a_name_that_is_there_exists_already(entity: ManagedEntity) -> None:
    answered = await add(entity, "$Default", {"true-filter": {}})

    assert (answered.status, answered.condition) == (409, "com.microsoft:entity-already-exists")
