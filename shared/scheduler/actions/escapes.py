"""Characters as URLs, programs, HTML and SQL escape them.

An escape is looked for at every place, since a text does not say which of its characters are one: `%2541` holds the
characters `%2541`, `%` behind which stands `2541`, and nothing forbids a password of either kind.
"""

import re
from collections.abc import Mapping
from html.entities import html5

Escapes = Mapping[int, tuple[int, str]]  # by its start: its end, and the character it stands for

HEX = "[0-9A-Fa-f]"
BEGINNING = re.compile(r"[%\\&'\"]")
# Groups: hexadecimal, decimal, octal, name in HTML, after a backslash, doubled quotation mark.
ESCAPE = re.compile(
    rf"(?:%|\\x)({HEX}{{2}})|[%\\]u({HEX}{{4}})|\\u\{{({HEX}{{1,6}})\}}|\\U00({HEX}{{6}})"
    rf"|&#[xX]({HEX}{{1,6}});|&#([0-9]{{1,7}});|\\([0-7]{{3}})|&([A-Za-z][A-Za-z0-9]{{1,30}};)"
    r"|\\(.)|(['\"])\10",
    re.DOTALL,
)
DECIMAL, OCTAL, NAME, AFTER_BACKSLASH = 6, 7, 8, 9
CONTROLS = dict(zip("abtnvfre0", "\a\b\t\n\v\f\r\x1b\0", strict=True))
# What is left of an escape that the end of a text cuts.
TORN = re.compile(
    rf"(?:%{HEX}?|[%\\]u{HEX}{{0,3}}|\\(?:x{HEX}?|U{HEX}{{0,7}}|u\{{{HEX}{{0,6}}|[0-7]{{0,2}})"
    r"|&#?[A-Za-z0-9]{0,31})\Z"
)


def escapes_in(text: str) -> Escapes:
    """Return every escape in `text` in the order of their starts; they may overlap."""
    found: dict[int, tuple[int, str]] = {}
    for beginning in BEGINNING.finditer(text):
        escape = ESCAPE.match(text, beginning.start())
        if escape and (character := character_of(escape)):
            found[escape.start()] = escape.end(), character
    return found


def character_of(escape: re.Match[str]) -> str:
    """Return the character, empty if there is none."""
    group = escape.lastindex or 0
    content = escape[group]
    if group < OCTAL:
        number = int(content, 10 if group == DECIMAL else 16)
        return chr(number) if number <= 0x10FFFF else ""
    if group == OCTAL:
        return chr(int(content, 8))
    if group == NAME:
        characters = html5.get(content, "")
        return characters if len(characters) == 1 else ""
    return CONTROLS.get(content, content) if group == AFTER_BACKSLASH else content


def unescaped(text: str, escapes: Escapes) -> tuple[str, list[int]]:
    """Return `text` without one layer of escapes, and where in it each character, and its end, was."""
    parts: list[str] = []
    places: list[int] = []
    position = 0
    for start, (end, character) in escapes.items():
        if start >= position:
            parts += text[position:start], character
            places += range(position, start + 1)
            position = end
    return "".join((*parts, text[position:])), [*places, *range(position, len(text) + 1)]


def whole_until(text: str) -> int:
    """Return where an escape that the end of `text` cuts begins; without one, the end."""
    torn = TORN.search(text, max(0, len(text) - 40))
    return torn.start() if torn else len(text)
