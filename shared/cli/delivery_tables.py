"""Deliveries that were given up, as people read them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from shared.cli.letter_tables import age_text, numbers_of, reasons_cell
from shared.cli.terminal import (
    Fitting,
    cell,
    distance_text,
    facts_of,
    many,
    stacked,
    status_cell,
    table_of,
)
from shared.wire.times import parse_instant

LEAST_ERROR = 30
"""So many columns an error needs; it is prose."""

Letter = Mapping[str, Any]


def summary_table(summaries: Sequence[Letter], now: datetime) -> RenderableType:
    """Return a line for each event subscription that has letters, and how many have none."""
    having = [each for each in summaries if each["count"]]
    none = len(summaries) - len(having)
    said = cell(f"{many(none, 'event subscription')} without dead letters", "dim")
    if not having:
        return said if none else cell("no event subscriptions", "dim")
    columns = table_of(
        ("!Event subscription", "Name", "!Status", ">Letters", ">Oldest", "Last errors"),
        [
            [
                cell(each["eventSubscription"]),
                cell(each["name"]),
                status_cell(each["status"]),
                *numbers_of(each, now),
                reasons_cell(each),
            ]
            for each in having
        ],
    )
    table = Fitting(columns, lambda: narrow_summary_table(having, now), least=LEAST_ERROR)
    return Group(table, said) if none else table


def narrow_summary_table(summaries: Sequence[Letter], now: datetime) -> RenderableType:
    rows = []
    for each in summaries:
        named = [cell(each["name"])] if each["name"] else []
        identity = cell(each["eventSubscription"], "bold")
        lines = stacked(identity, *named, status_cell(each["status"]), reasons_cell(each))
        rows.append([lines, *numbers_of(each, now)])
    return table_of(("Event subscription and last errors", ">Letters", ">Oldest"), rows)


def letters_table(letters: Sequence[Letter], now: datetime) -> RenderableType:
    """Return a line for each letter, or a few."""
    if not letters:
        return cell("no dead letters", "dim")
    numbers = [
        [
            cell(int(each["sequence"])),
            cell(age_text(each["deadLetteredTime"], now)),
            cell(each["failures"]),
        ]
        for each in letters
    ]
    headers = (">Letter", ">Given up", ">Tries")
    return Fitting(
        table_of(
            (*headers, "Event", "Type", "Subject", "Last error"),
            [
                [
                    *some,
                    cell(each["eventId"]),
                    cell(each["type"]),
                    cell(each.get("subject")),
                    cell(each.get("lastError"), "red"),
                ]
                for some, each in zip(numbers, letters, strict=True)
            ],
        ),
        lambda: table_of(
            (*headers, "Event and last error"),
            [
                [*some, stacked(*lines_of(each))]
                for some, each in zip(numbers, letters, strict=True)
            ],
        ),
        least=LEAST_ERROR,
    )


def lines_of(letter: Letter) -> Iterator[Text]:
    yield cell(letter["type"], "bold")
    if "subject" in letter:
        yield cell(letter["subject"])
    yield cell(letter["eventId"], "dim")
    yield cell(letter.get("lastError"), "red")


def letter_facts(letter: Letter, now: datetime) -> RenderableType:
    """Return everything but the event itself."""
    given_up = letter["deadLetteredTime"]
    distance = distance_text(parse_instant(given_up), now)
    return facts_of(
        [
            ("letter", cell(int(letter["sequence"]))),
            ("event", cell(letter["eventId"])),
            ("type", cell(letter["type"])),
            ("subject", cell(letter.get("subject"))),
            ("tries", cell(letter["failures"])),
            ("last error", cell(letter.get("lastError"), "red")),
            ("given up", cell(f"{given_up} ({distance})")),
        ]
    )
