"""A wake-up names a row and the attempt it is for, and nothing else (claim check)."""

import json
from dataclasses import dataclass

from shared.errors import Fault, InvalidRequestError


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
        except ValueError as error:
            raise InvalidRequestError([Fault("$", f"not JSON: {error}")]) from error
        if (
            not isinstance(document, dict)
            or not isinstance(document.get("id"), str)
            or type(document.get("attempt")) is not int
        ):
            raise InvalidRequestError([Fault("$", 'expected {"id": text, "attempt": integer}')])
        return cls(document["id"], document["attempt"])
