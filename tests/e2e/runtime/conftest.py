import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.settings import app_settings

ROOT = Path(__file__).parents[3]
WORKER = Path(__file__).with_name("worker.py")

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def runtime_python() -> Path:
    """The interpreter that has Microsoft's library; without it these tests are skipped, and fail in CI."""
    python = ROOT / ".venv-runtime" / "bin" / "python"
    if not python.exists():
        absent = "there is no .venv-runtime: `make .venv-runtime/.done` makes it"
        if app_settings().get("CI") == "true":
            pytest.fail(absent)
        pytest.skip(absent)
    return python


@pytest.fixture
def settings() -> Mapping[str, str]:
    """App settings of the worker; a test that needs some overrides this."""
    return {}


@pytest.fixture
def ask(runtime_python: Path, settings: Mapping[str, str]) -> Iterator[Ask]:
    """Ask a worker process of its own; see worker.py for what."""
    process = subprocess.Popen(
        [runtime_python, WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**app_settings(), **settings},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    requests, answers = process.stdin, process.stdout

    def ask_worker(**request: Any) -> Any:
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        return json.loads(answers.readline())

    with process:
        yield ask_worker
        requests.close()
        assert process.wait(timeout=30) == 0
