"""A consumer of events that is right however often, and in whatever order, they come.

An event comes at least once, so its id is stored with its effect, in one transaction: after a crash both are there or
neither is. Events can overtake each other, so what is to be the newest is decided by `sequence`, which is their one
order. An id can be forgotten after 30 days, when no replay brings it any more.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS seen (source TEXT, id TEXT, PRIMARY KEY (source, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS job (subject TEXT PRIMARY KEY, state TEXT NOT NULL, sequence TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (subject TEXT PRIMARY KEY, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL);
"""
IS_NEW = "INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING"
# An effect that keeps the newest: what was overtaken changes nothing.
SET_STATE = """
INSERT INTO job VALUES (?, ?, ?) ON CONFLICT (subject) DO UPDATE
SET state = excluded.state, sequence = excluded.sequence WHERE excluded.sequence > job.sequence
"""
# An effect that adds up: right because each event has it once.
COUNT_RUN = """
INSERT INTO runs VALUES (?, ?, ?) ON CONFLICT (subject) DO UPDATE
SET succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed
"""


class Consumer:
    """Keeps the state of every job, and how often its executions ended well or not."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(TABLES)

    def handle(self, event: dict[str, Any]) -> bool:
        """Take the effect of a verified event, and return once that is on disk; False where it had come before."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            is_new = self._connection.execute(IS_NEW, (event["source"], event["id"])).rowcount == 1
            if is_new:
                self._take_effect(event)
            self._connection.execute("COMMIT")
        except BaseException:
            # The event comes again: answer 500.
            self._connection.execute("ROLLBACK")
            raise
        return is_new

    def state_of(self, subject: str) -> str | None:
        """Return the state of a job, `deleted` included; None where nothing was heard of it."""
        found = self._connection.execute("SELECT state FROM job WHERE subject = ?", (subject,))
        return next((str(state) for (state,) in found), None)

    def runs_of(self, subject: str) -> tuple[int, int]:
        """Return how many executions of a job ended well, and how many did not."""
        query = "SELECT succeeded, failed FROM runs WHERE subject = ?"
        return self._connection.execute(query, (subject,)).fetchone() or (0, 0)

    def close(self) -> None:
        self._connection.close()

    def _take_effect(self, event: dict[str, Any]) -> None:
        _, kind, what = event["type"].split(".")
        if kind == "job":
            state = "deleted" if what == "deleted" else event["data"]["state"]
            self._connection.execute(SET_STATE, (event["subject"], state, event["sequence"]))
        elif kind == "execution" and what != "skipped":
            ended = (what == "succeeded", what == "failed")
            self._connection.execute(COUNT_RUN, (event["subject"], *ended))
