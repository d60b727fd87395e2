import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

import function_app
from functions.changes import change_resource
from functions.reads import health
from shared.bootstrap import Application, use
from shared.clock import SystemClock
from shared.host.functions import AuthLevel, HostedFunction, HttpTrigger
from shared.host.indexing import index_functions
from shared.host.keys import HostKeys
from shared.key_ring import create_key_file
from shared.settings import Settings
from tests.clocks import FakeClock
from tests.functions.requests import JOB, JOB_PATH, document_of, request
from tests.shared.bearer_tokens.token_cases import KEYS, NAME, token

AUDIENCE = "api://tocsin"
READING = frozenset({"GET", "HEAD"})
OPEN_TO_ALL = {"health"}


def http_functions() -> Iterator[tuple[HostedFunction, HttpTrigger]]:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
    for blueprint in function_app.CONNECTOR:
        app.register_functions(blueprint)
    for one in index_functions(app, environment={"ServiceBusConnection": "Endpoint=sb://x"}):
        if isinstance(one.trigger, HttpTrigger):
            yield one, one.trigger


FUNCTIONS = {function.name: (function, trigger) for function, trigger in http_functions()}


def bearer(**said: Any) -> dict[str, str]:
    expiry = int(SystemClock().now().timestamp()) + 600
    claims = {"aud": AUDIENCE, "exp": expiry, "nbf": None, "roles": ["Tocsin.Write"], **said}
    return {"authorization": f"Bearer {token(**claims)}"}


@pytest.fixture
async def guarded(tmp_path: Path, certificate: Path) -> AsyncIterator[Application]:
    """This process's application, which asks for tokens and takes 50 requests a second."""
    create_key_file(tmp_path / "data-key.json")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": KEYS}))
    app = Application(
        Settings(
            data_dir=tmp_path,
            scheduler_url="https://127.0.0.1:1",
            client_certificate=certificate,
            data_key_file=tmp_path / "data-key.json",
            connector_token_issuer=NAME,
            connector_token_audience=AUDIENCE,
            connector_token_key_set=str(tmp_path / "keys.json"),
            max_requests_per_second=50,
        ),
        clock=FakeClock(),
    )
    use(app)
    await app.open()
    yield app
    await app.close()


def test_each_function_reads_or_changes_and_all_but_health_ask_for_a_key() -> None:
    for name, (_, trigger) in FUNCTIONS.items():
        assert trigger.methods
        assert trigger.methods <= READING or trigger.methods.isdisjoint(READING)
        assert (trigger.auth_level is AuthLevel.ANONYMOUS) == (name in OPEN_TO_ALL)


def test_the_key_of_a_function_opens_no_other_so_that_one_for_reads_opens_no_change() -> None:
    own: dict[str, tuple[str, ...]] = {name: (f"key of {name}",) for name in FUNCTIONS}
    keys = HostKeys(master="m", host=("h",), functions=own)

    for reading in FUNCTIONS:
        opened = {
            name
            for name, (_, trigger) in FUNCTIONS.items()
            if keys.opens(trigger.auth_level, name, f"key of {reading}")
        }
        assert opened == {reading} | OPEN_TO_ALL


async def answers(headers: dict[str, str]) -> list[tuple[str, bool, func.HttpResponse]]:
    """Call every function by each of its methods: its name, whether it only reads, its answer."""
    found = []
    for name, (function, trigger) in FUNCTIONS.items():
        path = f"/{trigger.template.partition('{')[0]}"
        for method in sorted(trigger.methods):
            response = await function.call(request(method, path, headers=headers))
            found.append((name, method in READING, response))
    return found


async def test_every_function_but_health_asks_for_a_token(guarded: Application) -> None:
    for name, _, response in await answers({}):
        if name in OPEN_TO_ALL:
            assert response.status_code == 200
            continue
        assert (name, response.status_code) == (name, 401)
        assert response.headers["www-authenticate"].startswith("Bearer ")
        assert document_of(response)["error"]["code"] == "InvalidAuthenticationToken"


async def test_who_may_read_may_change_nothing(guarded: Application) -> None:
    for name, is_read, response in await answers(bearer(roles=["Tocsin.Read"])):
        assert (name, response.status_code != 403) == (name, is_read)
        if not is_read:
            assert "Tocsin.Write" in document_of(response)["error"]["message"]


async def test_p4_the_caller_is_on_operation_and_event_and_has_keys_of_its_own(
    guarded: Application,
) -> None:
    bodies = [
        document_of(
            await change_resource(
                request("PUT", JOB_PATH, JOB, headers={**bearer(oid=who), "idempotency-key": "k"})
            )
        )
        for who in ("alice", "bob", "alice")
    ]

    assert [body["caller"] for body in bodies] == ["alice", "bob", "alice"]
    assert bodies[0]["id"] == bodies[2]["id"] != bodies[1]["id"]


async def test_p10_an_instance_takes_so_many_requests_and_always_tells_its_health(
    guarded: Application,
) -> None:
    path = request("GET", "/operations", headers=bearer())
    call = FUNCTIONS["list_operations"][0].call
    statuses = [(await call(path)).status_code for _ in range(50)]

    refused = await call(path)

    assert statuses == [200] * 50
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert (await health(request("GET", "/health"))).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/operations?{'a' * 8_192}", {}, 414),
        ("/operations", {"x-long": "a" * 32_768}, 431),
        ("/operations", {f"x-{number}": "a" * 1_000 for number in range(33)}, 431),
        ("/operations", {"x-long": "a" * 30_000}, 200),
    ],
)
async def test_p10_urls_and_header_sections_have_an_end(
    path: str, headers: dict[str, str], status: int, app: Application
) -> None:
    response = await FUNCTIONS["list_operations"][0].call(request("GET", path, headers=headers))

    assert response.status_code == status


async def test_p10_no_depth_of_json_is_too_deep_to_be_refused(app: Application) -> None:
    brackets = ((b"[", b"]"), (b'{"a":', b"}"))
    deep = [
        opening * depth + b"1" + closing * depth
        for opening, closing in brackets
        for depth in (50, 199, 201, 1_000, 240_000 // len(opening + closing))
    ]
    for body in (found for one in deep for found in (one, b'{"action":%b}' % one)):
        for name, method, path in (
            ("change_resource", "PUT", JOB_PATH),
            ("change_resource", "PATCH", JOB_PATH),
            ("submit_commands", "POST", "/commands"),
            ("create_event_subscription", "POST", "/eventsubscriptions"),
        ):
            response = await FUNCTIONS[name][0].call(request(method, path, body))

            assert response.status_code == 400
