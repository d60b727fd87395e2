"""The consumer of the examples, against deliveries as they may come: doubled, reordered, cut short."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.receivers.consumer import Consumer

ROOT = Path(__file__).parents[3]
TOLD = [
    {**event, "sequence": f"{number:019}"}
    for number, event in enumerate(json.loads((ROOT / "examples" / "history.json").read_bytes()), 1)
]
SUBJECTS = sorted({str(event["subject"]) for event in TOLD})
# What the story of the examples ends with: see tests/test_examples.py.
EXPECTED = {"nightly-report": ("deleted", (2, 0)), "year-end-report": ("deleted", (0, 1))}


@pytest.fixture
def consumer(tmp_path: Path) -> Iterator[Consumer]:
    consumer = Consumer(tmp_path / "consumer.db")
    yield consumer
    consumer.close()


def known(consumer: Consumer) -> dict[str, Any]:
    return {
        subject.rpartition("/")[2]: (consumer.state_of(subject), consumer.runs_of(subject))
        for subject in SUBJECTS
    }


def test_each_event_takes_effect(consumer: Consumer) -> None:
    assert all(consumer.handle(event) for event in TOLD)

    assert known(consumer) == EXPECTED


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
def test_doubled_and_reordered_deliveries_change_nothing(seed: int) -> None:
    order = random.Random(seed)
    deliveries = [*TOLD, *order.sample(TOLD, len(TOLD) // 2)]
    order.shuffle(deliveries)
    consumer = Consumer(Path(":memory:"))

    taken = [consumer.handle(event) for event in deliveries]

    assert sum(taken) == len(TOLD)
    assert known(consumer) == EXPECTED
    consumer.close()


def test_an_event_whose_effect_fails_is_as_if_it_had_not_come(
    consumer: Consumer, tmp_path: Path
) -> None:
    good = next(event for event in TOLD if event["type"] == "tocsin.job.created")
    broken = {**good, "data": {}}

    with pytest.raises(KeyError):
        consumer.handle(broken)
    another_process = Consumer(tmp_path / "consumer.db")

    assert another_process.handle(good)
    assert not consumer.handle(good)
    another_process.close()


def test_an_event_is_known_by_its_source_too(consumer: Consumer) -> None:
    (event, *_) = TOLD

    assert consumer.handle(event)
    assert consumer.handle({**event, "source": "/subscriptions/2"})
