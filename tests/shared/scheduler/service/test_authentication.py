import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from shared.development_certificates import issue
from shared.errors import AuthenticationError, TokenError
from shared.local_issuer import LocalIssuer
from shared.scheduler.service.authentication import Authentication
from shared.scheduler.service.certificates import ManagementCertificates
from shared.scheduler.service.credentials import Credentials
from shared.scheduler.stores.certificates import SqlCertificates
from shared.sql.inline import InlineDatabase
from shared.tls import parse_certificate
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import migrated
from tests.shared.scheduler.scheduler_stack import (
    JOBS,
    ROOT,
    SUBSCRIPTION,
    Stack,
    build_authentication,
)

CERTIFICATE = issue("client", now=START, authority=None).certificate
DER = CERTIFICATE.public_bytes(Encoding.DER)
PEM = CERTIFICATE.public_bytes(Encoding.PEM)
OTHER = issue("client", now=START, authority=None).certificate.public_bytes(Encoding.DER)
HOUR = timedelta(hours=1)
ARM = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Scheduler"
BAD_TOKENS = {
    "nothing": "Bearer ",
    "another scheme": "Basic dXNlcjpwYXNz",
    "two words": "Bearer a b",
    "no token": "Bearer abc",
    "two parts": "Bearer abc.def",
    "no JSON": "Bearer YQ.YQ.YQ",
    "no characters of a token": "Bearer {}",
}


@dataclass(frozen=True)
class Door:
    """Authentication with one certificate registered, and an issuer."""

    certificates: ManagementCertificates
    issuer: LocalIssuer
    clock: FakeClock

    def open(self, *, is_behind_app_service: bool = False) -> Authentication:
        return build_authentication(
            self.certificates,
            self.issuer,
            self.clock,
            is_behind_app_service=is_behind_app_service,
        )

    def token(self, subscription: str = SUBSCRIPTION, lifetime: timedelta = HOUR) -> Credentials:
        token = self.issuer.issue(subscription, lifetime=lifetime, now=self.clock.now())
        return Credentials(authorization=f"Bearer {token}".encode())


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    database, clock = InlineDatabase(migrated(tmp_path)), FakeClock()
    certificates = ManagementCertificates(database, SqlCertificates(), identity_clock=clock)
    await certificates.introduce(SUBSCRIPTION, parse_certificate(DER))
    yield Door(certificates, LocalIssuer(tmp_path), clock)
    await database.close()


async def test_a_registered_certificate_passes_in_any_case_of_the_subscription(door: Door) -> None:
    shown = Credentials(certificate=DER)

    await door.open().check_certificate(shown, SUBSCRIPTION.upper())


