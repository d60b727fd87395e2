"""Logging for services: one line of JSON a record, with what `extra` says."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders a record and its `extra` members as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        document |= {k: v for k, v in record.__dict__.items() if k not in STANDARD}
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)


def configure_logging(*, level: str = "INFO", stream: TextIO = sys.stderr) -> None:
    """Send every record of this process to `stream`; called once, by a program's entry point."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # At INFO the SDKs tell of each state of each connection.
    logging.getLogger("azure").setLevel(logging.WARNING)
