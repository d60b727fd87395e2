"""Rows of work through anything that can happen to them, step by step at random."""

from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.errors import LeaseLostError
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease
from tests.clocks import START
from tests.shared.messaging.work_bench import LEASE, WorkBench

MINUTE = timedelta(minutes=1)


class WorkMachine(RuleBasedStateMachine):
    """Whatever happens to wake-ups and holders: no two can record, nothing starts early, nothing is forgotten."""

    IDS = st.sampled_from(["a", "b"])

    def __init__(self) -> None:
        super().__init__()
        self.bench = WorkBench()
        for row_id in ("a", "b"):
            self.bench.insert(row_id, START)
        self.messages: list[tuple[WakeUp, datetime | None]] = []
        self.newest: dict[str, Lease] = {}
        self.until: dict[Lease, datetime] = {}
        self.older: list[Lease] = []
        self.recorded: set[tuple[str, int]] = set()

    def teardown(self) -> None:
        self.nothing_is_forgotten()
        self.bench.connection.close()

    @rule(seconds=st.sampled_from([0, 1, 30, 60, 90, 600, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.bench.now += timedelta(seconds=seconds)

    @rule(is_lost=st.booleans(), is_doubled=st.booleans())
    def message_arrives(self, *, is_lost: bool, is_doubled: bool) -> None:
        self.messages += self.bench.sent()
        if not self.messages:
            return
        wake_up, _ = self.messages[0] if is_doubled else self.messages.pop(0)
        if not is_lost:
            self.try_to_start(wake_up)

    @rule(row_id=IDS, attempt=st.integers(0, 4))
    def forged_message_arrives(self, row_id: str, attempt: int) -> None:
        self.try_to_start(WakeUp(row_id, attempt))

    def try_to_start(self, wake_up: WakeUp) -> None:
        due_at = self.bench.due_at(wake_up.id)
        lease = self.bench.start(wake_up.id, wake_up.attempt)
        if not isinstance(lease, Lease):
            return
        assert due_at is not None
        assert due_at <= self.bench.now
        held = self.newest.get(lease.id)
        if held is not None:
            assert self.until[held] <= self.bench.now or held in self.older
            self.older.append(held)
        self.newest[lease.id] = lease
        self.until[lease] = self.bench.now + LEASE

    @rule(row_id=IDS, seconds=st.none() | st.sampled_from([0, 1, 100, 700, 100_000]))
    def holder_records(self, row_id: str, seconds: int | None) -> None:
        lease = self.newest.pop(row_id, None)
        if lease is None:
            return
        due_at = None if seconds is None else self.bench.now + timedelta(seconds=seconds)
        self.bench.record(lease, due_at)
        assert (lease.id, lease.attempt) not in self.recorded
        self.recorded.add((lease.id, lease.attempt))

    @rule()
    def older_holder_records(self) -> None:
        for lease in self.older:
            if self.bench.attempt(lease.id) != lease.attempt:
                with pytest.raises(LeaseLostError):
                    self.bench.record(lease, None)

    @rule(row_id=IDS)
    def row_is_withdrawn(self, row_id: str) -> None:
        """Its holder, if it has one, comes too late."""
        held = self.newest.pop(row_id, None)
        self.bench.withdraw(row_id)
        self.older += [] if held is None else [held]

    @rule()
    def process_dies(self) -> None:
        self.bench.free_leases()
        self.older += self.newest.values()
        self.messages.clear()

    @rule()
    def sweep(self) -> None:
        self.bench.sweep()

    @invariant()
    def holder_is_the_fence(self) -> None:
        for lease in self.newest.values():
            assert self.bench.attempt(lease.id) == lease.attempt

    def nothing_is_forgotten(self) -> None:
        """With every message lost, sweep alone brings every row that has something to do to a start."""
        self.bench.sent()
        waiting = {row_id for row_id in ("a", "b") if self.bench.due_at(row_id) is not None}
        for _ in range(3000):
            self.bench.now += 10 * MINUTE
            self.bench.sweep()
            for wake_up, _ in self.bench.sent():
                if isinstance(self.bench.start(wake_up.id, wake_up.attempt), Lease):
                    waiting.discard(wake_up.id)
            if not waiting:
                return
        raise AssertionError(f"never woken: {waiting}")
