"""The columns of a table of work, and every statement of the mechanism for one such table (shared.messaging.work)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Table, bindparam, select, update

from shared.sql.columns import only_where
from shared.sql.prepared import Prepared


def work_columns() -> list[Column[Any]]:
    """Return the columns that make a table one of work; instants are microseconds since 1970."""
    return [
        Column("due_at", BigInteger),
        Column("attempt", Integer, nullable=False, server_default="0"),
        Column("unrecorded", Integer, nullable=False, server_default="0"),
        Column("lease_until", BigInteger),
        Column("sweep_at", BigInteger),
        Column("wakes", Integer, nullable=False, server_default="0"),
    ]


def sweep_index(table: Table) -> Index:
    """Return the index that sweep reads: only rows that wait for something are in it."""
    return Index(
        f"ix_{table.name}_sweep_at",
        table.c.sweep_at,
        **only_where(table.c.sweep_at.is_not(None)),
    )


ENDING: Mapping[str, Any] = MappingProxyType(
    {"unrecorded": 0, "lease_until": None, "due_at": None, "sweep_at": None, "wakes": 0}
)
"""What a row that ends is set to; its owner may do so in a statement of his own, under the condition of `record`."""


def taking(table: Table) -> dict[str, Any]:
    """Return what a row is set to whose lease is taken; `until` is bound to when that ends."""
    return {
        "attempt": table.c.attempt + 1,
        "unrecorded": table.c.unrecorded + 1,
        "lease_until": bindparam("until"),
        "sweep_at": bindparam("until"),
        "wakes": 0,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """Columns with the expressions that they are set to, in the statements that start and that record.

    `present` is bound to now when a row is started; other parameters are given with each start and record. `returned`
    are the columns that whoever starts a row wants to see.
    """

    at_start: Mapping[str, Any] = field(default_factory=dict)
    at_record: Mapping[str, Any] = field(default_factory=dict)
    returned: Sequence[Column[Any]] = ()


class Statements:
    """Every statement of the mechanism, for one table."""

    def __init__(self, table: Table, key: str, writes: Writes) -> None:
        row, column = table.c[key], table.c
        this = row == bindparam("row_id")
        free = (column.lease_until.is_(None)) | (column.lease_until <= bindparam("present"))
        self.start = Prepared(
            update(table)
            .where(this, column.attempt == bindparam("at_attempt"), free)
            .where(column.due_at <= bindparam("present"))
            .values(**taking(table), **writes.at_start)
            .returning(column.unrecorded, *writes.returned)
        )
        self.state = Prepared(
            select(column.attempt, column.due_at, column.lease_until).where(this).with_for_update()
        )
        self.record = Prepared(
            update(table)
            .where(this, column.attempt == bindparam("at_attempt"))
            .values(
                {
                    **ENDING,
                    "due_at": bindparam("due"),
                    "sweep_at": bindparam("sweep"),
                    **writes.at_record,
                }
            )
        )
        self.withdraw = Prepared(
            update(table)
            .where(this)
            .values(
                attempt=column.attempt + 1, lease_until=None, due_at=None, sweep_at=None, wakes=0
            )
        )
        self.due = Prepared(
            update(table)
            .where(this, column.attempt == bindparam("at_attempt"))
            .values(due_at=bindparam("due"), sweep_at=bindparam("sweep"), wakes=bindparam("count"))
        )
        self.overdue = Prepared(
            select(
                row.label("row_id"), column.attempt, column.due_at, column.lease_until, column.wakes
            )
            .where(column.sweep_at <= bindparam("present"), column.due_at.is_not(None))
            .order_by(column.sweep_at)
            .limit(bindparam("at_most"))
            # Another process that sweeps wakes what it has locked.
            .with_for_update(skip_locked=True)
        )
        self.unsent = Prepared(
            update(table)
            .where(column.sweep_at > bindparam("present"), column.sweep_at <= bindparam("latest"))
            .where(column.due_at <= bindparam("soon"))
            .values(sweep_at=bindparam("present"))
        )
        self.free = Prepared(
            update(table)
            # A leased row has an instant to be swept at, and only rows that have one are in the index.
            .where(column.sweep_at >= 0, column.lease_until.is_not(None))
            .values(lease_until=None, sweep_at=bindparam("present"))
        )
