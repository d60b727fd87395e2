"""How a batch of requests becomes one transaction: savepoints, groups, and item-by-item replay of a failing group."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from shared.sql.database import GroupWork, Transaction, Work


@dataclass(slots=True, eq=False)
class Request:
    """Work somebody waits for; the future belongs to the event loop of whoever asked."""

    future: "asyncio.Future[Any]"
    work: Work[Any] | None = None
    group: GroupWork[Any, Any] | None = None
    item: Any = None


@dataclass(slots=True)
class Batch:
    """What one commit will have done."""

    transaction: Transaction
    answers: list[tuple[Request, Any, BaseException | None]] = field(default_factory=list)

    def run(self, requests: Iterable[Request]) -> None:
        """Run every request under a savepoint; equal kinds of grouped work run together, at their first one's place."""
        groups: dict[GroupWork[Any, Any], list[Request]] = {}
        order: list[Request | list[Request]] = []
        for request in requests:
            if request.group is None:
                order.append(request)
            elif (members := groups.get(request.group)) is not None:
                members.append(request)
            else:
                groups[request.group] = [request]
                order.append(groups[request.group])
        for step in order:
            if isinstance(step, list):
                self._run_group(step)
            else:
                self._run_single(step)

    def _run_single(self, request: Request) -> None:
        assert request.work is not None
        value, error = self._attempt(request.work)
        self.answers.append((request, value, error))

    def _run_group(self, members: Sequence[Request]) -> None:
        group = members[0].group
        assert group is not None
        values, error = self._attempt(lambda tx: group(tx, [member.item for member in members]))
        if error is None:
            self.answers.extend(
                (member, value, None) for member, value in zip(members, values, strict=True)
            )
        elif len(members) == 1:
            self.answers.append((members[0], None, error))
        else:
            for member in members:
                self._run_group([member])

    def _attempt(self, work: Work[Any]) -> tuple[Any, BaseException | None]:
        transaction = self.transaction
        mark = transaction.mark()
        control(transaction.connection, "SAVEPOINT work")
        try:
            value = work(transaction)
        except Exception as error:  # delivered to whoever awaits this piece of work
            control(transaction.connection, "ROLLBACK TO work")
            control(transaction.connection, "RELEASE work")
            transaction.forget(mark)
            return None, error
        control(transaction.connection, "RELEASE work")
        return value, None


def control(connection: Connection, statement: str) -> None:
    """Send a transaction-control statement to the driver itself: SQLAlchemy's own savepoints cost ten times as much."""
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(statement)


def deliver(
    answers: Iterable[tuple[Request, Any, BaseException | None]],
) -> None:
    """Settle the futures; one whose caller was cancelled is passed over: the transaction happened all the same."""
    for request, value, error in answers:
        if request.future.done():
            continue
        if error is None:
            request.future.set_result(value)
        else:
            request.future.set_exception(error)
