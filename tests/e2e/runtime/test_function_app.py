"""Our function_app.py in Microsoft's worker library: what Azure would index, load and run."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.clock import SystemClock
from shared.development_certificates import create_development_certificates
from shared.key_ring import create_key_file
from tests.e2e.runtime.conftest import ROOT, Ask

METADATA = {
    "MessageId": "m1",
    "DeliveryCount": 1,
    "UserProperties": {},
    "ApplicationProperties": {},
}


@pytest.fixture
def settings(tmp_path: Path) -> Mapping[str, str]:
    certificates = create_development_certificates(tmp_path / "tls", now=SystemClock().now())
    key_file = tmp_path / "data-key.json"
    create_key_file(key_file)
    return {
        "TOCSIN_DATA_DIR": str(tmp_path / "data"),
        "TOCSIN_DATA_KEY_FILE": str(key_file),
        "TOCSIN_CLIENT_CERTIFICATE": str(certificates.client),
        "TOCSIN_SCHEDULER_URL": "https://127.0.0.1:1",
        "ServiceBusConnection": "Endpoint=sb://127.0.0.1",
    }


def test_library_takes_our_function_app(ask: Ask) -> None:
    loaded = ask(load=str(ROOT), script="function_app.py")

    assert "fault" not in loaded
    assert {"accept_command", "execute_operation", "health"} <= set(loaded["functions"])


def test_library_runs_our_http_queue_and_timer_functions(ask: Ask) -> None:
    ask(load=str(ROOT), script="function_app.py")

    health = ask(
        invoke="health",
        kind="http",
        argument="req",
        method="GET",
        url="http://127.0.0.1/api/health",
    )
    rejected = ask(
        invoke="accept_command", kind="queue", argument="message", body="no json", metadata=METADATA
    )
    swept = ask(invoke="sweep_connector", kind="timer", argument="timer")
    events = ask(
        invoke="list_events",
        kind="http",
        argument="req",
        method="GET",
        url="http://127.0.0.1/api/events",
    )

    assert [each.get("fault") for each in (health, rejected, swept, events)] == [None] * 4
    assert health["result"]["status"] == 200
    assert rejected == swept == {"result": None, "outputs": {}}
    types = [event["type"] for event in json.loads(events["result"]["body"])["value"]]
    assert types == ["tocsin.command.rejected"]


@pytest.mark.parametrize("role", ["scheduler", "connector", "all"])
class TestRoles:
    """The service itself is a function where it is alone."""

    @pytest.fixture
    def settings(self, role: str, tmp_path: Path) -> Mapping[str, str]:
        key_file = tmp_path / "data-key.json"
        create_key_file(key_file)
        return {
            "TOCSIN_ROLE": role,
            "TOCSIN_DATA_DIR": str(tmp_path / "data"),
            "TOCSIN_DATA_KEY_FILE": str(key_file),
            "TOCSIN_BEHIND_APP_SERVICE": "true",
            "ServiceBusConnection": "Endpoint=sb://127.0.0.1",
        }

    def test_library_serves_the_scheduler_in_its_role_alone(self, ask: Ask, role: str) -> None:
        loaded = ask(load=str(ROOT), script="function_app.py")

        assert ("serve_scheduler" in loaded["functions"]) == (role == "scheduler")
        if role == "scheduler":
            refused = ask(
                invoke="serve_scheduler",
                kind="http",
                argument="req",
                method="GET",
                url="https://tocsin.example/s1/cloudservices",
                headers={"x-arr-clientcert": "AAAA"},
            )
            assert refused["result"]["status"] == 403
            assert "<Code>AuthenticationFailed</Code>" in refused["result"]["body"]
