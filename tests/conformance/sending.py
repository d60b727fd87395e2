"""Sends requests, however wrong, to the service as an HTTP server would, and tells what it did."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

from tests.conformance.mutating import Caller, Sent
from tests.shared.scheduler.scheduler_stack import (
    CLOUD_SERVICE,
    CS,
    JC,
    JOB,
    JOBS,
    ROOT,
    SUBSCRIPTION,
    Reply,
    Stack,
    job_collection,
)

NAMES = re.compile("[a-z0-9!#$%&'*+.^_`|~-]+")
GARBAGE = {"classic": b"\x30\x03\x02\x01\x05", "arm": b"Bearer e30.e30.e30"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error says."""

    status: int
    code: str
    message: str


class Sender:
    """Sends for one run; `token` opens the subscription at ARM."""

    def __init__(self, stack: Stack, *, stranger: bytes) -> None:
        """`stranger` is a certificate that nobody registered."""
        self._stack = stack
        self._token = f"Bearer {stack.token}".encode()
        self._stranger = stranger

    async def send(self, sent: Sent) -> Reply:
        """Raises when the app does: a server would answer 500."""
        pieces = [{"type": "http.request", "body": piece, "more_body": True} for piece in cut(sent)]
        pieces.append({"type": "http.request", "body": b"", "more_body": False})
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            return pieces.pop(0) if pieces else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)

        await self._stack.app(self._scope(sent), receive, send)
        start, *rest = messages
        pairs = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]
        ]
        return Reply(start["status"], pairs, b"".join(one["body"] for one in rest))

    def _scope(self, sent: Sent) -> dict[str, Any]:
        path = sent.path.encode()
        is_classic = sent.surface == "classic"
        certificate = self._certificate(sent.caller) if is_classic else None
        headers = [
            (name.lower().encode(), value.encode("latin-1", "replace"))
            for name, value in sent.headers
        ]
        if not is_classic:
            headers += self._authorization(sent.caller)
        return {
            "type": "http",
            "method": sent.method,
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": sent.query.encode(),
            "headers": headers,
            "extensions": {"tls": {"client_cert_der": certificate}},
        }

    def _certificate(self, caller: Caller) -> bytes | None:
        match caller:
            case Caller.KNOWN:
                return self._stack.certificate
            case Caller.STRANGER:
                return self._stranger
            case Caller.GARBAGE:
                return GARBAGE["classic"]
            case Caller.NOBODY:
                return None

    def _authorization(self, caller: Caller) -> list[tuple[bytes, bytes]]:
        match caller:
            case Caller.KNOWN:
                return [(b"authorization", self._token)]
            case Caller.STRANGER:
                return [(b"authorization", self._token[:-4] + b"AAAA")]
            case Caller.GARBAGE:
                return [(b"authorization", GARBAGE["arm"])]
            case Caller.NOBODY:
                return []


def cut(sent: Sent) -> list[bytes]:
    """Return the body in pieces, of which some may be empty."""
    size = max(1, len(sent.body) // max(1, sent.pieces))
    return [sent.body[at : at + size] for at in range(0, len(sent.body), size)]


def refusal_of(reply: Reply) -> Refusal:
    """Raises AssertionError when the body is no error in a form that clients read."""
    kind = reply.headers.get("content-type", "")
    code, message = (
        read_xml(reply.body) if kind.startswith("application/xml") else read_json(reply.body)
    )
    assert code, f"{reply.status} without a code: {reply.body[:200]!r}"
    assert message, f"{reply.status} {code} without a message"
    return Refusal(reply.status, code, message)


def read_xml(body: bytes) -> tuple[str, str]:
    try:
        root = fromstring(body)
    except ParseError as error:
        raise AssertionError(f"no XML: {body[:200]!r}") from error
    texts = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    assert root.tag.endswith("}Error")
    return texts["Code"], texts["Message"]


def read_json(body: bytes) -> tuple[str, str]:
    error: Mapping[str, str] = json.loads(body)["error"]
    return error["code"], error["message"]


async def prove_service(stack: Stack) -> None:
    """Go through the life of a job, as a client whose requests are right, and leave what mutations are about."""
    # A group that ARM made of the same name may be in another region.
    await stack.call("DELETE", CS)
    await stack.work()
    for target, body in ((CS, CLOUD_SERVICE), (JC, job_collection("P20Premium"))):
        reply = await stack.call("PUT", target, body)
        assert reply.status == 202, reply.text()
        await stack.work()
        assert await stack.status(reply) == "Succeeded"
    job = f"{JOBS}/job1"
    assert (await stack.call("PUT", job, JOB)).status == 201
    shown = await stack.call("GET", job)
    assert shown.status == 200
    assert shown.json()["state"] == "enabled"
    assert (await stack.call("GET", f"{ROOT}/cloudservices")).status == 200
    arm = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/cs1/providers/Microsoft.Scheduler"
    listed = await stack.call_arm("GET", f"{arm}/jobCollections/jc1/jobs?api-version=2016-03-01")
    assert listed.status == 200, listed.text()
