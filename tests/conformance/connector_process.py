"""`tocsin up` as a caller of the connector meets it: a process, its URL and its host key."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
READY = "Tocsin is running as process"
END_SECONDS = 30
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "PYTHONPATH": str(ROOT),
    "TOCSIN_ALLOWED_NETWORKS": "127.0.0.0/8",
    "TOCSIN_AWS_REGION": "eu-central-1",
    "TOCSIN_DURABILITY": "process",
    "TOCSIN_RUN_NOW_DELAY": "0",
}


@dataclass(frozen=True)
class ConnectorProcess:
    """Where it answers, `/api` included, and the key that opens everything."""

    url: str
    key: str


@contextmanager
def running_connector(folder: Path) -> Iterator[ConnectorProcess]:
    """Start connector, service and engine in `folder`; nobody listens where targets of jobs and webhooks are."""
    ports = free_ports()
    data = folder / "data"
    options = ("--data-dir", str(data), "--port", str(ports.host))
    with (
        (folder / "stack.log").open("w") as log,
        subprocess.Popen(
            [
                *(sys.executable, "-m", "shared.cli", "up", *options),
                *("--scheduler-port", str(ports.scheduler)),
            ],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(READY), (folder / "stack.log").read_text()
            keys = json.loads((data / "host-keys.json").read_text())
            yield ConnectorProcess(
                f"http://127.0.0.1:{ports.host}/api", keys["hostKeys"]["default"]
            )
        finally:
            process.terminate()
            code = process.wait(END_SECONDS)
        assert code == 0, (folder / "stack.log").read_text()
