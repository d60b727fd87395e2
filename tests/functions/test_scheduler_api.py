import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import azure.functions as func
import pytest

from functions.scheduler_api import serve_scheduler
from shared.bootstrap import Application, use
from shared.clock import SystemClock
from shared.development_certificates import create_development_certificates
from shared.key_ring import create_key_file
from shared.settings import Role, Settings
from tests.clocks import FakeClock
from tests.shared.scheduler.scheduler_stack import CLOUD_SERVICE, CS, JC, ROOT, SUBSCRIPTION

BASE = "https://tocsin.azurewebsites.net"
VERSION = {"x-ms-version": "2014-10-01"}


@pytest.fixture
def cer(tmp_path: Path) -> Path:
    # The platform's clock judges identities, so it has to be valid now.
    return create_development_certificates(tmp_path / "tls", now=SystemClock().now()).client_cer


@pytest.fixture
def shown(cer: Path) -> dict[str, str]:
    """The headers of a caller whose certificate the platform has seen."""
    return {**VERSION, "X-ARR-ClientCert": base64.b64encode(cer.read_bytes()).decode()}


@pytest.fixture(params=[True])
def is_behind_app_service(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def service(
    tmp_path: Path, cer: Path, is_behind_app_service: bool
) -> AsyncIterator[Application]:
    create_key_file(tmp_path / "data-key.json")
    app = Application(
        Settings(
            role=Role.SCHEDULER,
            data_dir=tmp_path,
            data_key_file=tmp_path / "data-key.json",
            management_certificates=(cer,),
            behind_app_service=is_behind_app_service,
        ),
        clock=FakeClock(),
    )
    use(app)
    await app.open()
    yield app
    await app.close()


async def call(
    method: str, target: str, headers: dict[str, str], body: bytes = b""
) -> func.HttpResponse:
    response: func.HttpResponse = await serve_scheduler(
        func.HttpRequest(
            method=method,
            url=f"{BASE}{target}",
            headers=headers,
            params={},
            route_params={"path": target},
            body=body,
        )
    )
    return response


async def test_the_holder_of_a_certificate_manages_their_subscription(
    service: Application, shown: dict[str, str]
) -> None:
    created = await call("PUT", CS, shown, CLOUD_SERVICE.encode())
    listed = await call("GET", f"{ROOT}/CloudServices", shown)

    assert created.status_code == 202
    assert len(created.headers["x-ms-request-id"]) == 32
    assert listed.status_code == 200
    assert listed.headers["content-type"] == "application/xml; charset=utf-8"
    assert b"<Name>cs1</Name>" in listed.get_body()


@pytest.mark.parametrize("is_behind_app_service", [False], indirect=True)
async def test_nobody_is_believed_a_header_unless_the_platform_is_in_front(
    service: Application, shown: dict[str, str]
) -> None:
    refused = await call("GET", f"{ROOT}/cloudservices", shown)

    assert refused.status_code == 403
    assert b"<Code>AuthenticationFailed</Code>" in refused.get_body()


@pytest.mark.parametrize("header", ["", "!!", "AAAA", "-----BEGIN CERTIFICATE-----", "ä"])
async def test_p10_a_malformed_header_is_403(service: Application, header: str) -> None:
    refused = await call("GET", f"{ROOT}/cloudservices", {**VERSION, "X-ARR-ClientCert": header})

    assert refused.status_code == 403


async def test_a_path_arrives_as_it_was_sent(service: Application, shown: dict[str, str]) -> None:
    passed = await call(
        "GET", f"{JC.replace('/JobC', '/%7E/JobC')}/jobs/a%2Fb?api-version=1", shown
    )
    tilde = await call("GET", f"{JC.replace('/JobC', '/~/JobC')}/jobs/a", shown)

    assert passed.status_code == 400
    assert "a/b" in json.loads(passed.get_body())["error"]["message"]
    assert tilde.status_code == 404


async def test_arm_is_served_too(service: Application) -> None:
    refused = await call("GET", f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Scheduler", {})

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer ")
