"""Dead-lettered deliveries of an event subscription: `tocsin deadletters … --event-subscription ID`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from shared.cli.stack_client import StackClient, segment
from shared.cli.terminal import cell, duration_text, many, output, print_json, stacked, table_of
from shared.clock import Clock
from shared.errors import PermanentError
from shared.wire.times import parse_instant

PAGE = 1000
MOST_IDS = 1000

Letter = Mapping[str, Any]


async def list_letters(
    client: StackClient, event_subscription: str, *, limit: int, as_json: bool, clock: Clock
) -> None:
    """Print deliveries that were given up, the oldest event first."""
    letters: list[Letter] = []
    while len(letters) < limit:
        most = min(limit - len(letters), PAGE)
        query = {"after": int(letters[-1]["sequence"]) if letters else None, "limit": most}
        page = (await client.get(letters_path(event_subscription), query))["value"]
        letters += page
        if len(page) < most:
            break
    if as_json:
        print_json(letters)
    else:
        output().print(letters_table(letters, clock.now()))


async def redrive_letters(
    client: StackClient, event_subscription: str, event_ids: Sequence[str], *, as_json: bool
) -> None:
    """Have deliveries made again, those of some events or all, and say how many."""
    path = f"{letters_path(event_subscription)}/redrive"
    redriven = 0
    for position in range(0, len(event_ids) or 1, MOST_IDS):
        some = list(event_ids[position : position + MOST_IDS])
        answer = await client.send("POST", path, {"eventIds": some} if some else {})
        redriven += answer.body["redriven"]
    if as_json:
        print_json({"redriven": redriven})
    else:
        print(f"{redriven:,} to be delivered again to {event_subscription}")
    if redriven < len(set(event_ids)):
        missing = many(len(set(event_ids)) - redriven, "event")
        raise PermanentError(f"{missing} of those named had no dead letter there")


def letters_table(letters: Sequence[Letter], now: datetime) -> RenderableType:
    """Return a few lines for each letter."""
    if not letters:
        return cell("no dead letters", "dim")
    rows = [
        [
            cell(duration_text(now - parse_instant(each["deadLetteredTime"]))),
            cell(each["failures"]),
            stacked(*lines_of(each)),
        ]
        for each in letters
    ]
    return table_of((">Given up", ">Tries", "Event and last error"), rows)


def lines_of(letter: Letter) -> Iterator[Text]:
    yield cell(letter["type"], "bold")
    if "subject" in letter:
        yield cell(letter["subject"])
    yield cell(letter["eventId"], "dim")
    yield cell(letter.get("lastError"), "red")


def letters_path(event_subscription: str) -> str:
    """Return where the connector has them."""
    return f"/api/eventsubscriptions/{segment(event_subscription)}/deadletters"
