"""A webhook receiver: keeps each event whose signature is right, once, and refuses the rest.

What a subscriber's own endpoint has to do, in little: verify before reading, answer fast, know what came before.
Where it is asked to, it is a target for the actions of jobs as well.
"""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.cli.action_target import BODY_LIMIT, PREFIX, ActionTarget
from shared.cli.serving import end_asked, serving
from shared.clock import Clock, SystemClock
from shared.errors import AuthenticationError, ConfigurationError
from shared.events.webhook_signature import key_of, verify
from shared.host.answers import Answer
from shared.host.http_trigger import (
    EMPTY,
    TOO_LARGE,
    BodyTooLargeError,
    DisconnectedError,
    Receive,
    Scope,
    Send,
    read_body,
    read_headers,
    send_answer,
)
from shared.host.server import HOST, Endpoint, run
from shared.telemetry import configure_logging

logger = logging.getLogger(__name__)

App = Callable[[Scope, Receive, Send], Awaitable[None]]


def serve(*, port: int, secret_file: Path, output: Path, actions: Path | None) -> None:
    """Receive on loopback until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: no secret, a file that cannot be written, or a port that is taken.
    """
    configure_logging()
    clock = SystemClock()
    secret = read_secret(secret_file)
    with writable(output):
        receiver = Receiver(secret=secret, output=output, clock=clock)
    app: App = receiver
    says = f"writing {output}"
    if actions is not None:
        with writable(actions):
            target = ActionTarget(actions, clock=clock, new_id=lambda: str(uuid.uuid4()))
        app = either(target, receiver)
        says += f", and what comes to {PREFIX} to {actions}"
    run(receive_until_signal(app, port=port, says=says))


@contextmanager
def writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error


async def receive_until_signal(app: App, *, port: int, says: str) -> None:
    asked = end_asked()
    async with serving([Endpoint(app=app, port=port)]):
        print(f"receiving webhooks on http://{HOST}:{port}/, {says}", flush=True)
        await asked.wait()


def either(target: ActionTarget, receiver: "Receiver") -> App:
    """Return both as one: what is below /actions/ is for the target."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_action = scope["path"].startswith(PREFIX)
        await (target if is_action else receiver)(scope, receive, send)

    return app


class Receiver:
    """ASGI application that appends verified events to a file, one JSON object a line."""

    def __init__(self, *, secret: str, output: Path, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock
        self._seen = known_ids(output)
        output.touch()
        self._output = output

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await send_answer(send, Answer(405, EMPTY, b""))
            return
        headers = read_headers(scope)
        try:
            body = await read_body(receive, headers, limit=BODY_LIMIT)
        except BodyTooLargeError:
            await send_answer(send, TOO_LARGE)
        except DisconnectedError:
            return
        else:
            await send_answer(send, Answer(self._accept(headers, body), EMPTY, b""))

    def _accept(self, headers: dict[str, str], body: bytes) -> int:
        try:
            verify(self._secret, headers, body, now=self._clock.now())
        except AuthenticationError as error:
            logger.warning("refused", extra={"action": "refuse", "reason": error.message})
            return 401
        try:
            event = json.loads(body)
        except ValueError:
            logger.warning(
                "not JSON", extra={"action": "refuse", "webhook_id": headers["webhook-id"]}
            )
            return 400
        self._keep(headers["webhook-id"], event)
        return 204

    def _keep(self, webhook_id: str, event: Any) -> None:
        if webhook_id in self._seen:
            logger.info("repeated", extra={"action": "repeat", "webhook_id": webhook_id})
            return
        self._seen.add(webhook_id)
        line = {"id": webhook_id, "arrivedAt": self._clock.now().isoformat(), "event": event}
        with self._output.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")


def known_ids(output: Path) -> set[str]:
    """Return the ids already in the file, so that a restarted receiver keeps nothing twice."""
    if not output.exists():
        return set()
    try:
        lines = output.read_text(encoding="utf-8").splitlines()
        return {json.loads(line)["id"] for line in lines}
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{output} holds something else than events") from error


def read_secret(path: Path) -> str:
    """Raises ConfigurationError when the file cannot be read or holds no secret."""
    try:
        secret = path.read_text(encoding="ascii").strip()
        key_of(secret)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"the secret in {path} {error}") from None
    return secret
