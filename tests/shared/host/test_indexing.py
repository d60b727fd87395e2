from collections.abc import Callable
from typing import Any, List  # noqa: UP035 - the worker does not know list[...]

import azure.functions as func
import pytest

from shared.errors import ConfigurationError
from shared.host.functions import AuthLevel, HttpTrigger, MessageForm, MessageTrigger, TimerTrigger
from shared.host.indexing import index_functions
from shared.host.ncrontab import parse_ncrontab
from tests.shared.host.hosting import CONNECTION, ENVIRONMENT

Build = Callable[[func.FunctionApp], object]


def handle(message: func.ServiceBusMessage) -> None: ...


def test_triggers_are_read_with_their_settings_resolved() -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ADMIN)

    @app.route(methods=[func.HttpMethod.GET, func.HttpMethod.PUT])
    async def web(req: func.HttpRequest) -> str:
        return ""

    @app.service_bus_topic_trigger(
        arg_name="m", topic_name="%TOPIC%", subscription_name="%S%-x", connection="Other"
    )
    def told(m: str) -> None: ...

    @app.timer_trigger(arg_name="t", schedule="%SCHEDULE%", run_on_startup=True)
    def timed(t: func.TimerRequest) -> None: ...

    first, second, third = index_functions(
        app,
        environment={
            "TOPIC": "events",
            "S": "all",
            "SCHEDULE": "0 5 * * * *",
            "Other__fullyQualifiedNamespace": "x.servicebus.windows.net",
        },
    )

    assert (first.name, first.is_async, first.argument) == ("web", True, "req")
    assert first.trigger == HttpTrigger(
        template="web", methods=frozenset({"GET", "PUT"}), auth_level=AuthLevel.ADMIN
    )
    assert second.trigger == MessageTrigger(
        entity="events/Subscriptions/all-x", form=MessageForm.BODY, is_binary=False, is_many=False
    )
    assert third.trigger == TimerTrigger(
        schedule=parse_ncrontab("0 5 * * * *"), run_on_startup=True
    )


@pytest.mark.parametrize(
    ("data_type", "is_binary"),
    [(None, False), ("string", False), ("binary", True), (func.DataType.BINARY, True)],
)
def test_p10_binary_bodies_are_told_from_text(data_type: Any, is_binary: bool) -> None:
    app = func.FunctionApp()
    app.service_bus_queue_trigger(
        arg_name="message", queue_name="work", connection=CONNECTION, data_type=data_type
    )(handle)

    (function,) = index_functions(app, environment=ENVIRONMENT)

    assert isinstance(function.trigger, MessageTrigger)
    assert function.trigger.is_binary is is_binary


@pytest.mark.parametrize("cardinality", ["many", func.Cardinality.MANY])
def test_batches_are_told_from_single_messages(cardinality: Any) -> None:
    app = func.FunctionApp()

    @app.service_bus_queue_trigger(
        arg_name="m", queue_name="work", connection=CONNECTION, cardinality=cardinality
    )
    def handle_all(m: List[func.ServiceBusMessage]) -> None: ...  # noqa: UP006

    (function,) = index_functions(app, environment=ENVIRONMENT)

    assert isinstance(function.trigger, MessageTrigger)
    assert function.trigger.is_many


def test_p3_a_trigger_with_sessions_is_told_from_one_without() -> None:
    app = func.FunctionApp()
    app.service_bus_queue_trigger(
        arg_name="message", queue_name="turns", connection=CONNECTION, is_sessions_enabled=True
    )(handle)

    (function,) = index_functions(app, environment=ENVIRONMENT)

    assert isinstance(function.trigger, MessageTrigger)
    assert function.trigger.has_sessions


def two_routes(app: func.FunctionApp) -> None:
    def first(req: func.HttpRequest) -> str:
        return ""

    def second(req: func.HttpRequest) -> str:
        return ""

    app.route(route="jobs/{a}", methods=["GET"])(first)
    app.route(route="Jobs/{b}")(second)


def bad_schedule(app: func.FunctionApp) -> None:
    def timed(t: func.TimerRequest) -> None: ...

    app.timer_trigger(arg_name="t", schedule="0 61 * * * *")(timed)


def retried_timer(app: func.FunctionApp) -> None:
    def timed(t: func.TimerRequest) -> None: ...

    app.timer_trigger(arg_name="t", schedule="0 1 * * * *")(
        app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:01")(timed)
    )


def queue(queue_name: str = "work", connection: str = CONNECTION) -> Build:
    def build(app: func.FunctionApp) -> None:
        app.service_bus_queue_trigger(
            arg_name="message", queue_name=queue_name, connection=connection
        )(handle)

    return build


def batches_of_sessions(app: func.FunctionApp) -> None:
    def handle_all(m: List[func.ServiceBusMessage]) -> None: ...  # noqa: UP006

    app.service_bus_queue_trigger(
        arg_name="m",
        queue_name="turns",
        connection=CONNECTION,
        cardinality="many",
        is_sessions_enabled=True,
    )(handle_all)


def blob(app: func.FunctionApp) -> None:
    def stored(b: func.InputStream) -> None: ...

    app.blob_trigger(arg_name="b", path="p", connection=CONNECTION)(stored)


def blob_output(app: func.FunctionApp) -> None:
    def web(req: func.HttpRequest, b: func.Out[str]) -> str:
        return ""

    app.route(route="r")(app.blob_output(arg_name="b", path="p", connection=CONNECTION)(web))


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (two_routes, "function 'second': route 'Jobs/{b}' collides with that of function 'first'"),
        (bad_schedule, "function 'timed': schedule: minute: '61' is not within 0-59"),
        (retried_timer, "retry policies of timers are not supported"),
        (queue("%MISSING%"), "%MISSING%: the setting is missing"),
        (
            queue(connection="Nowhere"),
            "neither Nowhere nor Nowhere__fullyQualifiedNamespace is set",
        ),
        (batches_of_sessions, "batches of a session are not supported"),
        (blob, "trigger 'blobTrigger' is not supported"),
        (blob_output, "binding 'b' of type 'blob' is not supported"),
        (lambda _: None, "has no functions"),
    ],
)
def test_what_cannot_run_is_refused_with_its_name(build: Build, reason: str) -> None:
    app = func.FunctionApp()
    build(app)

    with pytest.raises(ConfigurationError, match=reason):
        index_functions(app, environment=ENVIRONMENT)


def test_all_faults_are_reported_together() -> None:
    app = func.FunctionApp()
    bad_schedule(app)
    queue("%A%", "B")(app)

    with pytest.raises(ConfigurationError) as caught:
        index_functions(app, environment={})

    assert [part.split(":")[0] for part in caught.value.message.split("; ")] == [
        "function 'timed'",
        "function 'handle'",
        "function 'handle'",
    ]


def test_an_app_is_indexed_once() -> None:
    app = func.FunctionApp()
    queue()(app)
    index_functions(app, environment=ENVIRONMENT)

    with pytest.raises(ConfigurationError, match="cannot be indexed"):
        index_functions(app, environment=ENVIRONMENT)
