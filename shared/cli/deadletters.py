"""`tocsin deadletters`: what was given up, for somebody to look at, move back or remove."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from shared.cli.letter_boxes import LetterBox
from shared.cli.operation_wait import progress_bar
from shared.cli.terminal import (
    cell,
    distance_text,
    duration_text,
    facts_of,
    many,
    output,
    print_json,
    printable,
    stacked,
    table_of,
)
from shared.clock import Clock
from shared.errors import NotFoundError, PermanentError
from shared.host.dead_letters import MOST_CHOSEN, ChosenLetters
from shared.messaging.entities import TOCSIN_QUEUES
from shared.wire.times import format_instant, parse_instant

QUEUES = tuple(sorted(queue.name for queue in TOCSIN_QUEUES))
AT_ONCE = 100

Letter = Mapping[str, Any]
Act = Callable[[str, ChosenLetters], Awaitable[list[int]]]


class DeadLetterDesk:
    """The commands, whatever box the letters are in."""

    def __init__(self, box: LetterBox, *, clock: Clock, as_json: bool = False) -> None:
        self._box = box
        self._clock = clock
        self._as_json = as_json

    async def summarize(self, queues: Sequence[str]) -> None:
        """Print how many letters queues have, since when and why; by default all of Tocsin's."""
        summaries = [await self._box.summary(queue) for queue in queues or QUEUES]
        if self._as_json:
            print_json(summaries)
        else:
            output().print(summary_table(summaries, self._clock.now()))

    async def show(self, queue: str, *, first: int, limit: int) -> None:
        """Print the letters of a queue in a table."""
        letters = await self._box.page(queue, first=first, limit=limit)
        if self._as_json:
            print_json(letters)
        else:
            output().print(letters_table(letters, self._clock.now()))

    async def show_one(self, queue: str, number: int) -> None:
        """Print everything about a letter that may be shown. Raises NotFoundError."""
        letters = await self._box.page(queue, first=number, limit=1)
        if [each["sequenceNumber"] for each in letters] != [number]:
            raise NotFoundError(f"{queue} has no dead letter {number}")
        if self._as_json:
            print_json(letters[0])
        else:
            output().print(letter_facts(letters[0], self._clock.now()))
            print_json(letters[0]["body"])

    async def at_stake(self, queue: str, *, before: datetime) -> str | None:
        """Return how many letters a queue has, as far as they were counted; None when all came later."""
        summary = await self._box.summary(queue)
        oldest = summary["oldestTime"]
        if oldest is None or parse_instant(str(oldest)) >= before:
            return None
        return f"{many(int(str(summary['count'])), 'letter')}{'' if summary['isComplete'] else ' or more'}"

    async def redrive(self, queue: str, numbers: Sequence[int], *, before: datetime) -> None:
        """Move letters back, those of some numbers or all before an instant, and say how many."""
        done = await self._all_of(self._box.redrive, queue, numbers, before, doing="moving back")
        self._tell(queue, done, numbers, f"moved {many(len(done), 'letter')} back to {queue}")

    async def purge(self, queue: str, numbers: Sequence[int], *, before: datetime) -> None:
        """Remove letters, those of some numbers or all before an instant, and say how many."""
        done = await self._all_of(self._box.purge, queue, numbers, before, doing="removing")
        self._tell(queue, done, numbers, f"removed {many(len(done), 'letter')} of {queue}")

    async def _all_of(
        self, act: Act, queue: str, numbers: Sequence[int], before: datetime, *, doing: str
    ) -> list[int]:
        """Do it part by part, so that there is progress to show; what comes meanwhile is left alone."""
        done: list[int] = []
        total = len(numbers) or int(str((await self._box.summary(queue))["count"]))
        with progress_bar() as bar:
            task = bar.add_task(f"{doing} letters of {queue}", total=total)
            for chosen in parts_of(numbers, before):
                part = await act(queue, chosen)
                done += part
                bar.update(task, completed=len(done), total=max(total, len(done)))
                if not numbers and not part:
                    break
        return done

    def _tell(self, queue: str, done: list[int], numbers: Sequence[int], text: str) -> None:
        if self._as_json:
            print_json({"queue": queue, "sequenceNumbers": done})
        else:
            print(text)
        if missing := sorted(set(numbers) - set(done)):
            raise PermanentError(
                f"{queue} has no such dead letters: {', '.join(map(str, missing))}"
            )


def parts_of(numbers: Sequence[int], before: datetime) -> Iterator[ChosenLetters]:
    """Return what to ask for, one part after the other; without numbers there is no end of parts."""
    for position in range(0, len(numbers), MOST_CHOSEN):
        yield ChosenLetters(sequence_numbers=tuple(numbers[position : position + MOST_CHOSEN]))
    while not numbers:
        yield ChosenLetters(before=format_instant(before), limit=AT_ONCE)


def summary_table(summaries: Sequence[Letter], now: datetime) -> RenderableType:
    """Return a line for each queue."""
    rows = [
        [
            cell(each["entity"]),
            cell(
                f"{each['count']:,}{'' if each['isComplete'] else '+'}",
                "red" if each["count"] else "dim",
            ),
            cell(age_text(each["oldestTime"], now)),
            cell(", ".join(f"{reason} {count:,}" for reason, count in each["reasons"].items())),
        ]
        for each in summaries
    ]
    return table_of(("!Queue", ">Letters", ">Oldest", "Reasons"), rows)


def letters_table(letters: Sequence[Letter], now: datetime) -> RenderableType:
    """Return a few lines for each letter: why it is there below which it is."""
    if not letters:
        return cell("no dead letters", "dim")
    rows = [
        [
            cell(each["sequenceNumber"]),
            cell(age_text(each["enqueuedTime"], now)),
            cell(each["deliveryCount"]),
            stacked(*why_of(each)),
        ]
        for each in letters
    ]
    return table_of((">Letter", ">Age", ">Tries", "Message and reason"), rows)


def why_of(letter: Letter) -> Iterator[Text]:
    yield cell(letter.get("messageId") or "(no id)", "bold")
    yield cell(letter.get("deadLetterReason"), "red")
    if description := letter.get("deadLetterErrorDescription"):
        yield cell(description, "dim")


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


def age_text(text: str | None, now: datetime) -> str | None:
    return None if text is None else duration_text(now - parse_instant(text))
