"""The port: operations that are durable, ordered and leased.

An operation waits for every unfinished earlier write whose path is a prefix of its own or the other way round (whole
segments; paths are in lower case and end with `/`). Acceptance is the commit of its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.connector.listing import OperationFilter, OperationPage
from shared.connector.operations import Assignment, Ended, Later, NewOperation, Operation
from shared.messaging.wake_up import WakeUp
from shared.messaging.work import Lease, Nothing, NotYet


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One request: operations that are accepted together or not at all, and by what it is recognised."""

    operations: Sequence[NewOperation]
    caller: str
    key: str | None
    fingerprint: str
    now: datetime


class OperationStore(Protocol):
    """Durable operations; what a method decides is one transaction."""

    async def accept(self, acceptance: Acceptance) -> list[Operation]:
        """Insert the operations in their order and wake those that wait for nothing.

        A key that the same caller used less than 24 hours ago inserts nothing: equal fingerprints return the operations
        it got then, as they are now.

        Raises:
            ConflictError: the key was used for another request.
        """

    async def start(self, wake_up: WakeUp, *, now: datetime) -> "Started | NotYet | Nothing":
        """Take the lease of an operation that is due; its status becomes Running at the first.

        A wake-up that comes more than 60 s early is sent again for when the row is due, and is Nothing.
        """

    async def record(
        self, lease: Lease, step: Later | Ended, *, now: datetime, goes_on: bool = False
    ) -> "Recorded":
        """End the lease with what was found out.

        Who `goes_on` is given the first operation that the end releases, started in the same transaction.

        The end of an operation inserts its event and, where the command asked for one, its reply; it releases what
        waited for it and wakes what now waits for nothing, whose deadline counts from here. Of many that wait, some are
        released after the end itself; after a crash by sweep.

        Raises:
            LeaseLostError: somebody else has started it since; nothing is written.
        """

    async def cancel(self, operation_id: str, *, now: datetime) -> Operation:
        """End an operation that was never started as Canceled: its event, and what waited for it, as with every end.

        What waited for it waits for the write before it on the same path, if that has not ended. No wake-up fits the
        operation any more. One that is canceled already is returned as it is.

        Raises:
            NotFoundError: there is no such operation (any more).
            ConflictError: it was started, or has ended.
        """

    async def sweep(self, *, now: datetime) -> int:
        """Release and wake what should have been; returns how many were woken."""

    async def free_leases(self, *, now: datetime) -> int:
        """End the leases of a dead process; only the sole owner of the store may."""

    async def prune(self, *, now: datetime) -> int:
        """Forget operations that ended more than seven days ago, keys and large results older than 24 hours; returns
        how many operations. Works in steps, so that nobody waits for long."""


class OperationList(Protocol):
    """What is asked about operations by whoever watches them."""

    async def get(self, operation_id: str) -> Operation | None:
        """Return an operation, or None when there is none (any more)."""

    async def large_result(self, operation_id: str) -> str | None:
        """Return the JSON text of a result that is too large for its operation; None when there is none (any more)."""

    async def page(self, wanted: OperationFilter) -> OperationPage:
        """Return operations, those that were asked for last first; costs what is returned, whatever is stored."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What else the transaction of a record has done: published the event of an end, started what follows."""

    is_published: bool = False
    following: "Started | None" = None


@dataclass(frozen=True, slots=True)
class Started:
    """The right to carry out an operation."""

    lease: Lease
    assignment: Assignment
