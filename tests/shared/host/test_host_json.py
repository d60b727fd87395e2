import json
from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.host.host_json import HostSettings, read_host_settings

NONE: dict[str, str] = {}


def written(folder: Path, document: object) -> Path:
    path = folder / "host.json"
    path.write_text(json.dumps(document))
    return path


def test_defaults_are_those_of_azure(tmp_path: Path) -> None:
    settings = read_host_settings(written(tmp_path, {"version": "2.0"}), environment=NONE)

    assert settings == HostSettings(
        route_prefix="api",
        max_concurrent_calls=16,
        max_concurrent_sessions=8,
        session_idle_timeout=timedelta(minutes=1),
        max_auto_lock_renewal=timedelta(minutes=5),
    )


def test_values_are_read(tmp_path: Path) -> None:
    document = {
        "extensions": {
            "http": {"routePrefix": "/v1/"},
            "serviceBus": {
                "maxConcurrentCalls": 256,
                "maxConcurrentSessions": 64,
                "sessionIdleTimeout": "00:00:02",
                "maxMessageBatchSize": 10,
                "maxAutoLockRenewalDuration": "1.00:10:05",
            },
        }
    }

    settings = read_host_settings(written(tmp_path, document), environment=NONE)

    assert settings == HostSettings(
        route_prefix="v1",
        max_concurrent_calls=256,
        max_concurrent_sessions=64,
        session_idle_timeout=timedelta(seconds=2),
        max_message_batch_size=10,
        max_auto_lock_renewal=timedelta(days=1, minutes=10, seconds=5),
    )


def test_app_settings_override_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {"extensions": {"http": {"routePrefix": "api"}}})

    settings = read_host_settings(
        path,
        environment={
            "AzureFunctionsJobHost__extensions__http__routePrefix": "",
            "AzureFunctionsJobHost__Extensions__serviceBus__MAXCONCURRENTCALLS": "8",
            "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000",
            "PYTHON_THREADPOOL_THREAD_COUNT": "4",
        },
    )

    assert settings == HostSettings(
        route_prefix="", max_concurrent_calls=8, max_body_bytes=1000, threads=4
    )


def test_every_malformed_value_is_named(tmp_path: Path) -> None:
    document = {
        "extensions": {
            "http": {"routePrefix": 7},
            "serviceBus": {"maxConcurrentCalls": 0, "maxAutoLockRenewalDuration": "10m"},
        }
    }

    with pytest.raises(ConfigurationError) as caught:
        read_host_settings(written(tmp_path, document), environment=NONE)

    for name in ("routePrefix", "maxConcurrentCalls", "maxAutoLockRenewalDuration"):
        assert name in caught.value.message


@pytest.mark.parametrize("content", [None, "no json", "[1"])
def test_missing_or_malformed_file_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "host.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigurationError, match=r"host\.json cannot be read"):
        read_host_settings(path, environment=NONE)
