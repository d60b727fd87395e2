"""Calling a function: its arguments, its thread or task, its failure."""

import asyncio
import functools
import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import azure.functions as func

from shared.errors import InvocationError
from shared.host.functions import RETURN, HostedFunction
from shared.host.outputs import send_outputs
from shared.messaging.broker import Broker

logger = logging.getLogger(__name__)

# SystemExit and CancelledError out of a function end the invocation here; Azure's worker dies of the first and
# hangs on the second.
FAILURES = (Exception, SystemExit, asyncio.CancelledError)


class OutValue(func.Out[Any]):
    """What a function sets on an output parameter; the last value wins."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


class Trace:
    """The caller's W3C trace context."""

    def __init__(self, trace_parent: str, trace_state: str) -> None:
        self._trace_parent = trace_parent
        self._trace_state = trace_state

    @property
    def trace_parent(self) -> str:
        return self._trace_parent

    @property
    def trace_state(self) -> str:
        return self._trace_state

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class NoRetry:
    """The context of a function that this host never retries."""

    @property
    def retry_count(self) -> int:
        return 0

    @property
    def max_retry_count(self) -> int:
        return 0

    @property
    def exception(self) -> Any:
        return None


class InvocationContext(func.Context):
    """What a parameter named `context` gets."""

    def __init__(self, function: HostedFunction, invocation_id: str, trace: Trace) -> None:
        self._function = function
        self._invocation_id = invocation_id
        self._trace = trace
        self._local = threading.local()
        self._local.invocation_id = invocation_id

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        return self._local

    @property
    def function_name(self) -> str:
        return self._function.name

    @property
    def function_directory(self) -> str:
        return str(self._function.directory)

    @property
    def trace_context(self) -> Any:
        return self._trace

    @property
    def retry_context(self) -> Any:
        return NoRetry()


class Invoker:
    """Runs functions: async ones on this event loop, the others in threads; counts how they ended."""

    def __init__(self, *, broker: Broker, threads: int, new_id: Callable[[], str]) -> None:
        self._broker = broker
        self._new_id = new_id
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self.succeeded: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    async def invoke(
        self,
        function: HostedFunction,
        argument: Callable[[], Any],
        *,
        trace: tuple[str, str] = ("", ""),
        read: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Call `function` with `argument()`, send its outputs and return what it returned, through `read`.

        Raises:
            InvocationError: the argument, the function, `read` or an output failed; it has been logged.
        """
        try:
            result = await self._run(function, argument(), trace)
            if read is not None:
                result = read(result)
        except FAILURES as error:
            if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
                raise
            self.failed[function.name] += 1
            logger.error(
                "function %s failed: %s",
                function.name,
                type(error).__name__,
                exc_info=error,
                extra={"action": "invoke", "function": function.name},
            )
            raise InvocationError(f"function {function.name!r} failed") from error
        self.succeeded[function.name] += 1
        return result

    def close(self) -> None:
        """Start no more threads; calls that run in one go on to their end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: HostedFunction, value: object, trace: tuple[str, str]) -> Any:
        arguments: dict[str, Any] = {function.argument: value}
        if function.takes_context:
            arguments["context"] = InvocationContext(function, self._new_id(), Trace(*trace))
        outs = {
            output.argument: OutValue() for output in function.outputs if output.argument != RETURN
        }
        if function.is_async:
            result = await function.call(**arguments, **outs)
        else:
            call = functools.partial(call_in_thread, function.call, arguments | outs)
            result = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        if result is not None and not function.returns:
            raise TypeError(f"{function} returned a value and has no $return binding")
        if function.outputs:
            values = {name: out.get() for name, out in outs.items()} | {RETURN: result}
            await send_outputs(self._broker, function.outputs, values)
        return result


def call_in_thread(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        return call(**arguments)
    except StopIteration as error:  # no Future can hold it: the caller would wait for ever
        raise RuntimeError("the function raised StopIteration") from error


def is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
