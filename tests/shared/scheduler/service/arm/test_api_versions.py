import pytest

from shared.wire.json_types import JsonObject
from tests.shared.scheduler.scheduler_stack import Stack
from tests.shared.scheduler.service.arm.requests import (
    COLLECTION,
    JOB,
    RESOURCES_VERSION,
    VERSION,
    C,
)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "MissingApiVersionParameter"),
        ("?api-version=", "MissingApiVersionParameter"),
        ("?api-version=2099-01-01", "NoRegisteredProviderFound"),
        (RESOURCES_VERSION, "NoRegisteredProviderFound"),
    ],
)
async def test_scheduler_has_three_versions(arm: Stack, query: str, code: str) -> None:
    reply = await arm.call_arm("GET", C + query)

    assert (reply.status, reply.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    ("method", "path", "body"), [("PUT", "", COLLECTION), ("PUT", "/jobs/a", JOB)]
)
async def test_a_query_that_cannot_be_read_is_refused_and_not_looked_at_again(
    arm: Stack, method: str, path: str, body: JsonObject
) -> None:
    query = VERSION + "".join(f"&p{number}=1" for number in range(30))

    reply = await arm.call_arm(method, f"{C}{path}{query}", body)

    assert (reply.status, reply.json()["error"]["code"]) == (400, "BadRequest")
    assert "20 parameters" in reply.json()["error"]["message"]
