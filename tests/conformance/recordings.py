"""Recorded sessions, of either of the formats in which Microsoft's test suites kept them.

`.json` is SessionRecords of the .NET and PowerShell suites, `.yaml` is vcrpy's of the Python suites.
"""

import gzip
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml  # type: ignore[import-untyped]  # its stubs are one more package

RECORDED = Path(__file__).parent / "recorded"
OPERATION = re.compile(r"/operations/[0-9A-Fa-f-]+(\?|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and what the real service answered; headers are in lower case, `target` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int
    answer_headers: Mapping[str, str]
    answer: bytes = field(default=b"", repr=False)

    @property
    def date(self) -> datetime:
        """When it was answered."""
        return parsedate_to_datetime(self.answer_headers["date"])

    @property
    def is_poll(self) -> bool:
        """Whether it asks how far an operation of the classic surface is."""
        return OPERATION.search(self.target) is not None

    @property
    def is_unfinished(self) -> bool:
        return self.is_poll and b"<Status>InProgress<" in self.answer


def load(path: Path) -> list[Exchange]:
    """Return a session in the order in which it was answered."""
    if path.suffix == ".json":
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        return in_order(from_session_records(entry) for entry in document["Entries"])
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return in_order(from_vcr(one) for one in document["interactions"])


def in_order(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Sort by date, which has seconds; within one, a poll comes after what it asks about, else as recorded."""
    return sorted(exchanges, key=lambda one: (one.date, one.is_poll))


def from_session_records(entry: Mapping[str, Any]) -> Exchange:
    return Exchange(
        method=entry["RequestMethod"],
        target=entry["RequestUri"],
        headers=read_headers(entry["RequestHeaders"]),
        body=to_bytes(entry["RequestBody"]),
        status=entry["StatusCode"],
        answer_headers=read_headers(entry["ResponseHeaders"]),
        answer=to_bytes(entry["ResponseBody"]),
    )


def from_vcr(interaction: Mapping[str, Any]) -> Exchange:
    request, response = interaction["request"], interaction["response"]
    uri = urlsplit(request["uri"])
    headers = read_headers(response["headers"])
    answer = to_bytes(response["body"]["string"])
    if headers.get("content-encoding") == "gzip":
        answer = gzip.decompress(answer)
    return Exchange(
        method=request["method"],
        target=f"{uri.path}?{uri.query}" if uri.query else uri.path,
        headers=read_headers(request["headers"]),
        body=to_bytes(request["body"]),
        status=response["status"]["code"],
        answer_headers=headers,
        answer=answer,
    )


def read_headers(headers: Mapping[str, list[str]]) -> dict[str, str]:
    """Return each header in one line: the recorders kept a list, some of them of its words."""
    return {name.lower(): " ".join(values) for name, values in headers.items()}


def to_bytes(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""
