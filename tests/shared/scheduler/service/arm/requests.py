"""Requests to ARM, for tests."""

from shared.wire.json_types import JsonObject
from tests.shared.scheduler.scheduler_stack import SUBSCRIPTION, Stack

VERSION = "?api-version=2016-03-01"
RESOURCES_VERSION = "?api-version=2016-02-01"
S = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{S}/resourceGroups/rg"
PROVIDER = f"{GROUP}/providers/Microsoft.Scheduler"
C = f"{PROVIDER}/jobCollections/jc"
COLLECTION: JsonObject = {"location": "West US", "properties": {"sku": {"name": "Standard"}}}
JOB: JsonObject = {
    "properties": {"action": {"type": "Http", "request": {"uri": "http://e.org/", "method": "GET"}}}
}


async def prepare(stack: Stack, resource: JsonObject | None = None) -> None:
    """Make the collection, and with it the group."""
    made = await stack.call_arm("PUT", C + VERSION, resource or COLLECTION)
    assert made.status == 201, made.text()
