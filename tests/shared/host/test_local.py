import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import azure.functions as func
import pytest

from shared.errors import ConfigurationError, EntityNotFoundError
from shared.host.keys import KEYS_FILE
from shared.host.local import host_app
from shared.messaging.embedded.broker import EmbeddedBroker
from tests.clocks import FakeClock
from tests.shared.host.hosting import CONNECTION, call, indexed, make_host


def one_route() -> func.FunctionApp:
    app = func.FunctionApp()

    @app.route(route="closed")
    async def closed(req: func.HttpRequest) -> str:
        return "open"

    return app


async def test_an_app_is_hosted_with_its_host_json_and_keys(
    tmp_path: Path, broker: EmbeddedBroker, clock: FakeClock
) -> None:
    (tmp_path / "host.json").write_text('{"extensions": {"http": {"routePrefix": "v1"}}}')
    data = tmp_path / "data"

    host = host_app(
        one_route(), root=tmp_path, data_dir=data, broker=broker, clock=clock, environment={}
    )

    key = json.loads((data / KEYS_FILE).read_text())["functionKeys"]["closed"]["default"]
    assert (await call(host, "GET", f"/v1/closed?code={key}")).body == b"open"
    assert (await call(host, "GET", "/v1/closed")).status == 401


async def test_an_unusable_host_json_is_refused(
    tmp_path: Path, broker: EmbeddedBroker, clock: FakeClock
) -> None:
    with pytest.raises(ConfigurationError, match=r"host\.json"):
        host_app(
            one_route(),
            root=tmp_path,
            data_dir=tmp_path,
            broker=broker,
            clock=clock,
            environment={},
        )


async def test_start_refuses_a_queue_that_the_broker_does_not_have(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    app = func.FunctionApp()

    @app.service_bus_queue_trigger(arg_name="m", queue_name="nothing", connection=CONNECTION)
    def handle(m: func.ServiceBusMessage) -> None: ...

    host = make_host(indexed(app), broker=broker, clock=clock)

    with pytest.raises(EntityNotFoundError):
        await host.start()


async def test_a_host_without_queues_and_timers_starts_and_stops(
    broker: EmbeddedBroker, clock: FakeClock
) -> None:
    host = make_host(indexed(one_route()), broker=broker, clock=clock)

    await host.start()
    await host.stop(grace=timedelta(seconds=5))


@pytest.mark.parametrize("is_method_unknown", [True, False])
async def test_what_is_no_http_is_refused_in_the_connectors_form(
    is_method_unknown: bool, broker: EmbeddedBroker, clock: FakeClock
) -> None:
    host = make_host(indexed(one_route()), broker=broker, clock=clock)

    headers, body = host.refusal(is_method_unknown=is_method_unknown)

    error = json.loads(body)["error"]
    assert error["code"] == "BadRequest"
    assert ("method" in error["message"]) == is_method_unknown
    assert dict(headers)[b"content-type"] == b"application/json; charset=utf-8"
    assert str(UUID(dict(headers)[b"x-ms-request-id"].decode())).encode() in dict(headers).values()
