"""`tocsin up` as a process: what it says when it cannot start, and how it ends."""

import asyncio
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.cli.demo.ports import Ports
from shared.key_ring import create_key_file
from tests.ports import free_ports

ROOT = Path(__file__).parents[3]
READY_SECONDS = 60


@asynccontextmanager
async def up(
    folder: Path, ports: Ports, environment: Mapping[str, str] | None = None, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.cli", "up", "--data-dir", str(folder)),
        *("--port", str(ports.host), "--scheduler-port", str(ports.scheduler), *options),
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(READY_SECONDS):
        line = await process.stdout.readline()
    assert line.startswith(f"Tocsin is running as process {process.pid};".encode())


async def told(process: asyncio.subprocess.Process) -> str:
    """Return the rest of what it says when it is ready, after it has been asked to end."""
    process.terminate()
    async with asyncio.timeout(READY_SECONDS):
        output, _ = await process.communicate()
    return output.decode()


async def failure(process: asyncio.subprocess.Process) -> str:
    """Return the last line that it said, after it has ended with an exit code for the operator."""
    async with asyncio.timeout(READY_SECONDS):
        _, errors = await process.communicate()
    text = errors.decode()
    assert process.returncode == 2, text
    assert "Traceback" not in text
    return text.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_exit_code_0(number: signal.Signals, tmp_path: Path) -> None:
    async with up(tmp_path / "data", free_ports()) as process:
        await ready(process)

        process.send_signal(number)

        async with asyncio.timeout(10):
            _, errors = await process.communicate()
        assert process.returncode == 0
        assert "Traceback" not in errors.decode()


async def test_a_folder_that_the_demo_made_first_ends_up_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "data" / "demo").mkdir(parents=True)
    async with up(tmp_path / "data", free_ports()) as process:
        await ready(process)

        database = tmp_path / "data" / "tocsin.db"
        assert stat.S_IMODE(database.stat().st_mode) == 0o600
        process.terminate()
        async with asyncio.timeout(10):
            _, errors = await process.communicate()
        assert "alembic" not in errors.decode()


async def test_a_second_on_the_same_folder_is_told_who_has_it(tmp_path: Path) -> None:
    async with up(tmp_path / "data", free_ports()) as first:
        await ready(first)

        async with up(tmp_path / "data", free_ports()) as second:
            assert f"in use by process {first.pid}" in await failure(second)


@pytest.mark.parametrize(
    ("options", "environment", "is_strict"),
    [
        (("--strict",), {}, True),
        ((), {"TOCSIN_HOST_STRICT": "true"}, True),
        ((), {}, False),
    ],
)
async def test_strict_mode_is_asked_for_by_an_option_or_a_setting(
    options: tuple[str, ...], environment: Mapping[str, str], is_strict: bool, tmp_path: Path
) -> None:
    async with up(tmp_path / "data", free_ports(), environment, *options) as process:
        await ready(process)

        assert ("strict mode" in await told(process)) == is_strict


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ("carrier-pigeons", "--broker 'carrier-pigeons': must be embedded or servicebus"),
        ("servicebus", "neither ServiceBusConnection nor"),
    ],
)
async def test_a_broker_that_is_not_there_is_told(
    broker: str, expected: str, tmp_path: Path
) -> None:
    async with up(tmp_path / "data", free_ports(), None, "--broker", broker) as process:
        assert expected in await failure(process)


@pytest.mark.parametrize(
    ("broker", "says"), [((), True), (("--broker", "embedded"), False)], ids=["setting", "option"]
)
async def test_the_command_line_decides_the_broker_before_the_environment(
    broker: tuple[str, ...], says: bool, tmp_path: Path
) -> None:
    connection = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=s"
    environment = {
        "TOCSIN_BROKER": "servicebus",
        "ServiceBusConnection": f"{connection};UseDevelopmentEmulator=true",
    }
    async with up(tmp_path / "data", free_ports(), environment, *broker) as process:
        await ready(process)

        assert ("those of the Service Bus namespace" in await told(process)) == says


@pytest.mark.parametrize(
    ("taken", "option"),
    [
        ("host", "with --port (make up PORT=…)"),
        ("scheduler", "with --scheduler-port (make up SCHEDULER_PORT=…)"),
    ],
)
async def test_a_taken_port_is_named_and_how_to_choose_another(
    taken: str, option: str, tmp_path: Path
) -> None:
    ports = free_ports()
    port = getattr(ports, taken)
    with socket.create_server(("127.0.0.1", port)):
        async with up(tmp_path / "data", ports) as process:
            said = await failure(process)
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert option in said


@pytest.mark.parametrize(
    ("is_exchanged", "expected"),
    [(False, "cannot read the data-encryption key file"), (True, "restore its key file")],
)
async def test_p8_a_database_starts_under_no_other_key_than_its_own(
    is_exchanged: bool, expected: str, tmp_path: Path
) -> None:
    key_file = tmp_path / "data" / "data-key.json"
    async with up(tmp_path / "data", free_ports()) as process:
        await ready(process)
        process.kill()
        await process.communicate()
    key_file.unlink()
    if is_exchanged:
        create_key_file(key_file)

    async with up(tmp_path / "data", free_ports()) as process:
        said = await failure(process)

    assert expected in said
    assert key_file.exists() == is_exchanged


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with up(tmp_path / "file" / "data", free_ports()) as process:
        assert str(tmp_path / "file" / "data") in await failure(process)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOCSIN_COLOUR", "blue"),
        ("TOCSIN_ALLOWED_NETWORKS", "everywhere"),
        ("TOCSIN_BROKER", "carrier pigeons"),
        ("TOCSIN_ROLE", "connector"),
        ("TOCSIN_ROLE", "drummer"),
    ],
)
async def test_a_bad_setting_is_named(name: str, value: str, tmp_path: Path) -> None:
    async with up(tmp_path / "data", free_ports(), {name: value}) as process:
        assert name in await failure(process)


async def test_the_command_line_wins_over_the_environment(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    async with up(tmp_path / "data", free_ports(), {"TOCSIN_DATA_DIR": str(elsewhere)}) as process:
        await ready(process)

        assert (tmp_path / "data" / "tocsin.db").exists()
        assert not elsewhere.exists()
