import base64
import re
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.scheduler.service.certificate_endpoints import read_upload
from shared.tls import parse_certificate
from tests.clocks import START
from tests.shared.scheduler.scheduler_stack import ROOT, VERSION, Reply, Stack
from tests.shared.scheduler.service.certificate_cases import VERSION_1, made

NAMESPACE = "http://schemas.microsoft.com/windowsazure"
CERTIFICATES = f"{ROOT}/certificates"
DER = made()
PEM = x509.load_der_x509_certificate(DER).public_bytes(Encoding.PEM)
ONE = parse_certificate(DER)


def upload(
    data: bytes | str = DER, thumbprint: str | None = None, public_key: str = "anything"
) -> str:
    text = base64.b64encode(data).decode() if isinstance(data, bytes) else data
    said = "" if thumbprint is None else thumbprint
    return (
        f'<SubscriptionCertificate xmlns="{NAMESPACE}">'
        f"<SubscriptionCertificatePublicKey>{public_key}</SubscriptionCertificatePublicKey>"
        f"<SubscriptionCertificateThumbprint>{said}</SubscriptionCertificateThumbprint>"
        f"<SubscriptionCertificateData>{text}</SubscriptionCertificateData>"
        "</SubscriptionCertificate>"
    )


def thumbprints(reply: Reply) -> list[str]:
    return re.findall("Thumbprint>([0-9A-F]{40})<", reply.text())


async def as_holder(stack: Stack, method: str, target: str, der: bytes = DER) -> Reply:
    return await stack.call(method, target, extensions={"tls": {"client_cert_der": der}})


async def test_an_uploaded_certificate_is_listed_and_shown_as_documented(stack: Stack) -> None:
    added = await stack.call("POST", CERTIFICATES, upload(thumbprint=ONE.thumbprint))
    listed = await stack.call("GET", CERTIFICATES)
    shown = await stack.call("GET", f"{CERTIFICATES}/{ONE.thumbprint.lower()}")

    assert (added.status, added.body) == (201, b"")
    assert listed.status == shown.status == 200
    own = parse_certificate(stack.certificate).thumbprint
    assert sorted(thumbprints(listed)) == sorted([own, ONE.thumbprint])
    assert thumbprints(shown) == [ONE.thumbprint]
    key = base64.b64encode(ONE.public_key).decode()
    assert shown.text() == (
        f'<SubscriptionCertificate xmlns="{NAMESPACE}"'
        ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        f"<SubscriptionCertificatePublicKey>{key}</SubscriptionCertificatePublicKey>"
        f"<SubscriptionCertificateThumbprint>{ONE.thumbprint}</SubscriptionCertificateThumbprint>"
        f"<SubscriptionCertificateData>{base64.b64encode(DER).decode()}</SubscriptionCertificateData>"
        "<Created>2026-01-01T12:00:00Z</Created></SubscriptionCertificate>"
    )


async def test_its_holder_passes_until_it_is_deleted(stack: Stack) -> None:
    assert (await as_holder(stack, "GET", f"{ROOT}/cloudservices")).status == 403
    await stack.call("POST", CERTIFICATES, upload())
    assert (await as_holder(stack, "GET", f"{ROOT}/cloudservices")).status == 200

    deleted = await stack.call("DELETE", f"{CERTIFICATES}/{ONE.thumbprint}")

    assert (deleted.status, deleted.body) == (200, b"")
    assert (await as_holder(stack, "GET", f"{ROOT}/cloudservices")).status == 403
    assert ONE.thumbprint not in thumbprints(await stack.call("GET", CERTIFICATES))


async def test_its_holder_may_delete_it_and_the_last_one_may_go(stack: Stack) -> None:
    own = parse_certificate(stack.certificate).thumbprint

    deleted = await stack.call("DELETE", f"{CERTIFICATES}/{own}")

    assert deleted.status == 200
    assert (await stack.call("GET", CERTIFICATES)).status == 403


