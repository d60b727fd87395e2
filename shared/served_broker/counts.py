"""What the entities of a folder hold, read beside the process that owns it."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from shared.errors import ConfigurationError
from shared.messaging.embedded.counting import counts
from shared.messaging.embedded.envelope import EntityCounts
from shared.messaging.embedded.namespace import Namespace
from shared.messaging.entities import NamespaceDescription


def read_counts(database: Path, namespace: NamespaceDescription) -> Sequence[EntityCounts]:
    """Return the counters of each queue, topic and subscription; writes nothing and locks nobody out.

    Raises:
        ConfigurationError: the database cannot be read, or is of an older version.
    """
    uri = f"{database.resolve().as_uri()}?mode=ro"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            return tuple(counts(connection, Namespace(namespace)))
    except DBAPIError as error:
        raise ConfigurationError(f"cannot read {database}: {error.orig}") from error
    finally:
        engine.dispose()
