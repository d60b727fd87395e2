"""A real PostgreSQL server for tests, found on this machine, started once in a test process and ended with it.

Nothing is written to the disk for certain, which no test of ours needs: the server itself is never killed.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from shared.bootstrap.data_folder import SCHEMAS_OF_PARTS
from shared.sql.database_server import bring_up_to_date
from tests.conformance.clients.languages import SEARCH_PATH, absent
from tests.ports import free_port

USER = "postgres"
TEMPLATE = "tocsin_template"
EMPTY = "template1"
START_SECONDS = 30
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
}


@cache
def programs() -> Path:
    """Return the folder of the server's programs."""
    config = shutil.which("pg_config", path=SEARCH_PATH)
    folders = [Path(run([config, "--bindir"]).strip())] if config else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("postgres", path=SEARCH_PATH):
        folders.append(Path(found).resolve().parent)
    for folder in folders:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    return absent("there is no PostgreSQL server: Debian's package `postgresql` has one")


def program(name: str) -> str:
    return str(programs() / name)


class PostgresServer:
    """A server with a data folder of its own, on a port of 127.0.0.1."""

    def __init__(self) -> None:
        # PostgreSQL does not run as root.
        self._owner = unprivileged_user() if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="tocsin-pg-", dir="/tmp"))
        if self._owner is not None:
            shutil.chown(self._folder, self._owner, self._owner)
        self._data = self._folder / "data"
        options = ["-U", "tocsin", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        run(
            [program("initdb"), "-D", str(self._data), *options], user=self._owner, cwd=self._folder
        )
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        place = ["-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*dying_with_us(), program("postgres"), *place, *settings],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                user=self._owner,
                group=self._owner,
                extra_groups=[] if self._owner else None,
            )
        answer = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        for _ in range(START_SECONDS * 20):
            if subprocess.run(answer, check=False).returncode == 0:
                return
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        """Throw everybody out and end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_SECONDS)
            self._process = None

    def close(self) -> None:
        """End, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """Return where a database is."""
        return f"postgresql://tocsin@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """Connect past Tocsin, to look or to interfere."""
        return psycopg.connect(self.url(database), autocommit=True)


# One text, sent at once: rows go, and what was numbered begins at 1 again.
EMPTIED = """
DO $$ DECLARE one record; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%\\_version' LOOP
    EXECUTE format('DELETE FROM %I', one.tablename);
  END LOOP;
  INSERT INTO event_log (id, last_number) VALUES (1, 0);
  PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S';
END $$
"""


class Databases:
    """Databases of one server."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._names = (f"test_{number}" for number in count(1))
        self._connection = server.connect()
        self._control("CREATE DATABASE {}", TEMPLATE)
        bring_up_to_date(server.url(TEMPLATE), SCHEMAS_OF_PARTS)
        self._reused: tuple[str, psycopg.Connection[tuple[object, ...]]] | None = None

    @contextmanager
    def emptied(self) -> Iterator[str]:
        """Lend a database that has all tables and is emptied afterwards, a tenth of the time of making one."""
        if self._reused is None:
            name = next(self._names)
            self._create(name, TEMPLATE)
            self._reused = name, self.server.connect(name)
        name, connection = self._reused
        yield self.server.url(name)
        connection.execute(EMPTIED)

    @contextmanager
    def one(self, template: str = TEMPLATE) -> Iterator[str]:
        """Make a database, a copy of one that has all tables, and drop it in the end."""
        name = next(self._names)
        self._create(name, template)
        yield self.server.url(name)
        self._control("DROP DATABASE {} WITH (FORCE)", name)

    def close(self) -> None:
        self._connection.close()
        if self._reused is not None:
            self._reused[1].close()

    def _create(self, name: str, template: str) -> None:
        self._control("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)

    def _control(self, statement: str, *names: str) -> None:
        if self._connection.closed:  # a test has stopped the server meanwhile
            self._connection = self.server.connect()
        self._connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def serving() -> Iterator[Databases]:
    """Start a server with a template of all tables, and end it."""
    server = PostgresServer()
    try:
        databases = Databases(server)
        yield databases
        databases.close()
    finally:
        server.close()


def run(arguments: Sequence[str], *, user: str | None = None, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it says."""
    done = subprocess.run(
        arguments,
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def unprivileged_user() -> str:
    """Return who the server runs as where we are root."""
    for name in (USER, "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    return absent("there is no user that a PostgreSQL server could run as")


def dying_with_us() -> list[str]:
    """Return what to put before a command so that it ends with the process that starts it, even a killed one."""
    setpriv = shutil.which("setpriv", path=SEARCH_PATH)
    return [setpriv, "--pdeathsig", "INT"] if setpriv else []
