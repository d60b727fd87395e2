"""`tocsin keys`, from the first key to a job that still has its password when that key is gone."""

import asyncio
import base64
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from shared.bootstrap import Application
from shared.cli.data_keys import list_keys, prune_keys, rotate_key
from shared.clock import SystemClock
from shared.errors import ConfigurationError, ConflictError
from shared.key_ring import create_key_file, load_key_file
from shared.settings import Role, Settings
from tests.shared.cli.scheduler_process import Client, Service, make_client, running
from tests.shared.scheduler.scheduler_stack import CLOUD_SERVICE, job_collection
from tests.target_server import TargetServer, serving

CS = "/cloudservices/cs1"
JC = f"{CS}/resources/scheduler/JobCollections/jc1"
JOB = f"{CS}/resources/scheduler/~/JobCollections/jc1/jobs/secretive"
LOCAL = ("--allow-network", "127.0.0.0/8")


def shown(capsys: pytest.CaptureFixture[str], data: Path) -> dict[str, tuple[int, str]]:
    """Return what `keys list` shows: by key how many values, and the remark."""
    capsys.readouterr()
    list_keys(data)
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.split() == ["key", "sealed", "values"]
    parts = [re.split(r"\s+", line, maxsplit=2) for line in lines]
    return {name: (int(count), "".join(rest)) for name, count, *rest in parts}


async def opened(data: Path) -> Application:
    create_key_file(data / "data-key.json")
    app = Application(
        Settings(data_dir=data, role=Role.SCHEDULER, data_key_file=data / "data-key.json")
    )
    await app.open()
    return app


async def test_keys_are_listed_rotated_and_pruned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await (await opened(tmp_path)).close()
    first = load_key_file(tmp_path / "data-key.json")
    assert shown(capsys, tmp_path) == {"k1": (1, "current")}

    rotate_key(tmp_path)
    assert "k2 is the current key" in capsys.readouterr().out
    assert shown(capsys, tmp_path) == {"k1": (1, ""), "k2": (0, "current")}
    with pytest.raises(ConflictError, match=r"sealed values left \(1 under k1\)"):
        prune_keys(tmp_path)

    await (await opened(tmp_path)).close()
    assert shown(capsys, tmp_path) == {"k1": (0, ""), "k2": (1, "current")}
    prune_keys(tmp_path)
    assert capsys.readouterr().out == "k1 is removed\n"
    assert shown(capsys, tmp_path) == {"k2": (1, "current")}
    assert load_key_file(tmp_path / "data-key.json").fingerprint_key == first.fingerprint_key


async def test_p8_no_key_is_ever_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await (await opened(tmp_path)).close()
    list_keys(tmp_path)
    rotate_key(tmp_path)
    await (await opened(tmp_path)).close()
    ring = load_key_file(tmp_path / "data-key.json")
    prune_keys(tmp_path)

    said = capsys.readouterr().out
    for key in (*ring.keys.values(), ring.fingerprint_key):
        assert base64.b64encode(key).decode() not in said
        assert key.hex() not in said


async def test_keys_that_are_in_use_stay_when_others_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await (await opened(tmp_path)).close()
    rotate_key(tmp_path)
    app = await opened(tmp_path)
    rotate_key(tmp_path)
    capsys.readouterr()

    prune_keys(tmp_path)

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "k1 is removed"
    assert said[1].startswith("k2 stays: there are sealed values left (1 under k2)")
    assert list(load_key_file(tmp_path / "data-key.json").keys) == ["k2", "k3"]
    await app.close()


async def test_a_key_that_is_missing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await (await opened(tmp_path)).close()
    other = {"current": "k7", "keys": {"k7": base64.b64encode(b"7" * 32).decode()}}
    (tmp_path / "data-key.json").write_text(json.dumps(other))

    keys = shown(capsys, tmp_path)

    assert keys == {"k7": (0, "current"), "k1": (1, "missing: what it sealed cannot be opened")}


async def test_nothing_is_pruned_before_a_process_has_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigurationError, match="there is no database"):
        prune_keys(tmp_path)
    with pytest.raises(ConfigurationError, match=r"data-key\.json: No such file"):
        rotate_key(tmp_path)
    create_key_file(tmp_path / "data-key.json")
    rotate_key(tmp_path)

    assert shown(capsys, tmp_path) == {"k1": (0, ""), "k2": (0, "current")}


async def test_a_single_key_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await (await opened(tmp_path)).close()

    prune_keys(tmp_path)

    assert capsys.readouterr().out == "there is no key but the current one, k1\n"


async def make_job(service: Service, client: Client, uri: str) -> None:
    for path, body in ((CS, CLOUD_SERVICE), (JC, job_collection())):
        accepted = await service.call(client, "PUT", path, data=body)
        operation = f"/operations/{accepted.headers['x-ms-request-id']}"
        async with asyncio.timeout(30):
            while "InProgress" in (await service.call(client, "GET", operation)).text:
                pass
    authentication = {"type": "basic", "username": "u", "password": "p4ssword"}
    request = {"uri": uri, "method": "GET", "authentication": authentication}
    created = await service.call(
        client,
        "PUT",
        JOB,
        json={
            "action": {"type": "http", "request": request},
            "recurrence": {"frequency": "minute", "interval": 1},
            "startTime": "2014-06-16T00:05:00Z",
        },
    )
    assert created.status_code == 201


async def test_p8_a_job_keeps_its_password_through_a_rotation_while_the_service_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client, data = make_client(tmp_path / "client"), tmp_path / "data"
    async with serving() as target:
        async with running(data, *client.option(), "--clock", "2014-06-16T00:00:00Z") as service:
            await make_job(service, client, target.url)
            rotate_key(data)
            assert shown(capsys, data) == {"k1": (2, ""), "k2": (0, "current")}
            with pytest.raises(ConflictError):
                prune_keys(data)
            service.process.kill()

        async with running(data, *LOCAL, "--clock", "2014-06-16T00:00:00Z"):
            assert shown(capsys, data) == {"k1": (0, ""), "k2": (2, "current")}
            prune_keys(data)

        async with running(data, *LOCAL, "--clock", "2014-06-16T00:04:59Z"):
            await asked(target)

    assert (
        target.requests[0].header("authorization")
        == "Basic " + base64.b64encode(b"u:p4ssword").decode()
    )


async def asked(target: TargetServer) -> None:
    async with asyncio.timeout(30):
        while not target.requests:
            await SystemClock().sleep(timedelta(milliseconds=20))
