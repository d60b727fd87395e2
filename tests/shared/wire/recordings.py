"""Exchanges recorded from the real service in 2015 by the test suite of Microsoft's classic Python client.

Byte for byte, but for the list of cloud services: two of its seventy are left.
"""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Exchange:
    method: str
    uri: str
    request: bytes
    response: bytes


def recorded(name: str) -> Exchange:
    entries = json.loads((Path(__file__).parent / "data" / "classic-python.json").read_text())
    entry = entries[name]
    return Exchange(
        method=entry["method"],
        uri=entry["uri"],
        request=entry["requestBody"].encode(),
        response=entry["responseBody"].encode(),
    )


RECORDED_PFX = (
    (Path(__file__).parent / "data" / "recorded-client-certificate.pfx.txt").read_text().strip()
)
"""Of the test suite of Microsoft's SDK for ARM; its password is `pass@word1`."""
