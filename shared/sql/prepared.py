"""Core statements compiled once and run through the driver: a quarter of the cost of Core's own execute.

Each has a text for SQLite and one for PostgreSQL, compiled when it is first run there.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing, OnConflictDoUpdate
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

Binder = Callable[[Mapping[str, Any]], Any]


class Prepared:
    """A statement with named parameters.

    Types that convert values in Python are passed by: bind integers, text, bytes and None. `IN` with a list of unknown
    length cannot be prepared.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._named: Callable[[Sequence[Any]], Any] | None = None
        self._compiled: dict[str, Compiled] = {}

    def rows(self, connection: Connection, **parameters: Any) -> list[Any]:
        """Run and return every row as a named tuple of its columns.

        It passes by SQLAlchemy's result, which costs several times what a small statement does.
        """
        cursor = self._run(connection, parameters)
        found = cursor.fetchall()
        if not found:
            return []
        if self._named is None:
            self._named = namer([column[0] for column in cursor.description])
        return list(map(self._named, found))

    def change(self, connection: Connection, **parameters: Any) -> int:
        """Run and return how many rows were changed; passes by SQLAlchemy's result too."""
        count: int = self._run(connection, parameters).rowcount
        return count

    def _run(self, connection: Connection, parameters: dict[str, Any]) -> Any:
        """Return a cursor that nobody has to close: who reads it to its end, or not at all, leaves nothing open."""
        text, _, bind = self._for(connection.dialect)
        return driver_of(connection).execute(text, bind(parameters))

    def execute_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run once for each set of parameters, in one call of the driver."""
        text, _, bind = self._for(connection.dialect)
        if many := [bind(row) for row in rows]:
            cursor = driver_of(connection).cursor()
            cursor.executemany(text, many)
            cursor.close()

    def _for(self, dialect: Dialect) -> "Compiled":
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled = self._statement.compile(dialect=dialect)
            names = getattr(compiled, "positiontup", None)
            # A value written into the statement may be None; only those of `bindparam` have to be given.
            binds = compiled.binds if isinstance(compiled, SQLCompiler) else {}
            defaults = {k: bind.effective_value for k, bind in binds.items() if not bind.required}
            order = None if names is None else tuple(names)
            known = Compiled(str(compiled), order, binder(order, defaults))
            self._compiled[dialect.name] = known
        return known


class Compiled(NamedTuple):
    """The text for one database, the order of its parameters where it has one, and what brings them into it."""

    text: str
    names: tuple[str, ...] | None
    bind: Binder


def binder(names: Sequence[str] | None, defaults: Mapping[str, Any]) -> Binder:
    """Return what puts parameters in the order of `names`, or leaves them named where the driver wants that."""
    if names is None:
        return lambda given: {**defaults, **given}
    if len(names) < 2:
        return lambda given: tuple({**defaults, **given}[name] for name in names)
    values = itemgetter(*names)
    return (lambda given: values({**defaults, **given})) if defaults else values


def namer(columns: Sequence[str]) -> Callable[[Sequence[Any]], Any]:
    """Return what makes named tuples of rows; `_make` of their class would count each row's values again."""
    row: type[tuple[Any, ...]] = namedtuple("Row", columns, rename=True)  # type: ignore[misc]
    return partial(tuple.__new__, row)


def driver_of(connection: Connection) -> Any:
    """Return the driver's own connection: the pool's wrapper around a cursor costs as much as making it."""
    return connection.connection.driver_connection


# `INSERT … ON CONFLICT` is the same in both databases, and SQLAlchemy has it once for each. That of SQLite is the one
# to use: the other's import brings all of PostgreSQL's dialect along.
@compiles(OnConflictDoNothing, "postgresql")
def do_nothing(clause: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_on_conflict_do_nothing(without_name(clause), **options))


@compiles(OnConflictDoUpdate, "postgresql")
def do_update(clause: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.visit_on_conflict_do_update(without_name(clause), **options))


def without_name(clause: Any) -> Any:
    """PostgreSQL alone can name a constraint."""
    clause.constraint_target = None
    return clause
