"""The wire of SNS, SQS and EventBridge on a loopback port: it takes what is sent, and fails where a test says so.

For what moto does not do: partial failures, throttling, sizes, silence. SQS and EventBridge speak JSON, SNS the old
query protocol; each refuses what is above the service's limits, as AWS does.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.contracts.event_sink import Behaviour
from tests.shared.events.receiver import HungUp

ENTRIES = 10
BATCH_BYTES = {"sqs": 1_048_576, "sns": 262_144, "events": 1_000_000}
REFUSED = {"sqs": "InternalError", "sns": "InternalError", "events": "InternalException"}
Refusal = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sent:
    """One entry as it arrived, whatever the service."""

    name: str
    text: str
    group: str | None = None
    deduplication: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def event_id(self) -> str:
        return str(json.loads(self.text)["id"])


@dataclass(slots=True)
class AwsWire:
    """Everything that was sent and taken, by the call; `refused` says what becomes of single events.

    A service that is `silent` takes requests and answers none; `held` is how many of them there are.
    """

    port: int = 0
    behaviour: Behaviour = Behaviour.TAKE
    refused: dict[str, Refusal] = field(default_factory=dict)
    whole: Refusal | None = None
    calls: list[list[str]] = field(default_factory=list)
    taken: list[Sent] = field(default_factory=list)
    silent: str | None = None
    held: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.behaviour is Behaviour.STAY_SILENT:
            await asyncio.Event().wait()
        if self.behaviour is Behaviour.HANG_UP:
            return HungUp()
        service, entries = read(request.headers.get("X-Amz-Target", ""), body)
        if service == self.silent:
            await self._hold()
        self.calls.append([entry.event_id for entry in entries])
        if self.behaviour is Behaviour.REFUSE:
            return error(service, (REFUSED[service], "try again"), status=500)
        if self.whole is not None:
            return error(service, self.whole, status=400)
        if len(entries) > ENTRIES:
            return error(service, ("TooManyEntriesInBatchRequest", "more than 10"), status=400)
        if sum(len(entry.text) for entry in entries) > BATCH_BYTES[service]:
            return error(service, ("BatchRequestTooLong", "Batch too long"), status=400)
        self.taken += [entry for entry in entries if entry.event_id not in self.refused]
        return answer(service, entries, self.refused)

    async def until_held(self, count: int) -> None:
        """Wait until so many requests wait for an answer."""
        async with asyncio.timeout(10):
            while self.held < count:
                await self._changed.wait()
                self._changed.clear()

    async def _hold(self) -> None:
        self.held += 1
        self._changed.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.held -= 1


@asynccontextmanager
async def speaking_aws() -> AsyncIterator[AwsWire]:
    """Run the wire."""
    wire = AwsWire()
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/{path:.*}", wire.handle)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    wire.port = runner.addresses[0][1]
    try:
        yield wire
    finally:
        await runner.cleanup()


def read(target: str, body: bytes) -> tuple[str, list[Sent]]:
    match target:
        case "AmazonSQS.SendMessageBatch":
            return "sqs", [sqs_entry(entry) for entry in json.loads(body)["Entries"]]
        case "AWSEvents.PutEvents":
            entries = json.loads(body)["Entries"]
            return "events", [
                Sent(str(place), entry["Detail"], raw=entry) for place, entry in enumerate(entries)
            ]
        case _:
            return "sns", sns_entries(dict(parse_qsl(body.decode())))


def sqs_entry(entry: Mapping[str, Any]) -> Sent:
    attributes = entry.get("MessageAttributes", {})
    return Sent(
        entry["Id"],
        entry["MessageBody"],
        entry.get("MessageGroupId"),
        entry.get("MessageDeduplicationId"),
        {name: value["StringValue"] for name, value in attributes.items()},
    )


def sns_entries(form: Mapping[str, str]) -> list[Sent]:
    assert form["Action"] == "PublishBatch"
    found: list[Sent] = []
    while f"{(at := f'PublishBatchRequestEntries.member.{len(found) + 1}')}.Id" in form:
        attributes: dict[str, str] = {}
        entry = f"{at}.MessageAttributes.entry"
        while (name := form.get(f"{entry}.{len(attributes) + 1}.Name")) is not None:
            attributes[name] = form[f"{entry}.{len(attributes) + 1}.Value.StringValue"]
        found.append(
            Sent(
                form[f"{at}.Id"],
                form[f"{at}.Message"],
                form.get(f"{at}.MessageGroupId"),
                form.get(f"{at}.MessageDeduplicationId"),
                attributes,
            )
        )
    return found


def error(service: str, refusal: Refusal, *, status: int) -> web.Response:
    code, message = refusal
    if service != "sns":
        return web.json_response(
            {"__type": f"com.amazonaws#{code}", "message": message}, status=status
        )
    text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(text=f"{text}<RequestId>r</RequestId></ErrorResponse>", status=status)


def answer(service: str, entries: Sequence[Sent], refused: Mapping[str, Refusal]) -> web.Response:
    failed = {entry.name: refused[entry.event_id] for entry in entries if entry.event_id in refused}
    if service == "events":
        results = [
            {"ErrorCode": failed[entry.name][0], "ErrorMessage": failed[entry.name][1]}
            if entry.name in failed
            else {"EventId": "x"}
            for entry in entries
        ]
        return web.json_response({"FailedEntryCount": len(failed), "Entries": results})
    taken = [entry.name for entry in entries if entry.name not in failed]
    return (sqs_answer if service == "sqs" else sns_answer)(taken, failed)


def sqs_answer(taken: Sequence[str], failed: Mapping[str, Refusal]) -> web.Response:
    return web.json_response(
        {
            "Successful": [
                {"Id": name, "MessageId": "m", "MD5OfMessageBody": "d"} for name in taken
            ],
            "Failed": [
                {"Id": name, "Code": code, "Message": message, "SenderFault": False}
                for name, (code, message) in failed.items()
            ],
        }
    )


def sns_answer(taken: Sequence[str], failed: Mapping[str, Refusal]) -> web.Response:
    successes = "".join(
        f"<member><Id>{name}</Id><MessageId>m</MessageId></member>" for name in taken
    )
    failures = "".join(
        f"<member><Id>{name}</Id><Code>{code}</Code><Message>{message}</Message>"
        "<SenderFault>false</SenderFault></member>"
        for name, (code, message) in failed.items()
    )
    return web.Response(
        text=f"<PublishBatchResponse><PublishBatchResult><Successful>{successes}</Successful>"
        f"<Failed>{failures}</Failed></PublishBatchResult></PublishBatchResponse>",
        content_type="text/xml",
    )
