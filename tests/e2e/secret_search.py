"""Finds secrets in bytes, in whatever form a program may have written them."""

import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

# What is left of a secret when its ends are cut off by the alignment of base64.
SHORTEST = 8


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield the forms in which `secret` may stand somewhere, each with its name."""
    plain = secret.encode()
    yield "plain", plain
    yield "latin-1", secret.encode("latin-1", "replace")
    yield "JSON", json.dumps(secret)[1:-1].encode()
    yield "JSON in UTF-8", json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield "JSON in JSON", json.dumps(json.dumps(secret)[1:-1])[1:-1].encode()
    yield "repr", repr(secret)[1:-1].encode()
    yield "percent-encoded", quote(secret, safe="").encode()
    yield "percent-encoded, lower case", quote(secret, safe="").lower().encode()
    yield "percent-encoded but for slashes", quote(secret).encode()
    yield "form", quote_plus(secret).encode()
    yield "UTF-16", secret.encode("utf-16-le")
    yield "UTF-16, big end first", secret.encode("utf-16-be")
    yield "hexadecimal", plain.hex().encode()
    if (content := decoded(secret)) is not None:
        yield "decoded", content
        yield "decoded, hexadecimal", content.hex().encode()
    for before in range(3):
        # The letters that depend on nothing that stands before or behind it.
        inner = plain[(-before) % 3 :]
        inner = inner[: len(inner) // 3 * 3]
        if len(inner) >= SHORTEST:
            yield f"base64, {before} before", b64encode(inner)
            yield f"base64 of URLs, {before} before", urlsafe_b64encode(inner)


def decoded(secret: str) -> bytes | None:
    """Return the bytes of a key that is written in base64."""
    try:
        return b64decode(secret, validate=True)
    except ValueError:
        return None


def leaks(places: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[str]:
    """Return which secret stands where, and how."""
    return [
        f"{name} in {place}, {form}"
        for name, secret in secrets.items()
        for form, pattern in forms(secret)
        for place, content in places.items()
        if pattern in content
    ]
