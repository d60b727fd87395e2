"""The local host: runs the functions of any FunctionApp without Azure."""

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import azure.functions as func

from shared.clock import Clock
from shared.host.admin import PREFIX, Admin
from shared.host.concurrency import Concurrency
from shared.host.functions import HostedFunction, MessageTrigger, TimerTrigger
from shared.host.host_json import HostSettings, read_host_settings
from shared.host.http_trigger import HttpTriggers, Receive, Scope, Send
from shared.host.indexing import index_functions
from shared.host.invocation import Invoker
from shared.host.keys import KEYS_FILE, HostKeys, load_keys
from shared.host.pump import Pump
from shared.host.session_pump import SessionPump
from shared.host.timers import Timer
from shared.messaging.broker import Broker
from shared.random_ids import new_id
from shared.wire.errors import json_error

logger = logging.getLogger(__name__)


class LocalHost:
    """Serves HTTP triggers and /admin as an ASGI app; between `start` and `stop` also queues, topics and timers."""

    def __init__(
        self,
        functions: Sequence[HostedFunction],
        *,
        broker: Broker,
        clock: Clock,
        settings: HostSettings,
        keys: HostKeys,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._settings = settings
        self._functions = tuple(functions)
        self._invoker = Invoker(broker=broker, threads=settings.threads, new_id=new_id)
        self._http = HttpTriggers(functions, invoker=self._invoker, keys=keys, settings=settings)
        self._concurrency = Concurrency(clock, is_serving=lambda: self._http.is_running)
        names = tuple(function.name for function in functions)
        self._admin = Admin(broker=broker, keys=keys, invoker=self._invoker, functions=names)
        self._duties: list[Pump | SessionPump | Timer] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._measuring: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; scope type `http` only."""
        app = self._admin if scope["path"].lower().startswith(PREFIX) else self._http
        await app(scope, receive, send)

    def refusal(self, *, is_method_unknown: bool) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return headers and body of the 400 to what the server cannot read as HTTP, in the connector's form."""
        found = "has an unknown method" if is_method_unknown else "is not valid HTTP/1.1"
        request_id = new_id()
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"x-ms-request-id", request_id.encode()),
        ]
        return headers, json_error("BadRequest", f"The request {found}.")

    async def start(self) -> None:
        """Begin to receive messages and to run timers.

        Raises:
            EntityNotFoundError: a trigger names a queue or subscription that the broker does not have; one with
                sessions is told of in the log.
        """
        self._duties = [duty for each in self._functions if (duty := self._duty(each)) is not None]
        self._tasks = [asyncio.create_task(duty.run()) for duty in self._duties]
        self._measuring = asyncio.create_task(self._concurrency.run())
        logger.info(
            "local host started", extra={"action": "start", "functions": len(self._functions)}
        )

    async def stop(self, *, grace: timedelta) -> None:
        """Receive no more, let running functions end for `grace`, then cancel them.

        A cancelled function's message keeps its lock until that runs out, or until the broker's next owner starts.
        """
        for duty in self._duties:
            await duty.stop()
        if self._tasks:
            ending = asyncio.ensure_future(asyncio.wait(self._tasks))
            patience = asyncio.ensure_future(self._clock.sleep(grace))
            await asyncio.wait((ending, patience), return_when=asyncio.FIRST_COMPLETED)
            for each in (ending, patience, *self._tasks):
                each.cancel()
            await asyncio.gather(ending, patience, *self._tasks, return_exceptions=True)
        if self._measuring is not None:
            self._measuring.cancel()
            await asyncio.gather(self._measuring, return_exceptions=True)
        self._invoker.close()
        logger.info("local host stopped", extra={"action": "stop"})

    def _duty(self, function: HostedFunction) -> Pump | SessionPump | Timer | None:
        match function.trigger:
            case MessageTrigger(has_sessions=True):
                return SessionPump(
                    function,
                    broker=self._broker,
                    invoker=self._invoker,
                    slots=self._concurrency.slots(most=self._settings.max_concurrent_sessions),
                    clock=self._clock,
                    settings=self._settings,
                )
            case MessageTrigger() as trigger:
                return Pump(
                    function,
                    receiver=self._broker.receiver(trigger.entity),
                    invoker=self._invoker,
                    slots=self._concurrency.slots(most=calls_of(trigger, self._settings)),
                    clock=self._clock,
                    settings=self._settings,
                )
            case TimerTrigger() as trigger:
                return Timer(function, trigger, invoker=self._invoker, clock=self._clock)
            case _:
                return None


def calls_of(trigger: MessageTrigger, settings: HostSettings) -> int:
    """Return how many calls of a trigger may run at once; batches run one at a time."""
    return 1 if trigger.is_many else settings.max_concurrent_calls


def host_app(
    app: func.FunctionRegister,
    *,
    root: Path,
    data_dir: Path | None,
    broker: Broker,
    clock: Clock,
    environment: Mapping[str, str],
) -> LocalHost:
    """Return the host of a loaded app, with the host.json of its `root` and the keys file of `data_dir`.

    Without a `data_dir` nobody has its keys: for a program that does not serve the host's HTTP.

    Raises:
        ConfigurationError: the app, host.json or the keys file cannot be used; names everything that is wrong.
    """
    functions = index_functions(app, environment=environment)
    keys = new_keys() if data_dir is None else kept_keys(data_dir, functions)
    settings = read_host_settings(root / "host.json", environment=environment)
    return LocalHost(functions, broker=broker, clock=clock, settings=settings, keys=keys)


def new_keys() -> HostKeys:
    return HostKeys(master=secrets.token_urlsafe(32), host=(), functions={})


def kept_keys(data_dir: Path, functions: Sequence[HostedFunction]) -> HostKeys:
    return load_keys(
        data_dir / KEYS_FILE,
        functions=[function.name for function in functions],
        new_key=lambda: secrets.token_urlsafe(32),
    )
