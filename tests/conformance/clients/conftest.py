"""The service and the two drivers, one process each for all tests of the clients."""

import itertools
from collections.abc import Callable, Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.conformance.clients.arm_clients import KINDS, ArmClient
from tests.conformance.clients.classic_python import wait
from tests.conformance.clients.driver import Client, Driver
from tests.conformance.clients.languages import SEARCH_PATH, absent, node_command
from tests.conformance.clients.method_cases import methods_of_case
from tests.conformance.clients.service_process import SUBSCRIPTION, ServiceProcess, running_service

CONFORMANCE = Path(__file__).parents[1]
ROOT = CONFORMANCE.parents[1]
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
numbers = itertools.count(1)
Open = Callable[..., Client]
OpenArm = Callable[..., ArmClient]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="session")
def python_driver(service: ServiceProcess) -> Iterator[Driver]:
    if not (PYTHON.parents[1] / ".done").exists():
        absent("there is no .venv-clients: `make .venv-clients/.done` makes it")
    command = [PYTHON, CONFORMANCE / "python" / "driver.py"]
    environment = {"PATH": SEARCH_PATH, "REQUESTS_CA_BUNDLE": str(service.authority)}
    with Driver(command, environment) as driver:
        yield driver


@pytest.fixture(scope="session")
def node_driver(service: ServiceProcess) -> Iterator[Driver]:
    with Driver(
        node_command("driver.js"),
        {"PATH": SEARCH_PATH, "NODE_EXTRA_CA_CERTS": str(service.authority)},
    ) as driver:
        yield driver


@pytest.fixture
def open_python_classic(python_driver: Driver, service: ServiceProcess) -> Open:
    """Make a client of azure-servicemanagement-legacy; what is given replaces what its owner would give."""
    usual = {
        "kind": "azure-servicemanagement-legacy",
        "subscription": SUBSCRIPTION,
        "host": service.host,
        "certificate": str(service.owner.pem),
    }
    return lambda **given: python_driver.open(**{**usual, **given})


@pytest.fixture
def python_classic(open_python_classic: Open) -> Client:
    return open_python_classic()


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"cs{next(numbers)}"


@pytest.fixture
def open_node_classic(node_driver: Driver, service: ServiceProcess) -> Open:
    """Make a client of azure-asm-scheduler or azure-scheduler; what is given replaces what its owner would give."""
    pem = service.owner.pem.read_text()
    usual = {"subscription": SUBSCRIPTION, "url": service.url, "certificate": pem, "key": pem}
    return lambda **given: node_driver.open(**{**usual, **given})


@pytest.fixture
def open_arm(request: pytest.FixtureRequest, service: ServiceProcess) -> OpenArm:
    """Make a client of ARM of a kind; what is given replaces what its owner would give."""
    usual = {
        "subscription": SUBSCRIPTION,
        "url": service.url,
        "authority": str(service.authority),
        "token": service.token,
        "patched": True,
    }

    def open_one(kind: str, **given: Any) -> ArmClient:
        language = "node" if kind.startswith("azure-arm-scheduler") else "python"
        driver: Driver = request.getfixturevalue(f"{language}_driver")
        return ArmClient(driver.open(kind.partition(" ")[0], **{**usual, **given}), kind)

    return open_one


@pytest.fixture(params=KINDS)
def arm(request: pytest.FixtureRequest, open_arm: OpenArm) -> ArmClient:
    """Each published client of ARM in turn, in each of the forms that its methods have."""
    return open_arm(request.param)


@pytest.fixture
def cs(python_classic: Client, name: str) -> str:
    """A cloud service of this test, which Python's classic client has made."""
    wait(python_classic, python_classic.call("create_cloud_service", name, "l", "d", "West Europe"))
    return name


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail the case of a method that has not called it."""
    result = yield
    clients = [
        each for each in pyfuncitem.funcargs.values() if isinstance(each, Client | ArmClient)
    ]
    called = set().union(*(client.called for client in clients))
    assert called.issuperset(methods_of_case(pyfuncitem.function))
    return result


class Target(BaseHTTPRequestHandler):
    """Whom jobs call: /broken fails, everything else succeeds."""

    def do_GET(self) -> None:
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def target() -> Iterator[str]:
    """The URL of a server that jobs may call."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Target) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
