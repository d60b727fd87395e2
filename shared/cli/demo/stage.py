"""The processes of the demo: the whole stack in one, the webhook receiver in another."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.cli.demo.action_log import ActionLog
from shared.cli.demo.caller import Caller
from shared.cli.demo.child import Child
from shared.cli.demo.expectation import Found, UnmetExpectationError, expect, wait_until
from shared.cli.demo.inbox import Inbox
from shared.cli.demo.knock import knock
from shared.cli.demo.ports import Ports
from shared.cli.demo.stage_broker import StageBroker
from shared.cli.demo.timeline import Timeline
from shared.cli.demo.wording import describe, describe_action, instant_of
from shared.cli.host_client import HostClient
from shared.cli.stack_folder import StackFolder
from shared.clock import Clock
from shared.errors import ConfigurationError, TransientError
from shared.settings import BrokerKind, load_settings

READY_WITHIN = timedelta(seconds=60)
LOOK_EVERY = timedelta(milliseconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """What carries the stack's messages, and whether its host is strict."""

    broker: BrokerKind = BrokerKind.EMBEDDED
    is_strict: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """Those of `tocsin up`."""
        return ("--broker", self.broker, *(("--strict",) if self.is_strict else ()))


class Stage:
    """Starts, kills and ends the processes; `inbox` and `actions` are what the receiver has kept."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        transport: Transport | None = None,
        *,
        timeline: Timeline,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._ports = ports
        self._timeline = timeline
        self._clock = clock
        transport = transport or Transport()
        is_apart = transport.broker is BrokerKind.SERVICEBUS
        self._broker = StageBroker(folder, ports.broker, clock=clock) if is_apart else None
        self._secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
        self._stack = Child(
            [
                *("up", "--data-dir", str(folder / "stack"), "--port", str(ports.host)),
                *("--scheduler-port", str(ports.scheduler), *transport.options),
            ],
            log=folder / "stack.log",
        )
        events, actions = folder / "events.jsonl", folder / "actions.jsonl"
        secret_file = folder / "webhook-secret"
        self._receiver = Child(
            [
                *("receive", "--port", str(ports.receiver), "--output", str(events)),
                *("--secret-file", str(secret_file), "--actions", str(actions)),
            ],
            log=folder / "receiver.log",
        )
        self._secret_file = secret_file
        self.inbox = Inbox(events)
        self.actions = ActionLog(actions)

    @property
    def children(self) -> tuple[Child, ...]:
        broker = () if self._broker is None else (self._broker.child,)
        return (self._stack, self._receiver, *broker)

    @property
    def stack_pid(self) -> int:
        return self._stack.pid

    async def start_receiver(self) -> None:
        self._secret_file.touch(mode=0o600)
        self._secret_file.write_text(self._secret)
        await self._receiver.start()
        url = self._receiver_url
        await self._ready(self._receiver, lambda: HostClient(url, key=""), "/", is_up=405)
        self._say_started("receiver", self._receiver, f"webhook receiver on {url}")

    async def start_broker(self) -> None:
        """Start the Service Bus that the stack runs on, where it runs on one."""
        if self._broker is not None:
            with self._timeline.waiting("starting"):
                await self._broker.start()
            what = f"tocsin broker on amqp://127.0.0.1:{self._ports.broker}"
            self._say_started("queue", self._broker.child, what)

    async def start_stack(self) -> None:
        await self._stack.start({} if self._broker is None else self._broker.environment)
        # Reading through shows more than a port that listens: key, client certificate and TLS all work.
        await self._ready(self._stack, self._client, "/api/cloudservices", is_up=200)
        self._say_started("stack", self._stack, f"local host on {self._host_url}")

    async def show_authentication(self) -> None:
        """Call the Scheduler service with the client certificate, then with none."""
        url = f"https://127.0.0.1:{self._ports.scheduler}"
        cases = (
            (True, "the client certificate", "200"),
            (False, "no certificate", "403 AuthenticationFailed"),
        )
        for is_known, certificate, expected in cases:
            answer = await knock(
                url,
                subscription=load_settings().subscription_id,
                certificates=StackFolder(self._folder / "stack").certificates,
                is_known=is_known,
            )
            expect(answer == expected, f"{expected} with {certificate} at {url}", answer)
            self._timeline.say("scheduler", f"{url} called with {certificate} → {answer}")

    async def kill_broker(self) -> None:
        assert self._broker is not None
        await self._broker.child.kill()

    async def kill_stack(self) -> None:
        pid, killed_at = self.stack_pid, self._clock.now()
        await self._stack.kill()
        self._timeline.say("stack", f"process {pid} killed with SIGKILL", at=killed_at)

    async def stop(self) -> None:
        """Ask every process to end, and make it."""
        try:
            for child in self.children:
                await child.stop()
        finally:
            for child in self.children:
                child.kill_now()

    @asynccontextmanager
    async def caller(self) -> AsyncIterator[Caller]:
        """Return a caller of the running stack; meanwhile each event and each action that arrives is shown."""
        with self._timeline.holding():
            watching = asyncio.create_task(self._show_arrivals())
            async with self._client() as client:
                try:
                    yield Caller(client, timeline=self._timeline, clock=self._clock)
                finally:
                    watching.cancel()
                    with suppress(asyncio.CancelledError):
                        await watching

    def event_subscription(self) -> dict[str, Any]:
        """Return the event subscription that brings every event to the receiver."""
        url = f"{self._receiver_url}/"
        return {"sink": {"type": "webhook", "url": url, "secret": self._secret}}

    def action_url(self, name: str) -> str:
        """Return a target for the action of a job; its query can ask for another answer than 200 at once."""
        return f"{self._receiver_url}/actions/{name}"

    @property
    def _receiver_url(self) -> str:
        return f"http://127.0.0.1:{self._ports.receiver}"

    @property
    def _host_url(self) -> str:
        return f"http://127.0.0.1:{self._ports.host}"

    def _client(self) -> HostClient:
        return HostClient(self._host_url, key=StackFolder(self._folder / "stack").host_key())

    def _say_started(self, component: str, child: Child, what: str) -> None:
        self._timeline.say(component, f"{what}, process {child.pid}")

    async def _ready(
        self, child: Child, new_client: Callable[[], HostClient], path: str, *, is_up: int
    ) -> None:
        async def look() -> bool | Found:
            if child.exit_code is not None:
                raise UnmetExpectationError(
                    f"`{child.command}` to start",
                    f"exit code {child.exit_code}: {child.log_tail(lines=1)}",
                )
            try:
                async with new_client() as client:
                    answer = await client.request("GET", path)
            except (TransientError, ConfigurationError) as error:  # no server yet, or no keys
                return Found(error.message)
            return answer.status == is_up or Found(f"{answer.status}: {answer.body}")

        expected = f"`{child.command}` to answer GET {path} with {is_up}"
        with self._timeline.waiting("starting"):
            await wait_until(expected, look, within=READY_WITHIN, clock=self._clock)

    async def _show_arrivals(self) -> None:
        while True:
            for arrival in self.inbox.read_new():
                self._timeline.say("receiver", describe(arrival), at=arrival.arrived_at)
            for seen in self.actions.read_new():
                self._timeline.say("target", describe_action(seen), at=instant_of(seen))
            self._timeline.print_due()
            await self._clock.sleep(LOOK_EVERY)
