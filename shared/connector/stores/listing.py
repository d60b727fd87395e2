"""Lists of operations: one look at an index for each status, so that a page costs what is on it."""

from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, literal, select, tuple_, union_all

from shared.clock import from_microseconds, to_microseconds
from shared.connector.listing import OperationFilter, OperationPage, Place
from shared.connector.operations import OperationStatus
from shared.connector.ordering import CLOUD_SERVICES, paths_above, scopes_of
from shared.connector.stores.rows import to_operation
from shared.connector.stores.statements import VISIBLE
from shared.connector.stores.tables import operation
from shared.sql.prepared import Prepared

FIRST, LAST = 0, 2**62
JOB_DEPTH = 6


class Scope(StrEnum):
    """The column that an index of operations begins with; ALL has the status alone."""

    ALL = ""
    SERVICE = "service_scope"
    COLLECTION = "collection_scope"
    RESOURCE = "path"


def find_page(connection: Connection, wanted: OperationFilter) -> OperationPage:
    """Return the operations that `wanted` asks for."""
    scope, within = scope_of(wanted.resource_prefix)
    prefix = wanted.resource_prefix or ""
    statuses = wanted.statuses or frozenset(OperationStatus)
    statement = page_statement(scope, tuple(sorted(statuses)), is_part=within != prefix)
    before = wanted.before
    rows = statement.rows(
        connection,
        scope=within,
        prefix=prefix,
        since=FIRST if wanted.since is None else to_microseconds(wanted.since),
        before_at=LAST if before is None else to_microseconds(before.requested_at),
        before_number=LAST if before is None else before.number,
        at_most=wanted.limit + 1,
    )
    found = rows[: wanted.limit]
    last = place_of(found[-1]) if len(rows) > wanted.limit else None
    return OperationPage([to_operation(row) for row in found], last)


def place_of(row: Any) -> Place:
    return Place(from_microseconds(row.requested_at), row.number)


def scope_of(prefix: str | None) -> tuple[Scope, str]:
    """Return the index that has what lies below `prefix` together, and where in it that is."""
    if prefix is None or prefix == CLOUD_SERVICES:
        return Scope.ALL, ""
    if len(paths_above(prefix)) >= JOB_DEPTH:
        return Scope.RESOURCE, prefix
    service, collection = scopes_of(prefix)
    if collection is not None:
        return Scope.COLLECTION, collection
    assert service is not None
    return Scope.SERVICE, service


@cache
def page_statement(
    scope: Scope, statuses: tuple[OperationStatus, ...], *, is_part: bool
) -> Prepared:
    """Return the query of a page; `is_part` where an index holds more than what is asked for."""
    column = operation.c
    conditions = [
        column.requested_at >= bindparam("since"),
        tuple_(column.requested_at, column.number)
        < tuple_(bindparam("before_at"), bindparam("before_number")),
    ]
    if scope is not Scope.ALL:
        conditions.append(column[scope] == bindparam("scope"))
    if is_part:
        # Not a range: how a database sorts text is its own affair.
        prefix = bindparam("prefix", type_=Text)
        conditions.append(func.substr(column.path, 1, func.length(prefix)) == prefix)
    newest_first = (column.requested_at.desc(), column.number.desc())
    of_each_status = [
        select(column.number)
        .where(column.status == literal(status.value), *conditions)
        .order_by(*newest_first)
        .limit(bindparam("at_most"))
        .subquery()
        for status in statuses
    ]
    found = union_all(*(select(part.c.number) for part in of_each_status)).subquery()
    return Prepared(
        select(column.number, *VISIBLE)
        .join_from(found, operation, found.c.number == column.number)
        .order_by(*newest_first)
        .limit(bindparam("at_most"))
    )
