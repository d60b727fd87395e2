"""Sending what a function returns or sets on a Service Bus output.

As in Azure an output carries only a body and is no part of a transaction, and text that looks like JSON is read by the
host: an array becomes one message for each element, an object is written anew with line breaks. Bytes go out exactly.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.host.converters import converter
from shared.host.functions import Output
from shared.messaging.broker import Broker
from shared.messaging.message import Message


async def send_outputs(
    broker: Broker, outputs: Sequence[Output], values: Mapping[str, Any]
) -> None:
    """Send each output's value; None sends nothing. Raises TypeError when one is neither str nor bytes."""
    bodies = {output: message_bodies(values[output.argument]) for output in outputs}
    for output, each in bodies.items():
        if each:
            await broker.send(output.entity, [Message(body=body) for body in each])


def message_bodies(value: object) -> list[bytes]:
    if value is None:
        return []
    try:
        datum = converter("serviceBus").encode(value, expected_type=None)
    except NotImplementedError:
        raise TypeError(
            f"a Service Bus output takes str or bytes, not {type(value).__name__}"
        ) from None
    if datum.type == "bytes":
        return [datum.value]
    return [text.encode() for text in split_text(datum.value)]


def split_text(text: str) -> list[str]:
    bare = text.strip()
    if not (bare.startswith("{") and bare.endswith("}")) and not (
        bare.startswith("[") and bare.endswith("]")
    ):
        return [text]
    try:
        document = json.loads(bare)
    except ValueError:
        return [text]
    elements = document if isinstance(document, list) else [document]
    return [each if isinstance(each, str) else json.dumps(each, indent=2) for each in elements]
