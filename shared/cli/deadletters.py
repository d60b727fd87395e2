"""`tocsin deadletters`: what was given up, for somebody to look at, move back or remove."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime

from shared.cli import delivery_tables
from shared.cli.delivery_letters import DeliveryDesk
from shared.cli.letter_boxes import HostedLetters, LetterBox
from shared.cli.letter_tables import letter_facts, letters_table, summary_table
from shared.cli.operation_wait import progress_bar
from shared.cli.stack_client import StackClient
from shared.cli.terminal import many, print_json, show
from shared.clock import Clock
from shared.errors import NotFoundError, PermanentError
from shared.host.dead_letters import MOST_CHOSEN, ChosenLetters
from shared.messaging.entities import TOCSIN_QUEUES
from shared.wire.json_types import JsonObject
from shared.wire.times import format_instant, parse_instant

QUEUES = tuple(sorted(queue.name for queue in TOCSIN_QUEUES))
AT_ONCE = 100

Act = Callable[[str, ChosenLetters], Awaitable[list[int]]]


class DeadLetterDesk:
    """The commands, whatever box the letters are in."""

    def __init__(self, box: LetterBox, *, clock: Clock, as_json: bool = False) -> None:
        self._box = box
        self._clock = clock
        self._as_json = as_json

    async def summarize(self, queues: Sequence[str]) -> None:
        """Print how many letters queues have, since when and why; by default all of Tocsin's."""
        summaries = await self.summaries(queues)
        if self._as_json:
            print_json(summaries)
        else:
            show(summary_table(summaries, self._clock.now()))

    async def summaries(self, queues: Sequence[str]) -> list[JsonObject]:
        """Return what `summarize` prints."""
        return [await self._box.summary(queue) for queue in queues or QUEUES]

    async def show(self, queue: str, *, first: int, limit: int) -> None:
        """Print the letters of a queue in a table."""
        letters = await self._box.page(queue, first=first, limit=limit)
        if self._as_json:
            print_json(letters)
        else:
            show(letters_table(letters, self._clock.now()))

    async def show_one(self, queue: str, number: int) -> None:
        """Print everything about a letter that may be shown. Raises NotFoundError."""
        letters = await self._box.page(queue, first=number, limit=1)
        if [each["sequenceNumber"] for each in letters] != [number]:
            raise NotFoundError(f"{queue} has no dead letter {number}")
        if self._as_json:
            print_json(letters[0])
        else:
            show(letter_facts(letters[0], self._clock.now()))
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


async def summarize_all(client: StackClient, *, clock: Clock, as_json: bool) -> None:
    """Print how many letters all queues and event subscriptions of a stack have, since when and why."""
    queues = await DeadLetterDesk(HostedLetters(client), clock=clock).summaries(())
    event_subscriptions = await DeliveryDesk(client, clock=clock).summaries()
    if as_json:
        print_json([*queues, *event_subscriptions])
        return
    show(summary_table(queues, clock.now()))
    print()
    show(delivery_tables.summary_table(event_subscriptions, clock.now()))


def parts_of(numbers: Sequence[int], before: datetime) -> Iterator[ChosenLetters]:
    """Return what to ask for, one part after the other; without numbers there is no end of parts."""
    for position in range(0, len(numbers), MOST_CHOSEN):
        yield ChosenLetters(sequence_numbers=tuple(numbers[position : position + MOST_CHOSEN]))
    while not numbers:
        yield ChosenLetters(before=format_instant(before), limit=AT_ONCE)
