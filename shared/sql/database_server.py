"""A database of a PostgreSQL server as a program finds it: brought up to date before it is used, or refused."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from shared.errors import ConfigurationError
from shared.sql.failures import is_unavailable, no_answer, text_of
from shared.sql.migrations import Schema, migrate
from shared.sql.postgresql import BEGIN_READING, postgresql_engine


def bring_up_to_date(url: str, schemas: Sequence[Schema]) -> None:
    """Make the tables that are missing; of several processes that start, one does it and the others wait.

    Raises:
        ConfigurationError: the server lets nobody in with this URL, or has tables of a newer version.
        TransientError: there is no answer at present.
    """
    engine = postgresql_engine(url)
    try:
        for schema in schemas:
            migrate(engine, schema)
    except Exception as error:  # Alembic's own too, for a revision that it does not know
        if is_unavailable(error):
            raise no_answer(error) from error
        raise unusable(error) from error
    finally:
        engine.dispose()


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """Yield a connection that sees one state of the database, for a program that only looks.

    Raises:
        ConfigurationError: the database cannot be used.
        TransientError: there is no answer at present.
    """
    engine = postgresql_engine(url)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(BEGIN_READING)
            yield connection
    except (DBAPIError, psycopg.Error) as error:
        if is_unavailable(error):
            raise no_answer(error) from error
        raise unusable(error) from error
    finally:
        engine.dispose()


@contextmanager
def usable() -> Iterator[None]:
    """Raise ConfigurationError for what the database itself does not bear, such as a table that is gone."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        raise unusable(error) from error


def unusable(error: Exception) -> ConfigurationError:
    return ConfigurationError(f"cannot use the database of TOCSIN_DATABASE_URL: {text_of(error)}")
