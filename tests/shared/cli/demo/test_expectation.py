"""Waiting with a described deadline."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.cli.demo.expectation import Found, UnmetExpectationError, expect, wait_until
from tests.clocks import START, FakeClock, settle


async def test_returns_the_value_as_soon_as_the_probe_sees_it() -> None:
    clock = FakeClock()
    looks: Iterator[int | Found] = iter([Found("nothing"), Found("nothing"), 7])

    async def probe() -> int | Found:
        return next(looks)

    waiting = asyncio.ensure_future(
        wait_until("seven", probe, within=timedelta(seconds=1), clock=clock)
    )
    await settle()
    await clock.advance(timedelta(milliseconds=100))

    assert await waiting == 7
    assert clock.now() < START + timedelta(seconds=1)


async def test_tells_what_was_expected_and_what_the_last_look_found() -> None:
    clock = FakeClock()

    async def probe() -> int | Found:
        return Found("status Running")

    waiting = asyncio.ensure_future(
        wait_until("operation 1 Succeeded", probe, within=timedelta(seconds=2), clock=clock)
    )
    await settle()
    await clock.advance(timedelta(seconds=3))

    with pytest.raises(UnmetExpectationError) as raised:
        await waiting
    assert raised.value.expected == "operation 1 Succeeded within 2 s"
    assert raised.value.found == "status Running"


def test_expect_passes_what_is_met() -> None:
    expect(True, "200", 200)


def test_expect_tells_both_sides_of_what_is_not_met() -> None:
    with pytest.raises(UnmetExpectationError, match="expected 200; found 404"):
        expect(False, "200", 404)
