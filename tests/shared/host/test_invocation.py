import threading
from collections.abc import Callable
from typing import Any

import azure.functions as func
import pytest

from shared.errors import InvocationError
from shared.host.functions import HostedFunction
from shared.host.invocation import Invoker
from shared.messaging.embedded.broker import EmbeddedBroker
from tests.shared.host.hosting import indexed


def hosted(call: Callable[..., Any]) -> HostedFunction:
    app = func.FunctionApp()
    app.route(route="r")(call)
    (function,) = indexed(app)
    return function


@pytest.fixture
def invoker(broker: EmbeddedBroker) -> Invoker:
    return Invoker(broker=broker, threads=2, new_id=lambda: "invocation-1")


async def test_sync_functions_run_in_threads_and_async_ones_on_the_loop(invoker: Invoker) -> None:
    def sync(req: func.HttpRequest) -> str:
        return threading.current_thread().name

    async def on_loop(req: func.HttpRequest) -> str:
        return threading.current_thread().name

    names = [await invoker.invoke(hosted(each), lambda: None) for each in (sync, on_loop)]

    assert names[0].startswith("function")
    assert names[1] == threading.current_thread().name


async def test_context_is_filled(invoker: Invoker) -> None:
    seen: list[func.Context] = []

    async def watched(req: func.HttpRequest, context: func.Context) -> str:
        seen.append(context)
        return ""

    await invoker.invoke(hosted(watched), lambda: None, trace=("00-parent", "state"))

    (context,) = seen
    assert (context.function_name, context.invocation_id) == ("watched", "invocation-1")
    assert context.thread_local_storage.invocation_id == "invocation-1"  # type: ignore[attr-defined] # as documented
    assert context.trace_context.trace_parent == "00-parent"
    assert context.trace_context.trace_state == "state"
    assert context.retry_context.retry_count == context.retry_context.max_retry_count == 0
    assert context.function_directory.endswith("host")


async def test_every_part_of_an_invocation_can_fail_it(invoker: Invoker) -> None:
    async def fine(req: func.HttpRequest) -> str:
        return "text"

    def no_argument() -> None:
        raise ValueError("cannot be decoded")

    function = hosted(fine)
    with pytest.raises(InvocationError):
        await invoker.invoke(function, no_argument)
    with pytest.raises(InvocationError):
        await invoker.invoke(function, lambda: None, read=int)
    assert await invoker.invoke(function, lambda: None, read=str.upper) == "TEXT"

    assert (invoker.succeeded["fine"], invoker.failed["fine"]) == (1, 2)
