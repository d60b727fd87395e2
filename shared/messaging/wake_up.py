"""A wake-up names a row and the attempt it is for, and nothing else (claim check)."""

import json
from dataclasses import dataclass

from shared.errors import Fault, InvalidRequestError
from shared.storable import is_storable


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A lost, doubled, late or forged one is harmless: the row decides (docs/adr/0003-rows-and-wake-ups.md)."""

    id: str
    attempt: int

    def encode(self) -> bytes:
        return json.dumps({"id": self.id, "attempt": self.attempt}).encode()

    @classmethod
    def decode(cls, body: bytes) -> "WakeUp":
        """Raises InvalidRequestError when `body` is no wake-up."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InvalidRequestError([Fault("$", f"not JSON: {error}")]) from error
        match document:
            case {"id": str(row_id), "attempt": int(attempt)} if may_be_ours(row_id, attempt):
                return cls(row_id, attempt)
        raise InvalidRequestError([Fault("$", 'expected {"id": text, "attempt": integer}')])


def may_be_ours(row_id: str, attempt: int) -> bool:
    """JSON allows numbers and text that databases refuse."""
    if isinstance(attempt, bool) or not 0 <= attempt < 2**31:
        return False
    return is_storable(row_id)
