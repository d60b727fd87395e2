"""Recorded requests made wrong at random: every answer is one that the reference knows, and the service goes on."""

import logging
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from shared.development_certificates import create_development_certificates
from tests.clocks import FakeClock
from tests.conformance.documented_errors import Documented, recognised
from tests.conformance.mutating import Sent, corpus, mutated
from tests.conformance.mutating_bodies import SECRET
from tests.conformance.sending import Sender, prove_service, refusal_of
from tests.shared.scheduler.scheduler_stack import Reply, Stack, open_stack

PROOF_EVERY, WORK_EVERY = 500, 25
LEAST_ERRORS = 50
MAX_GROWTH = 64 * 2**20


@dataclass
class Findings:
    """What came of a run; `faults` is empty when all is well."""

    statuses: Counter[int] = field(default_factory=Counter)
    errors: set[Documented] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def judge(self, sent: Sent, reply: Reply) -> None:
        self.statuses[reply.status] += 1
        if reply.status >= 500:
            self.faults.append(f"{reply.status} to {sent}")
        if SECRET.encode() in reply.body or SECRET in str(reply.pairs):
            self.faults.append(f"the secret came back, to {sent}")
        if 400 <= reply.status < 500 and sent.method != "HEAD":
            self._judge_refusal(sent, reply)

    def _judge_refusal(self, sent: Sent, reply: Reply) -> None:
        try:
            refusal = refusal_of(reply)
        except (AssertionError, ValueError, LookupError) as error:
            self.faults.append(f"no error body ({error}), to {sent}")
            return
        for one in recognised(refusal):
            if isinstance(one, Documented):
                self.errors.add(one)
            else:
                self.faults.append(f"not in the reference: {one}")


async def fire(stack: Stack, stranger: bytes, *, seed: int, rounds: int) -> Findings:
    random, sender, findings = Random(seed), Sender(stack, stranger=stranger), Findings()
    requests = corpus()
    for number in range(rounds):
        if number % PROOF_EVERY == 0:
            await prove_service(stack)
        if number % WORK_EVERY == 0:
            await stack.work()
            await stack.engine.work()
        sent = mutated(random.choice(requests), random)
        findings.judge(sent, await sender.send(sent))
    await prove_service(stack)
    return findings


class LogWatch(logging.Handler):
    """Looks at every record as a formatter would, extras and tracebacks too."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records = 0
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records += 1
        text = f"{self.format(record)} {vars(record)}"
        if SECRET in text:
            self.told.append(text)


@contextmanager
def watched_logs() -> Iterator[LogWatch]:
    """Watch what the product logs, which would fill the report of a failure."""
    logger, watch = logging.getLogger("shared"), LogWatch()
    before = logger.level, logger.propagate
    logger.addHandler(watch)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield watch
    finally:
        logger.removeHandler(watch)
        logger.level, logger.propagate = before


def memory() -> int:
    """Return the most that this process has had in memory, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


async def test_p8_mutations_are_refused_in_documented_words_and_the_service_goes_on(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seed: int = pytestconfig.getoption("--seed")
    rounds: int = pytestconfig.getoption("--mutations")
    clock = FakeClock()
    certificates = create_development_certificates(tmp_path / "stranger", now=clock.now())
    stranger = certificates.client_cer.read_bytes()
    with watched_logs() as watch:
        async with open_stack(tmp_path, clock) as stack:
            await fire(stack, stranger, seed=seed, rounds=PROOF_EVERY)
            before = memory()
            findings = await fire(stack, stranger, seed=seed, rounds=rounds)

    faults = list(dict.fromkeys(findings.faults))
    assert not faults, f"seed {seed}: {len(faults)} faults, of them\n" + "\n".join(faults[:20])
    assert len(findings.errors) >= LEAST_ERRORS
    assert {200, 201, 202} <= findings.statuses.keys()
    assert memory() - before < MAX_GROWTH
    assert watch.records > rounds / 2
    assert not watch.told
