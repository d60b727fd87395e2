"""`tocsin scheduler` as the published clients meet it: a process, its authority, a certificate and a token."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.shared.cli.scheduler_process import Client, make_client
from tests.shared.cli.serving_process import ROOT

SUBSCRIPTION = "6c55a6f0-6593-472f-9b3e-a51a9a757b40"
OTHER_SUBSCRIPTION = "db1ab6f0-4769-4b27-930e-01e2ef9c123c"
LISTENING = "listening on "
END_SECONDS = 30
# Nobody waits 20 s for a job that runs at once.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "PYTHONPATH": str(ROOT),
    "TOCSIN_RUN_NOW_DELAY": "0",
    "TOCSIN_DURABILITY": "process",
}


@dataclass(frozen=True)
class ServiceProcess:
    """Where it listens and what its callers need; `other` owns another subscription, `stranger` none."""

    url: str
    authority: Path
    owner: Client
    other: Client
    stranger: Client
    token: str

    @property
    def host(self) -> str:
        return self.url.removeprefix("https://")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "shared.cli", *map(str, arguments)]


def told_by(*arguments: str | Path) -> str:
    """Return what a command of `tocsin` prints."""
    done = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def create_certificate(folder: Path, name: str) -> Client:
    told_by("certificates", "create", name, "--out", folder)
    return Client(folder / f"{name}.pem", folder / f"{name}.cer")


@contextmanager
def running_service(folder: Path) -> Iterator[ServiceProcess]:
    """Start it in `folder` and wait until it listens."""
    owner = create_certificate(folder, "owner")
    other = make_client(folder / "other")
    data = folder / "data"
    with (
        (folder / "service.log").open("w") as log,
        subprocess.Popen(
            [
                *command("scheduler", "--data", data, "--listen", "127.0.0.1:0"),
                *owner.option(SUBSCRIPTION),
                *other.option(OTHER_SUBSCRIPTION),
                *("--allow-network", "127.0.0.0/8"),
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
            assert line.startswith(LISTENING), (folder / "service.log").read_text()
            yield ServiceProcess(
                url=line.removeprefix(LISTENING).strip(),
                authority=data / "tls" / "ca.pem",
                owner=owner,
                other=other,
                stranger=make_client(folder / "stranger"),
                token=told_by("token", "--data", data, "--subscription", SUBSCRIPTION),
            )
        finally:
            process.terminate()
            code = process.wait(END_SECONDS)
        assert code == 0, (folder / "service.log").read_text()
