"""The unmodified @azure/service-bus sends, receives, settles, schedules, peeks, and uses sessions and rules."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from tests.conformance.clients.languages import node_command
from tests.shared.messaging.amqp.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMESPACE = NamespaceDescription(
    name="n",
    queues=(QueueDescription(name="q"), QueueDescription(name="ordered", requires_session=True)),
    topics=(
        TopicDescription(
            name="t",
            subscriptions=(
                SubscriptionDescription(name="s"),
                SubscriptionDescription(name="ruled"),
            ),
        ),
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def results() -> AsyncIterator[dict[str, Any]]:
    """What each step came to; they run once, one after the other."""
    command = node_command("service_bus.js")
    async with serving(NAMESPACE) as served:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        answer, _ = await asyncio.wait_for(
            process.communicate(served.connection_string.encode()), 60
        )
    yield json.loads(answer)


async def test_node_sends_and_receives_what_was_sent(results: dict[str, Any]) -> None:
    assert results["sent"] == {
        "first": [{"json": [1]}, "m", "s", "c"],
        "properties": {"text": "ü", "number": 7, "truth": True},
        "counts": [0, 0, 0, 0],
        "others": ["b1", "b2", 200_000],
        "left": [],
    }


async def test_node_settles_in_every_way(results: dict[str, Any]) -> None:
    assert results["settled"] == {
        "isRenewed": True,
        "again": ["abandoned", 1, {"tried": 1}],
        "byNumber": ["deferred", "deferred"],
        "letter": ["worn", "too old", "q"],
        "lost": "MessageLockLost",
        "missing": "MessageNotFound",
    }


async def test_node_receives_and_deletes(results: dict[str, Any]) -> None:
    assert results["deleted"] == {"received": ["a", "b"], "left": []}


async def test_node_schedules_peeks_and_cancels(results: dict[str, Any]) -> None:
    assert results["scheduled"] == {
        "peeked": [["later", "scheduled"], ["never", "scheduled"]],
        "received": "later",
        "isDue": True,
        "again": "MessageNotFound",
    }


async def test_node_subscribes(results: dict[str, Any]) -> None:
    assert results["subscribed"] == {"seen": ["a", "b"], "left": []}


async def test_node_uses_sessions(results: dict[str, Any]) -> None:
    assert results["sessions"] == {
        "id": "one",
        "received": ["a", "b"],
        "states": [None, {"at": 1}],
        "isRenewed": True,
        "locked": "SessionCannotBeLocked",
        "without": "GeneralError",
    }


async def test_node_manages_rules(results: dict[str, Any]) -> None:
    assert results["rules"] == {
        "bad": "GeneralError",
        "twice": "MessagingEntityAlreadyExists",
        "missing": "MessagingEntityNotFound",
        "kept": [["correlation", ["s", {"p": 1, "q": "x"}]], ["sql", "a = 1"]],
    }


async def test_node_is_refused_with_the_codes_that_azure_has(results: dict[str, Any]) -> None:
    assert results["refused"] == {
        "key": "UnauthorizedAccess",
        "unknown": ["MessagingEntityNotFound", "MessagingEntityNotFound"],
        "oversize": "MessageSizeExceeded",
    }
