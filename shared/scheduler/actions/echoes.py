"""What we sent in secret, recognised in what a target sends back (P8)."""

import html
import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

MASK = "***"
LONGEST_CHARACTER = 4  # bytes, in every encoding that is read


class Echoes:
    """Recognises secrets as they were sent and as URLs, JSON and HTML write them."""

    def __init__(self, *secrets: str) -> None:
        self._forms = {form for secret in secrets if secret for form in forms_of(secret)}

    @property
    def longest_bytes(self) -> int:
        """How many bytes behind a cut must be known to recognise a secret that begins before it."""
        return LONGEST_CHARACTER * max(map(len, self._forms), default=0)

    def cut(self, text: str, limit: int) -> str:
        """Return the first `limit` characters of `text`, every secret masked that begins in them."""
        kept: list[str] = []
        position = 0
        for start, end in merged(sorted(self._found(text, limit))):
            kept += (text[position:start], MASK)
            position = end
        return "".join((*kept, text[position:limit]))

    def _found(self, text: str, limit: int) -> Iterator[tuple[int, int]]:
        for form in self._forms:
            end = limit + len(form) - 1
            start = text.find(form, 0, end)
            while start >= 0:
                yield start, start + len(form)
                start = text.find(form, start + 1, end)


def forms_of(secret: str) -> set[str]:
    in_json = json.dumps(secret)[1:-1]
    return {
        secret,
        quote(secret, safe=""),
        in_json,
        in_json.replace("/", "\\/"),
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
    }


def merged(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans as they are, those that touch as one."""
    if not spans:
        return
    start, end = spans[0]
    for next_start, next_end in spans[1:]:
        if next_start > end:
            yield start, end
            start = next_start
        end = max(end, next_end)
    yield start, end
