import logging
from datetime import timedelta

import pytest

from shared.errors import (
    AuthenticationError,
    ConfigurationError,
    EntityNotFoundError,
    TransientError,
)
from shared.host.outage import FIRST_PAUSE, LONGEST_PAUSE, Outage


@pytest.fixture
def outage() -> Outage:
    return Outage("work")


def test_one_line_when_it_begins_one_when_it_ends_and_no_traceback(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    for port in range(20):
        outage.failed(TransientError(f"connection refused, from port {port}"))
    lasted = outage.lasts
    for _ in range(3):
        outage.ended()

    assert (lasted, outage.lasts) == (True, False)
    assert [record.getMessage() for record in caplog.records] == [
        "cannot receive from work: connection refused, from port 0",
        "can receive from work again",
    ]
    assert not [record for record in caplog.records if record.exc_info]


def test_another_reason_is_another_line(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    for error in (
        TransientError("refused"),
        AuthenticationError("wrong key"),
        ConfigurationError("malformed"),
        EntityNotFoundError("no queue"),
        TransientError("refused"),
        TransientError("busy", code="amqp:connection:forced"),
    ):
        outage.failed(error)
        outage.failed(error)

    reasons = [record.getMessage().rpartition(": ")[2] for record in caplog.records]
    assert reasons == ["refused", "wrong key", "malformed", "no queue", "refused", "busy"]


def test_what_nobody_expected_has_its_traceback_each_time(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    outage.failed(RuntimeError("a bug"))
    outage.failed(RuntimeError("another"))

    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert all(record.exc_info for record in caplog.records)


def test_pauses_grow_to_half_a_minute_and_begin_anew(outage: Outage) -> None:
    pauses = [outage.failed(TransientError("away")) for _ in range(8)]
    outage.ended()

    assert pauses[0] == FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == pauses[-2] == LONGEST_PAUSE == timedelta(seconds=30)
    assert outage.failed(TransientError("away")) == FIRST_PAUSE
