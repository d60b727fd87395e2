import heapq
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scheduler.limits import UNKNOWN, Limits, Reservation
from tests.clocks import START

SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)


def limits(*, per_host: int = 1000, per_second: int = 1000) -> Limits:
    return Limits(attempts_per_host=per_host, starts_per_second=per_second)


def ask(
    limits: Limits, *, host: str = "h", collection: int = 1, now: datetime = START
) -> tuple[Reservation, datetime | None]:
    reservation = limits.reservation()
    return reservation, reservation.take(host=host, job_collection_id=collection, now=now)


def test_a_host_has_as_many_places_as_allowed_and_those_given_back() -> None:
    of_two = limits(per_host=2)
    first, until_first = ask(of_two)
    _, until_second = ask(of_two)

    _, held_back = ask(of_two)
    _, elsewhere = ask(of_two, host="other")
    first.release(now=START)
    _, afterwards = ask(of_two)

    assert until_first is until_second is elsewhere is afterwards is None
    assert held_back == START + UNKNOWN
    assert ask(of_two)[1] is not None


def test_a_collection_starts_as_many_as_allowed_in_any_second() -> None:
    of_two = limits(per_second=2)
    ask(of_two)[0].release(now=START)
    ask(of_two, now=START + 900 * MILLISECOND)[0].release(now=START + 900 * MILLISECOND)

    _, held_back = ask(of_two, now=START + 950 * MILLISECOND)
    _, elsewhere = ask(of_two, collection=2, now=START + 950 * MILLISECOND)
    _, later = ask(of_two, now=START + SECOND)
    _, too_early = ask(of_two, now=START + 1899 * MILLISECOND)
    _, in_time = ask(of_two, now=START + 1900 * MILLISECOND)

    assert held_back == START + SECOND
    assert elsewhere is later is in_time is None
    assert too_early is not None


@pytest.mark.parametrize(
    ("per_host", "per_second", "full_for"), [(4, 1000, UNKNOWN), (1000, 4, SECOND)]
)
def test_each_that_is_held_back_has_an_instant_of_its_own(
    per_host: int, per_second: int, full_for: timedelta
) -> None:
    of_one = limits(per_host=per_host, per_second=per_second)
    for _ in range(4):
        ask(of_one)

    instants = [instant for _, instant in (ask(of_one) for _ in range(100)) if instant]

    assert len(instants) == 100
    apart = {later - earlier for earlier, later in zip(instants, instants[1:], strict=False)}
    assert instants[0] == START + full_for
    assert full_for / 4 <= min(apart) <= max(apart) <= 1.1 * full_for / 4


def test_what_waits_for_a_host_uses_no_start_up() -> None:
    both = limits(per_host=1, per_second=2)
    ask(both)

    assert ask(both)[1] is not None
    assert ask(both)[1] is not None
    assert ask(both, host="other")[1] is None


def test_what_waits_for_its_collection_takes_no_place() -> None:
    both = limits(per_host=2, per_second=1)
    ask(both)

    assert ask(both)[1] is not None
    assert ask(both)[1] is not None
    assert ask(both, collection=2)[1] is None


def test_a_transaction_that_runs_twice_counts_once() -> None:
    of_two = limits(per_host=2, per_second=2)
    reservation, _ = ask(of_two)
    assert reservation.take(host="h", job_collection_id=1, now=START + MILLISECOND) is None
    assert ask(of_two)[1] is None
    refused, until = ask(of_two)

    again = refused.take(host="h", job_collection_id=1, now=START + 5 * SECOND)

    assert until is not None
    assert again == until


def test_a_place_is_given_back_once() -> None:
    of_one = limits(per_host=1)
    reservation, _ = ask(of_one)
    never_taken = of_one.reservation()
    refused, _ = ask(of_one)

    for released in (reservation, reservation, never_taken, refused):
        released.release(now=START)

    assert ask(of_one)[1] is None
    assert ask(of_one)[1] is not None


def test_a_reservation_that_was_given_back_takes_no_place() -> None:
    """Whoever made it is gone, and would never give that place back."""
    of_one = limits(per_host=1)
    reservation = of_one.reservation()
    reservation.release(now=START)

    until = reservation.take(host="h", job_collection_id=1, now=START)

    assert until == START
    assert ask(of_one)[1] is None


def test_whoever_comes_with_an_instant_that_is_over_counts_as_of_the_latest() -> None:
    of_one = limits(per_second=1)
    ask(of_one, collection=2, now=START + 5 * SECOND)
    ask(of_one, now=START)

    assert ask(of_one, now=START + 5 * SECOND)[1] == START + 6 * SECOND


def test_p12_what_is_idle_is_forgotten() -> None:
    of_one = limits(per_host=1, per_second=1)
    for number in range(1000):
        ask(of_one, host=f"h{number}", collection=number)[0].release(now=START)
        ask(of_one, host=f"h{number}", collection=number)

    ask(of_one, now=START + 10 * SECOND)

    # The one place where its inside is looked at: memory has no other witness.
    assert len(of_one._places) == len(of_one._starts) == 1


@dataclass(frozen=True)
class Execution:
    """Something due at `at` ms that runs for `length` ms."""

    at: int
    host: str
    collection: int
    length: int


