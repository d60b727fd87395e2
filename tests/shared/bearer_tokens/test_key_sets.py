import asyncio
import json
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.bearer_tokens.key_sets import FetchedKeySet, FileKeySet, usable_keys
from shared.errors import NoAnswer, NoAnswerError, TransientError
from tests.clocks import START, FakeClock, settle
from tests.shared.bearer_tokens.token_cases import EC_KEY, OTHER_KEY, RSA_KEY, public

ONE, TWO, THREE = public(EC_KEY, "1"), public(RSA_KEY, "2"), public(OTHER_KEY, "3")


def set_of(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


@dataclass
class Issuer:
    """Answers with its present set; counts how often it was asked."""

    answer: bytes | None = None
    asked: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(self) -> bytes:
        self.asked += 1
        await self.gate.wait()
        if self.answer is None:
            raise NoAnswerError("it is down", kind=NoAnswer.UNREACHABLE)
        return self.answer


@pytest.fixture
def issuer() -> Issuer:
    issuer = Issuer(set_of(ONE, TWO))
    issuer.gate.set()
    return issuer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keys(issuer: Issuer, clock: FakeClock) -> FetchedKeySet:
    return FetchedKeySet("https://issuer.example/keys", issuer.fetch, clock)


async def test_a_set_is_fetched_once_for_all_its_keys(keys: FetchedKeySet, issuer: Issuer) -> None:
    assert [await keys.find(key_id) for key_id in ("1", "2", "1")] == [ONE, TWO, ONE]
    assert issuer.asked == 1


async def test_callers_at_once_share_one_fetch(keys: FetchedKeySet, issuer: Issuer) -> None:
    issuer.gate.clear()
    asking = [asyncio.create_task(keys.find("1")) for _ in range(9)]
    await settle()
    issuer.gate.set()

    assert await asyncio.gather(*asking) == [ONE] * 9
    assert issuer.asked == 1


async def test_a_missing_key_is_looked_for_once_a_minute(
    keys: FetchedKeySet, issuer: Issuer, clock: FakeClock
) -> None:
    await keys.find("1")
    issuer.answer = set_of(THREE)
    clock.set(START + timedelta(seconds=59))
    assert [await keys.find("3") for _ in range(3)] == [None] * 3
    assert issuer.asked == 1

    clock.set(START + timedelta(seconds=60))

    assert [await keys.find("3"), await keys.find("1")] == [THREE, None]
    assert issuer.asked == 2


async def test_a_key_that_was_taken_back_counts_for_a_day_at_most(
    keys: FetchedKeySet, issuer: Issuer, clock: FakeClock
) -> None:
    await keys.find("1")
    issuer.answer = set_of(TWO)
    clock.set(START + timedelta(hours=24) - timedelta(microseconds=1))
    assert await keys.find("1") == ONE

    clock.set(START + timedelta(hours=24))

    assert await keys.find("1") is None


@pytest.mark.parametrize("answer", [None, b"", b"[]", b"no JSON", b'{"keys": []}', b"\xff"])
async def test_the_last_set_counts_while_there_is_no_other(
    answer: bytes | None,
    keys: FetchedKeySet,
    issuer: Issuer,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await keys.find("1")
    issuer.answer = answer
    clock.set(START + timedelta(days=3))

    assert [await keys.find("1"), await keys.find("3"), await keys.find("2")] == [ONE, None, TWO]
    assert issuer.asked == 2
    assert "cannot be fetched" in caplog.text


async def test_without_any_set_it_is_tried_again_after_a_minute(
    keys: FetchedKeySet, issuer: Issuer, clock: FakeClock
) -> None:
    issuer.answer = None
    for _ in range(2):
        with pytest.raises(TransientError):
            await keys.find("1")
    assert issuer.asked == 1
    issuer.answer = set_of(ONE)
    clock.set(START + timedelta(minutes=1))

    assert await keys.find("1") == ONE


async def test_no_id_stands_for_the_only_key(keys: FetchedKeySet, issuer: Issuer) -> None:
    issuer.answer = set_of(ONE)

    assert await keys.find(None) == ONE


async def test_no_id_stands_for_none_of_several(keys: FetchedKeySet) -> None:
    assert await keys.find(None) is None


async def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(set_of(ONE))
    keys = FileKeySet(file, json.loads)
    assert [await keys.find("1"), await keys.find("3")] == [ONE, None]

    file.write_bytes(set_of(ONE, THREE))
    os.utime(file, ns=(1, 1))

    assert [await keys.find("3"), await keys.find("1")] == [THREE, ONE]


async def test_a_file_that_comes_later_is_found(tmp_path: Path) -> None:
    keys = FileKeySet(tmp_path / "keys.json", json.loads)
    with pytest.raises(TransientError):
        await keys.find("1")

    (tmp_path / "keys.json").write_bytes(set_of(ONE))

    assert await keys.find("1") == ONE


async def test_a_file_that_goes_bad_leaves_what_was_read(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(set_of(ONE))
    keys = FileKeySet(file, json.loads)
    await keys.find("1")
    file.write_bytes(b"{")

    assert [await keys.find("3"), await keys.find("1")] == [None, ONE]


def test_only_keys_for_signatures_by_public_keys_are_kept() -> None:
    listed = [ONE, {"kty": "oct", "kid": "s", "k": "x"}, {**TWO, "use": "enc"}, 1, {"kid": "x"}]

    assert usable_keys({"keys": listed}) == [ONE]
    documents: list[object] = [None, [], {}, {"keys": None}, {"keys": [1]}]
    for bad in documents:
        with pytest.raises(ValueError, match="no keys for signatures"):
            usable_keys(bad)
