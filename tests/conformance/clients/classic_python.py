"""What the tests of azure-servicemanagement-legacy share."""

from typing import Any

from tests.conformance.clients.driver import Client, named

QUIETLY = named(
    sleep_interval=0.02, progress_callback=None, success_callback=None, failure_callback=None
)


def wait(client: Client, accepted: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of what was asked for, as users of the client do."""
    request_id = accepted["request_id"]
    status: dict[str, Any] = client.call("wait_for_operation_status", request_id, QUIETLY)
    assert status["status"] == "Succeeded", status
    return status