async def test_a_token_opens_the_certificates_of_its_subscription_alone(stack: Stack) -> None:
    token = stack.issuer.issue("s2", lifetime=timedelta(hours=1), now=stack.clock.now())
    headers = {**VERSION, "Authorization": f"Bearer {token}"}

    async def call(method: str, target: str, body: str = "") -> Reply:
        return await stack.call(method, target, body, headers, extensions={})

    assert (await call("POST", "/S2/Certificates", upload())).status == 201
    assert thumbprints(await call("GET", "/s2/certificates")) == [ONE.thumbprint]
    assert (await as_holder(stack, "GET", "/s2/cloudservices")).status == 200
    assert (await call("GET", CERTIFICATES)).status == 403
    assert (await call("GET", "/s2/cloudservices")).status == 403


@pytest.mark.parametrize("authorization", ["Bearer abc", "Basic eA==", ""])
async def test_a_bad_token_is_the_documented_403(stack: Stack, authorization: str) -> None:
    headers = {**VERSION, "Authorization": authorization}

    refused = await stack.call("GET", CERTIFICATES, headers=headers, extensions={})

    assert refused.status == 403
    assert "<Code>AuthenticationFailed</Code>" in refused.text()


async def test_an_expired_token_is_the_documented_403_too(stack: Stack) -> None:
    headers = {**VERSION, "Authorization": f"Bearer {stack.token}"}
    stack.clock.set(START + timedelta(hours=2))

    refused = await stack.call("GET", CERTIFICATES, headers=headers, extensions={})

    assert refused.status == 403


async def test_revoked_ones_are_shown_to_who_asks_for_all(stack: Stack) -> None:
    await stack.call("POST", CERTIFICATES, upload())
    await stack.call("DELETE", f"{CERTIFICATES}/{ONE.thumbprint}")

    everything = await stack.call("GET", f"{CERTIFICATES}?state=All")

    assert ONE.thumbprint in thumbprints(everything)
    assert "<Revoked>2026-01-01T12:00:00Z</Revoked>" in everything.text()
    assert (await stack.call("GET", f"{CERTIFICATES}?state=some")).status == 400


async def test_the_same_certificate_may_be_uploaded_again(stack: Stack) -> None:
    for _ in range(2):
        assert (await stack.call("POST", CERTIFICATES, upload())).status == 201

    assert thumbprints(await stack.call("GET", CERTIFICATES)).count(ONE.thumbprint) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("thumbprint", ["0" * 40, "x", "%2F", "%00"])
async def test_an_unknown_one_is_404(stack: Stack, method: str, thumbprint: str) -> None:
    refused = await stack.call(method, f"{CERTIFICATES}/{thumbprint}")

    assert refused.status == 404
    assert "<Code>ResourceNotFound</Code>" in refused.text()


async def test_another_method_is_refused(stack: Stack) -> None:
    refused = await stack.call("PATCH", CERTIFICATES)

    assert refused.status == 400
    assert "<Code>InvalidHttpVerb</Code>" in refused.text()


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("", "InvalidXmlRequest", "SubscriptionCertificate"),
        ("<a/>", "InvalidXmlRequest", "SubscriptionCertificate"),
        ("<SubscriptionCertificate/>", "BadRequest", "SubscriptionCertificateData: is missing"),
        (upload(""), "BadRequest", "is missing"),
        (upload("!!"), "BadRequest", "is not Base64"),
        (upload("ä"), "BadRequest", "is not Base64"),
        (upload(b"no certificate"), "BadRequest", "not a certificate in DER or PEM form"),
        (upload(DER[:-1]), "BadRequest", "not a certificate in DER or PEM form"),
        (upload(VERSION_1), "BadRequest", "not of version 3 of X.509"),
        pytest.param(
            *(upload(thumbprint="0" * 40), "BadRequest", f"that of the data is {ONE.thumbprint}"),
            id="thumbprint",
        ),
    ],
)
async def test_p10_a_bad_upload_is_400(stack: Stack, body: str, code: str, message: str) -> None:
    refused = await stack.call("POST", CERTIFICATES, body)

    assert refused.status == 400
    assert f"<Code>{code}</Code>" in refused.text()
    assert message in refused.text()


@pytest.mark.parametrize("data", [DER, PEM])
def test_the_file_may_be_der_or_pem(data: bytes) -> None:
    broken_lines = base64.encodebytes(data).decode()

    assert read_upload(upload(broken_lines).encode()) == ONE


@given(st.binary(max_size=300))
def test_p10_no_bytes_are_more_than_a_bad_request(content: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        read_upload(upload(content).encode())
