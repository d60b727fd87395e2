"""Schema migrations by Alembic, one version table for each component that has tables of its own."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from shared.sql.database import Transaction
from shared.sql.locks import lock_in_order


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one component: `scripts` is an Alembic folder, `head` the newest revision in it."""

    name: str
    scripts: Path
    head: str

    @property
    def version_table(self) -> str:
        return f"{self.name}_version"


def current_revision(connection: Connection, schema: Schema) -> str | None:
    """Return the revision the database is at, None when the component has no tables yet."""
    if not inspect(connection).has_table(schema.version_table):
        return None
    statement = f"SELECT version_num FROM {schema.version_table}"
    return connection.exec_driver_sql(statement).scalar()


def migrate(engine: Engine, schema: Schema) -> None:
    """Bring the component's tables to its head; costs one query when they are there already.

    Alembic is imported only when there is something to do: it is 20 MB that a running service does not need.
    """
    with engine.connect() as connection:
        if current_revision(connection, schema) == schema.head:
            return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(schema.scripts))
    with engine.connect() as connection:
        config.attributes.update(connection=connection, version_table=schema.version_table)
        begin_alone(connection)
        command.upgrade(config, schema.head)
        connection.exec_driver_sql("COMMIT")


def begin_alone(connection: Connection) -> None:
    """Begin a transaction that waits for every other process which migrates."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")
        lock_in_order(Transaction(connection), exclusive=["migrations"])


def run_environment() -> None:
    """Body of every component's `env.py`: run the revisions on the connection that `migrate` opened."""
    from alembic import context

    context.configure(
        connection=context.config.attributes["connection"],
        version_table=context.config.attributes["version_table"],
        transactional_ddl=False,
    )
    context.run_migrations()
