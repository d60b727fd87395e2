"""A webhook receiver: keeps each event whose signature is right, once, and refuses the rest.

What a subscriber's own endpoint has to do, in little: verify before reading, answer fast, know what came before.
"""

import json
import logging
from pathlib import Path
from typing import Any

from shared.cli.serving import end_asked, serving
from shared.clock import Clock, SystemClock
from shared.errors import AuthenticationError, ConfigurationError
from shared.events.webhook_signature import key_of, verify
from shared.host.http_trigger import Receive, Scope, Send
from shared.host.server import HOST, Endpoint, run
from shared.telemetry import configure_logging

logger = logging.getLogger(__name__)

BODY_LIMIT = 1_048_576


def serve(*, port: int, secret_file: Path, output: Path) -> None:
    """Receive on loopback until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: no secret, a file that cannot be written, or a port that is taken.
    """
    configure_logging()
    secret = read_secret(secret_file)
    try:
        receiver = Receiver(secret=secret, output=output, clock=SystemClock())
    except OSError as error:
        raise ConfigurationError(f"cannot write {output}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{output} holds something else than events") from error
    run(receive_until_signal(receiver, port=port, output=output))


async def receive_until_signal(receiver: "Receiver", *, port: int, output: Path) -> None:
    asked = end_asked()
    async with serving([Endpoint(app=receiver, port=port)]):
        print(f"receiving webhooks on http://{HOST}:{port}/, writing {output}", flush=True)
        await asked.wait()


class Receiver:
    """ASGI application that appends verified events to a file, one JSON object a line."""

    def __init__(self, *, secret: str, output: Path, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock
        self._seen = known_ids(output)
        output.touch()
        self._output = output

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status = 405
        if scope["method"] == "POST":
            body = await read_body(receive)
            headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
            }
            status = 413 if body is None else self._accept(headers, body)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-length", b"0")],
            }
        )
        await send({"type": "http.response.body"})

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
    return {json.loads(line)["id"] for line in output.read_text(encoding="utf-8").splitlines()}


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


async def read_body(receive: Receive) -> bytes | None:
    """Return the request's body, None when it is larger than any event."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body", False):
            return body
