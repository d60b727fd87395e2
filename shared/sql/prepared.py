"""Core statements compiled once and run through the driver: a quarter of the cost of Core's own execute."""

from collections import namedtuple
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """A statement with named parameters.

    Types that convert values in Python are passed by: bind integers, text, bytes and None. `IN` with a list of unknown
    length cannot be prepared.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._row: Any = None
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def execute(self, connection: Connection, **parameters: Any) -> CursorResult[Any]:
        """Run with one set of parameters."""
        text, names, defaults = self._for(connection.dialect)
        if names is None:
            return connection.exec_driver_sql(text, defaults | parameters)
        values = defaults | parameters if defaults else parameters
        return connection.exec_driver_sql(text, tuple(values[name] for name in names))

    def rows(self, connection: Connection, **parameters: Any) -> list[Any]:
        """Run and return every row as a named tuple of its columns.

        It passes by SQLAlchemy's result, which costs several times what a small statement does.
        """
        cursor = self._run(connection, parameters)
        found = cursor.fetchall()
        if found and self._row is None:
            columns = [column[0] for column in cursor.description]
            self._row = namedtuple("Row", columns, rename=True)  # type: ignore[misc]
        cursor.close()
        return [self._row._make(row) for row in found] if self._row is not None else []

    def change(self, connection: Connection, **parameters: Any) -> int:
        """Run and return how many rows were changed; passes by SQLAlchemy's result too."""
        cursor = self._run(connection, parameters)
        count: int = cursor.rowcount
        cursor.close()
        return count

    def _run(self, connection: Connection, parameters: dict[str, Any]) -> Any:
        text, names, defaults = self._for(connection.dialect)
        values = defaults | parameters if defaults else parameters
        cursor = driver_cursor(connection)
        cursor.execute(text, values if names is None else [values[name] for name in names])
        return cursor

    def execute_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run once for each set of parameters, in one call of the driver."""
        text, names, defaults = self._for(connection.dialect)
        if names is None:
            many: list[Any] = [{**defaults, **row} for row in rows]
        else:
            full = ({**defaults, **row} for row in rows) if defaults else rows
            many = [tuple([row[name] for name in names]) for row in full]
        if many:
            cursor = driver_cursor(connection)
            cursor.executemany(text, many)
            cursor.close()

    def _for(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled = self._statement.compile(dialect=dialect)
            names = getattr(compiled, "positiontup", None)
            # A value written into the statement may be None; only those of `bindparam` have to be given.
            binds = compiled.binds if isinstance(compiled, SQLCompiler) else {}
            defaults = {k: bind.effective_value for k, bind in binds.items() if not bind.required}
            known = (str(compiled), tuple(names) if names is not None else None, defaults)
            self._compiled[dialect.name] = known
        return known


def driver_cursor(connection: Connection) -> Any:
    """Return a cursor of the driver's own: the pool's wrapper around one costs as much as making it."""
    driver: Any = connection.connection.driver_connection
    return driver.cursor()