class Crowd:
    """Executions that come, are held back, come again a little late, start and end."""

    def __init__(
        self, limits: Limits, coming: Sequence[Execution], lateness: Sequence[int]
    ) -> None:
        self.started: list[tuple[datetime, Execution]] = []
        self.most_at_once: Counter[str] = Counter()
        self.asked = 0
        self._limits = limits
        self._late = itertools.cycle(lateness)
        self._running: list[tuple[datetime, int, Reservation, str]] = []
        self._at_once: Counter[str] = Counter()
        self._agenda = [
            (START + one.at * MILLISECOND, number, one) for number, one in enumerate(coming)
        ]

    def run(self) -> None:
        self._agenda.sort()
        while self._agenda:
            now, number, execution = heapq.heappop(self._agenda)
            self._end_until(now)
            self.asked += 1
            reservation, until = ask(
                self._limits, host=execution.host, collection=execution.collection, now=now
            )
            if until is None:
                self._start(now, number, reservation, execution)
                continue
            reservation.release(now=now)
            assert until > now
            again = until + next(self._late) * MILLISECOND
            heapq.heappush(self._agenda, (again, number, execution))

    def _start(
        self, now: datetime, number: int, reservation: Reservation, execution: Execution
    ) -> None:
        self.started.append((now, execution))
        host = execution.host
        self._at_once[host] += 1
        self.most_at_once[host] = max(self.most_at_once[host], self._at_once[host])
        end = now + execution.length * MILLISECOND
        heapq.heappush(self._running, (end, number, reservation, host))

    def _end_until(self, now: datetime) -> None:
        while self._running and self._running[0][0] <= now:
            end, _, reservation, host = heapq.heappop(self._running)
            reservation.release(now=end)
            self._at_once[host] -= 1


EXECUTIONS = st.builds(
    Execution,
    at=st.integers(0, 3000),
    host=st.sampled_from("ab"),
    collection=st.integers(1, 2),
    length=st.integers(0, 4000),
)


@given(
    st.lists(EXECUTIONS, max_size=60),
    st.integers(1, 5),
    st.integers(1, 7),
    st.lists(st.integers(0, 40), min_size=1),
)
def test_never_more_than_allowed_and_everybody_gets_in(
    coming: list[Execution], per_host: int, per_second: int, lateness: list[int]
) -> None:
    crowd = Crowd(limits(per_host=per_host, per_second=per_second), coming, lateness)

    crowd.run()

    assert len(crowd.started) == len(coming)
    assert max(crowd.most_at_once.values(), default=0) <= per_host
    for collection in (1, 2):
        starts = [at for at, one in crowd.started if one.collection == collection]
        apart = zip(starts, starts[per_second:], strict=False)
        assert all(beyond - first >= SECOND for first, beyond in apart)


def test_of_a_thousand_at_once_each_is_held_back_once_although_all_come_late() -> None:
    thousand = [Execution(at=0, host="a", collection=1, length=0)] * 1000
    crowd = Crowd(limits(per_second=100), thousand, lateness=[0, 17, 3, 40, 9, 22, 1])

    crowd.run()

    assert crowd.started[-1][0] - START < 10.6 * SECOND
    assert crowd.asked == 100 + 2 * 900


def test_a_thousand_at_once_for_a_quick_host_are_through_as_soon_as_it_can_take_them() -> None:
    thousand = [Execution(at=0, host="a", collection=1, length=50)] * 1000
    crowd = Crowd(limits(per_host=32, per_second=10_000), thousand, lateness=[0, 3, 1])

    crowd.run()

    assert crowd.most_at_once["a"] == 32
    assert crowd.started[-1][0] - START < 6 * SECOND  # 1.6 s at best; 31 s one a place and second
    assert crowd.asked < 4000


def test_whoever_waits_for_a_slow_host_asks_seldom() -> None:
    hundred = [Execution(at=0, host="a", collection=1, length=30_000)] * 100
    crowd = Crowd(limits(per_host=10, per_second=10_000), hundred, lateness=[0])

    crowd.run()

    assert crowd.most_at_once["a"] == 10
    assert crowd.asked < 1000


def test_a_few_slow_hosts_leave_places_for_the_others() -> None:
    all_of_them = Limits(attempts_per_host=32, starts_per_second=10_000, attempts=224)
    for number in range(10):
        for _ in range(100):
            ask(all_of_them, host=f"slow{number}")

    quick = [ask(all_of_them, host="quick")[1] for _ in range(5)]

    assert quick == [None] * 5


def test_never_more_than_allowed_in_all() -> None:
    all_of_them = Limits(attempts_per_host=32, starts_per_second=10_000, attempts=10)
    asked = [ask(all_of_them, host=f"h{number}") for number in range(100)]

    assert sum(until is None for _, until in asked) == 10
    asked[0][0].release(now=START)
    assert ask(all_of_them, host="another")[1] is None


def test_a_clock_that_is_set_back_holds_nobody_back_for_long() -> None:
    of_two = limits(per_host=2, per_second=2)
    ahead = START + timedelta(hours=1)
    running = [ask(of_two, now=ahead)[0] for _ in range(5)]

    _, until = ask(of_two, now=START)
    running[0].release(now=START)
    _, another = ask(of_two, now=START + SECOND)

    assert until is not None
    assert until <= START + SECOND
    assert another is None
