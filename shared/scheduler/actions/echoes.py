"""What we sent in secret, recognised in what a target sends back (P8).

A secret is looked for character by character, each as it is or escaped in any way `escapes.py` knows, so that no list
of encodings has to be complete. It is told in full, or by its beginning: half of it and eight characters at least, and
where the text ends, half of it or four characters. Looked for are its characters, its UTF-8 bytes and UTF-16 units one
by one, and base64 of whatever holds it; in the text, and in the text without its outermost escapes.

A secret of fewer than four characters is masked only where it stands alone: to mask each `a` of a message would spoil
it, and tell by what is missing what the secret is.

All secrets are looked for at once, in one walk over the text that keeps for each place the set of what has been matched
there (bit-parallel search, "Shift-And", https://doi.org/10.1145/135239.135243). A second walk, backwards and only if
something was told, finds what belongs to it.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain, pairwise, product

from shared.scheduler.actions.escapes import Escapes, escapes_in, unescaped, whole_until

MASK = "***"
SHORT = 4  # characters below which a secret must stand alone
TELLING = 8
# Of more than that the beginning is looked for, and what follows it masked to the end of the text.
LONGEST = 256
# Behind a cut, bytes that tell the beginning of a secret however its characters are written.
LOOK_AHEAD = 256

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# In forms; in base64 for URLs.
WRITTEN_FOR = {" ": "+", "+": "-", "/": "_"}
REPLACEMENTS = "\ufffd?"
# NUL and U+FFFD come of another encoding read as UTF-8, ends of line of base64 in mails.
BETWEEN = re.compile("[\0\ufffd\r\n]")
LINE_END = "\r\n"

Spans = Sequence[tuple[int, int]]
# What one character may be, for each character of a secret.
Spelling = tuple[str, ...]


class Echoes:
    """Recognises secrets in texts; sets of places in their spellings are the bits of integers."""

    def __init__(self, *secrets: str) -> None:
        self._width = 0
        self._accepting: dict[str, int] = {}
        self._inside = 0
        self._starts = self._lone_starts = 0
        self._told = self._lone_told = self._told_at_end = self._cut_short = 0
        self._openings: set[tuple[str, str]] = set()
        for secret in filter(None, secrets):
            for spelling in spellings(secret[:LONGEST]):
                self._add(spelling, is_short=len(secret) < SHORT, is_cut=len(secret) > LONGEST)

    def cut(self, text: str, limit: int) -> str:
        """Return the first `limit` characters of `text`, every secret masked that begins in them."""
        kept: list[str] = []
        position = 0
        for start, end in merged(sorted(self._told_in(text))):
            if start < limit:
                kept += (text[position:start], MASK)
                position = end
        return "".join((*kept, text[position:limit]))

    def _add(self, spelling: Spelling, *, is_short: bool, is_cut: bool) -> None:
        first, length = 1 << self._width, len(spelling)
        self._width += length + 1
        for index, characters in enumerate(spelling):
            for character in characters:
                known = self._accepting.get(character, 0)
                self._accepting[character] = known | first << index
        self._inside |= places(first, 1, length)
        if is_short:
            self._lone_starts |= first
            self._lone_told |= first << length
            return
        half = (length + 1) // 2
        self._openings.update(product(spelling[0], spelling[1]))
        self._starts |= first
        self._told |= places(first, min(length, max(TELLING, half)), length + 1)
        self._cut_short |= first << length if is_cut else 0
        self._told_at_end |= places(first, min(SHORT, half), length)

    def _told_in(self, text: str) -> Spans:
        if not self._accepting:
            return ()
        escapes = escapes_in(text)
        spans = self._spans(text, escapes)
        if not escapes:
            return spans
        inner, origin = unescaped(text, escapes)
        inner_spans = self._spans(inner, escapes_in(inner))
        return [*spans, *((origin[start], origin[end]) for start, end in inner_spans)]

    def _spans(self, text: str, escapes: Escapes) -> Spans:
        begun = self._begun(text, escapes)
        told = self._told_at(text, begun)
        return list(merged(sorted(self._traced(text, escapes, begun, told))))

    def _beginnings(self, text: str, escapes: Escapes) -> dict[int, int]:
        """Return by place the spellings that can begin there, without places where clearly none does."""
        if self._lone_starts:
            return {
                place: self._starts | (0 if before.isalnum() else self._lone_starts)
                for place, before in enumerate(f" {text}"[:-1])
            }
        openings = self._openings
        found = [place for place, pair in enumerate(pairwise(text)) if pair in openings]
        for place in chain(escapes, (between.start() for between in BETWEEN.finditer(text))):
            found += (max(0, place - 1), place)
        return dict.fromkeys(found, self._starts)

    def _begun(self, text: str, escapes: Escapes) -> dict[int, int]:
        """Return by place the spellings that can begin there and the beginnings of them that end there."""
        begun = self._beginnings(text, escapes)
        ahead = sorted(begun)  # a heap
        while ahead:
            place = heappop(ahead)
            for end, character in steps(text, escapes, place):
                reached = (begun[place] & self._accepting.get(character, 0)) << 1
                if BETWEEN.match(character):
                    reached |= begun[place] & self._inside
                if reached:
                    if end not in begun:
                        heappush(ahead, end)
                    begun[end] = begun.get(end, 0) | reached
        return begun

    def _told_at(self, text: str, begun: Mapping[int, int]) -> dict[int, int]:
        """Return what of `begun` tells of a secret, by place."""
        told: dict[int, int] = {}
        ends = {whole_until(text), len(text), len(text.rstrip(LINE_END))}
        for place, here in begun.items():
            telling = self._told | (self._told_at_end if place in ends else 0)
            if not text[place : place + 1].isalnum():
                telling |= self._lone_told
            if text[place - 1 : place] in LINE_END:
                # An end of line behind what is told does not belong to it.
                telling &= ~begun.get(place - 1, 0)
            if here & telling:
                told[place] = here & telling
        return told

    def _traced(
        self, text: str, escapes: Escapes, begun: Mapping[int, int], told: Mapping[int, int]
    ) -> Iterator[tuple[int, int]]:
        """Yield the steps that led to what is told, and what goes with it."""
        if not told:
            return
        for place, here in told.items():
            if here & self._cut_short:
                yield place, len(text)
        whole = whole_until(text)
        if told.get(whole, 0) & self._told_at_end:
            yield whole, len(text)
        wanted = dict(told)
        for place in sorted(begun, reverse=True):
            for end, character in steps(text, escapes, place):
                came = self._accepting.get(character, 0) & wanted.get(end, 0) >> 1
                if BETWEEN.match(character):
                    came |= self._inside & wanted.get(end, 0)
                if came & begun[place]:
                    wanted[place] = wanted.get(place, 0) | came & begun[place]
                    yield place, end


def steps(text: str, escapes: Escapes, place: int) -> Iterator[tuple[int, str]]:
    """Yield the characters that `text` may mean at `place`, each with where it ends."""
    if place < len(text):
        yield place + 1, text[place]
    if place in escapes:
        yield escapes[place]


def spellings(secret: str) -> set[Spelling]:
    """Return what is looked for: character by character, byte by byte, and in base64."""
    utf_16 = secret.encode("utf-16-le")
    units = "".join(map(chr, memoryview(utf_16).cast("H")))
    plain = {
        tuple(map(variants, written))
        for written in (secret, secret.encode().decode("latin-1"), units)
    }
    shifts = range(1) if len(secret) < SHORT else range(3)
    return plain | {tuple(in_base64(secret.encode(), shift)) for shift in shifts}


def variants(character: str) -> str:
    if character.isascii():
        return character + WRITTEN_FOR.get(character, "")
    return character + REPLACEMENTS


def in_base64(secret: bytes, shift: int) -> Iterator[str]:
    """Yield for each digit with bits of `secret`, the first byte of which is the group's `shift`th, what it may be."""
    padding = -(shift + len(secret)) % 3
    lowest, highest = (
        base64.b64encode(filler * shift + secret + filler * padding).decode()
        for filler in (b"\x00", b"\xff")
    )
    for low, high in zip(map(BASE64.index, lowest), map(BASE64.index, highest), strict=True):
        free = low ^ high
        if not free:
            yield variants(BASE64[low])
        elif free != 0b111111:
            digits = (BASE64[digit] for digit in range(64) if digit & ~free == low)
            yield "".join(map(variants, digits))


def places(first: int, start: int, end: int) -> int:
    """Return the set of the places from `start` to before `end` of the spelling that begins at `first`."""
    return first * ((1 << end) - (1 << start)) if start < end else 0


def merged(spans: Spans) -> Iterator[tuple[int, int]]:
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
