import logging
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from shared.development_certificates import issue
from shared.errors import AuthenticationError
from shared.scheduler.service.authentication import Authentication
from shared.tls import parse_certificate
from tests.clocks import START, FakeClock
from tests.shared.scheduler.scheduler_stack import JOBS, ROOT, SUBSCRIPTION, Stack

DER = issue("client", now=START, authority=None).certificate.public_bytes(Encoding.DER)
OTHER = issue("client", now=START, authority=None).certificate.public_bytes(Encoding.DER)


def shown(der: bytes | None) -> dict[str, object]:
    return {"extensions": {"tls": {"client_cert_der": der}}}


def authentication(*, at: datetime = START) -> Authentication:
    return Authentication(SUBSCRIPTION, [parse_certificate(DER)], identity_clock=FakeClock(at))


def test_a_registered_certificate_passes_in_any_case_of_the_subscription() -> None:
    authentication().check(shown(DER), SUBSCRIPTION.upper())


@pytest.mark.parametrize(
    ("scope", "subscription", "days"),
    [
        (shown(None), SUBSCRIPTION, 0),
        ({}, SUBSCRIPTION, 0),
        (shown(OTHER), SUBSCRIPTION, 0),
        (shown(b"no certificate"), SUBSCRIPTION, 0),
        (shown(DER), "another", 0),
        (shown(DER), "", 0),
        (shown(DER), SUBSCRIPTION, -1),
        (shown(DER), SUBSCRIPTION, 4000),
    ],
)
def test_everybody_else_is_refused(scope: dict[str, object], subscription: str, days: int) -> None:
    with pytest.raises(AuthenticationError):
        authentication(at=START + timedelta(days=days)).check(scope, subscription)


async def test_the_refusal_is_403_in_xml_on_every_path_and_its_reason_only_in_the_log(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    for path in (f"{ROOT}/cloudservices", JOBS, "/", "/nowhere", "/favicon.ico"):
        caplog.clear()
        refused = await stack.call("GET", path, extensions={"tls": {"client_cert_der": OTHER}})

        assert refused.status == 403
        assert "<Code>AuthenticationFailed</Code>" in refused.text()
        assert "registered" not in refused.text()
        (record,) = caplog.records
        assert "is not registered" in record.reason  # type: ignore[attr-defined]


async def test_an_expired_certificate_is_refused_from_its_end_on(stack: Stack) -> None:
    assert (await stack.call("GET", f"{ROOT}/cloudservices")).status == 200

    stack.clock.set(stack.clock.now() + timedelta(days=400))

    assert (await stack.call("GET", f"{ROOT}/cloudservices")).status == 403