@pytest.mark.parametrize(
    ("der", "subscription", "days", "reason"),
    [
        (None, SUBSCRIPTION, 0, "no client certificate"),
        (OTHER, SUBSCRIPTION, 0, "is not registered"),
        (b"no certificate", SUBSCRIPTION, 0, "is not registered"),
        (DER, "another", 0, "for another subscription"),
        (DER, "", 0, "for another subscription"),
        (DER, SUBSCRIPTION, -1, "not valid before"),
        (DER, SUBSCRIPTION, 4000, "expired at"),
    ],
)
async def test_everybody_else_is_refused(
    der: bytes | None,
    subscription: str,
    days: int,
    reason: str,
    door: Door,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    door.clock.set(START + timedelta(days=days))

    with pytest.raises(AuthenticationError) as caught:
        await door.open().check_certificate(Credentials(certificate=der), subscription)

    assert caught.value.status == 403
    assert reason in caplog.records[-1].reason  # type: ignore[attr-defined]
    assert reason not in caught.value.message


async def test_a_certificate_in_a_header_counts_behind_app_service_alone(door: Door) -> None:
    headers = (base64.b64encode(DER),)
    forged = Credentials(certificate_headers=headers)
    hidden = Credentials(certificate=OTHER, certificate_headers=headers)

    await door.open(is_behind_app_service=True).check_certificate(forged, SUBSCRIPTION)

    for shown in (forged, hidden):
        with pytest.raises(AuthenticationError):
            await door.open().check_certificate(shown, SUBSCRIPTION)


async def test_behind_app_service_only_the_header_counts(door: Door) -> None:
    with pytest.raises(AuthenticationError):
        await door.open(is_behind_app_service=True).check_certificate(
            Credentials(certificate=DER), SUBSCRIPTION
        )


async def test_the_header_may_hold_pem_in_url_encoding(door: Door) -> None:
    shown = Credentials(certificate_headers=(quote_from_bytes(PEM, safe="-").encode(),))

    await door.open(is_behind_app_service=True).check_certificate(shown, SUBSCRIPTION)


@pytest.mark.parametrize(
    "headers",
    [
        (b"",),
        (b"!",),
        (b"AAA",),
        (base64.b64encode(OTHER),),
        (base64.b64encode(DER)[:-4],),
        (b"-----BEGIN CERTIFICATE-----%0AAAAA",),
        (b"-----BEGIN %ff",),
        (b"\xff\xfe",),
        (base64.b64encode(DER) * 20,),
        (base64.b64encode(DER), base64.b64encode(DER)),
        (base64.b64encode(DER) + b"," + base64.b64encode(DER),),
    ],
)
async def test_a_malformed_header_is_refused(headers: tuple[bytes, ...], door: Door) -> None:
    with pytest.raises(AuthenticationError):
        await door.open(is_behind_app_service=True).check_certificate(
            Credentials(certificate_headers=headers), SUBSCRIPTION
        )


async def test_a_token_opens_its_subscription_in_any_case_and_no_other(door: Door) -> None:
    authentication, shown = door.open(), door.token("Sub-1")

    await authentication.check_token(shown, "sub-1")
    await authentication.check_token(shown, "SUB-1")
    with pytest.raises(AuthenticationError) as caught:
        await authentication.check_token(shown, SUBSCRIPTION)

    assert (caught.value.status, caught.value.code) == (403, "AuthorizationFailed")


async def test_a_missing_header_is_401_with_arms_words(door: Door) -> None:
    with pytest.raises(TokenError) as caught:
        await door.open().check_token(Credentials(certificate=DER), SUBSCRIPTION)

    assert (caught.value.status, caught.value.code) == (401, "AuthenticationFailed")
    assert caught.value.message == "Authentication failed. The 'Authorization' header is missing."
    assert caught.value.headers["www-authenticate"] == (
        'Bearer authorization_uri="urn:tocsin:local-issuer", error="invalid_token", error_description='
        "\"The authentication failed because of missing 'Authorization' header.\""
    )


async def test_an_expired_token_is_told_when(door: Door) -> None:
    shown, authentication = door.token(lifetime=timedelta(minutes=10)), door.open()
    await authentication.check_token(shown, SUBSCRIPTION)
    door.clock.set(START + timedelta(minutes=10))

    with pytest.raises(TokenError) as caught:
        await authentication.check_token(shown, SUBSCRIPTION)

    assert (caught.value.status, caught.value.code) == (401, "ExpiredAuthenticationToken")
    assert caught.value.message == (
        "The access token expiry UTC time '1/1/2026 12:10:00 PM' is earlier than current UTC time"
        " '1/1/2026 12:10:00 PM'."
    )


@pytest.mark.parametrize("header", BAD_TOKENS.values(), ids=BAD_TOKENS)
async def test_what_is_no_token_is_401(header: str, stack: Stack) -> None:
    refused = await stack.call("GET", ARM, headers={"Authorization": header})

    assert refused.status == 401
    assert refused.json()["error"]["code"] in (
        "InvalidAuthenticationToken",
        "AuthenticationFailedInvalidHeader",
    )
    assert refused.headers["www-authenticate"].startswith("Bearer authorization_uri=")


async def test_arm_takes_no_certificate_and_the_classic_surface_no_token(stack: Stack) -> None:
    on_arm = await stack.call("GET", ARM)
    on_classic = await stack.call_arm("GET", f"{ROOT}/cloudservices")

    assert (on_arm.status, on_arm.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert on_classic.status == 403
    assert "<Code>AuthenticationFailed</Code>" in on_classic.text()


async def test_a_token_of_another_subscription_is_403_on_arm(stack: Stack) -> None:
    token = stack.issuer.issue("other", lifetime=HOUR, now=stack.clock.now())

    refused = await stack.call("GET", ARM, headers={"Authorization": f"Bearer {token}"})

    assert refused.status == 403
    assert refused.json()["error"]["code"] == "AuthorizationFailed"


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


async def test_p8_a_token_is_in_no_log_and_no_repr(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good, bad = stack.token, "Bearer c2VjcmV0.c2VjcmV0.c2VjcmV0"
    headers: list[Mapping[str, str]] = [
        {"Authorization": f"Bearer {good}"},
        {"Authorization": bad},
        {"Authorization": f"Bearer {good[:-9]}AAAAAAAAA"},
    ]

    answers = [await stack.call("GET", f"{ROOT}/certificates", headers=one) for one in headers]
    shown = repr((stack.authentication, Credentials(authorization=bad.encode())))

    said = " ".join(str(vars(record)) for record in caplog.records)
    said += shown + " ".join(answer.text() for answer in answers)
    for secret in ("c2VjcmV0", good, good.rpartition(".")[2]):
        assert secret not in said


async def test_a_path_that_reads_as_two_subscriptions_is_nobodys(stack: Stack) -> None:
    encoded = f"%30{SUBSCRIPTION[1:]}"
    token = stack.issuer.issue(encoded, lifetime=HOUR, now=stack.clock.now())
    target = f"/subscriptions/{encoded}/providers/Microsoft.Scheduler?api-version=2016-03-01"

    refused = await stack.call("GET", target, headers={"Authorization": f"Bearer {token}"})

    assert refused.status == 404
    assert (await stack.call_arm("GET", target.replace("%30", "0"))).status == 200


async def test_callers_at_once_are_judged_each_for_themselves(stack: Stack) -> None:
    own = [stack.call("GET", f"{ROOT}/cloudservices") for _ in range(20)]
    others = [
        stack.call("GET", f"{ROOT}/cloudservices", extensions={"tls": {"client_cert_der": OTHER}})
        for _ in range(20)
    ]

    answers = await asyncio.gather(*own, *others)

    assert [answer.status for answer in answers] == [200] * 20 + [403] * 20
