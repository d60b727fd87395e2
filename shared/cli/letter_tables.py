"""Dead letters of queues as people read them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from shared.cli.terminal import (
    Fitting,
    cell,
    distance_text,
    duration_text,
    facts_of,
    printable,
    stacked,
    table_of,
)
from shared.wire.times import parse_instant

LEAST_DESCRIPTION = 40
"""So many columns a description needs; it is prose."""
FACTS = (
    ("letter", "sequenceNumber"),
    ("message id", "messageId"),
    ("session", "sessionId"),
    ("correlation id", "correlationId"),
    ("content type", "contentType"),
    ("deliveries", "deliveryCount"),
    ("reason", "deadLetterReason"),
    ("description", "deadLetterErrorDescription"),
)

Letter = Mapping[str, Any]


def summary_table(summaries: Sequence[Letter], now: datetime) -> RenderableType:
    """Return a line for each queue."""
    numbers = [numbers_of(each, now) for each in summaries]
    names = [cell(each["entity"]) for each in summaries]
    reasons = [reasons_cell(each) for each in summaries]
    return Fitting(
        table_of(
            ("Queue", ">Letters", ">Oldest", "Reasons"),
            [[name, *some, why] for name, some, why in zip(names, numbers, reasons, strict=True)],
        ),
        lambda: table_of(
            ("Queue and reasons", ">Letters", ">Oldest"),
            [
                [stacked(name, why) if each["count"] else name, *some]
                for each, name, some, why in zip(summaries, names, numbers, reasons, strict=True)
            ],
        ),
    )


def numbers_of(summary: Letter, now: datetime) -> list[RenderableType]:
    """Return how many letters there are, and how old the oldest is."""
    count = f"{summary['count']:,}{'' if summary['isComplete'] else '+'}"
    return [
        cell(count, "red" if summary["count"] else "dim"),
        cell(age_text(summary["oldestTime"], now)),
    ]


def reasons_cell(summary: Letter) -> Text:
    return cell(", ".join(f"{reason} ({count:,})" for reason, count in summary["reasons"].items()))


def letters_table(letters: Sequence[Letter], now: datetime) -> RenderableType:
    """Return a line for each letter, or a few: why it is there below which it is."""
    if not letters:
        return cell("no dead letters", "dim")
    numbers = [
        [
            cell(each["sequenceNumber"]),
            cell(age_text(each["enqueuedTime"], now)),
            cell(each["deliveryCount"]),
        ]
        for each in letters
    ]
    headers = (">Letter", ">Age", ">Tries")
    return Fitting(
        table_of(
            (*headers, "Message id", "Reason", "Description"),
            [[*some, *texts_of(each)] for some, each in zip(numbers, letters, strict=True)],
        ),
        lambda: table_of(
            (*headers, "Message and reason"),
            [
                [*some, stacked(*lines_of(each))]
                for some, each in zip(numbers, letters, strict=True)
            ],
        ),
        least=LEAST_DESCRIPTION,
    )


def texts_of(letter: Letter) -> tuple[Text, Text, Text]:
    return (
        cell(letter.get("messageId") or "(no id)", "bold"),
        cell(letter.get("deadLetterReason"), "red"),
        cell(letter.get("deadLetterErrorDescription"), "dim"),
    )


def lines_of(letter: Letter) -> Iterator[Text]:
    message_id, reason, description = texts_of(letter)
    yield message_id
    yield reason
    if letter.get("deadLetterErrorDescription"):
        yield description


def letter_facts(letter: Letter, now: datetime) -> RenderableType:
    """Return everything but the body."""
    facts: list[tuple[str, RenderableType]] = [
        (name, cell(letter[member])) for name, member in FACTS if member in letter
    ]
    enqueued = letter["enqueuedTime"]
    facts.append(("enqueued", cell(f"{enqueued} ({distance_text(parse_instant(enqueued), now)})")))
    facts += [
        (printable(f"property {name}"), cell(value))
        for name, value in letter["applicationProperties"].items()
    ]
    facts.append(("body", cell(f"{letter['bodyBytes']:,} bytes, masked")))
    return facts_of(facts)


def age_text(text: str | None, now: datetime) -> str | None:
    """Return how long ago an instant of the wire was."""
    return None if text is None else duration_text(now - parse_instant(text))
