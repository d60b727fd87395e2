import base64
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from shared.scheduler.service.credentials import (
    Credentials,
    certificate_in_header,
    take_credentials,
)
from tests.shared.scheduler.service.certificate_cases import made

DER = made()
PEM = x509.load_der_x509_certificate(DER).public_bytes(Encoding.PEM)


def test_credentials_go_no_further() -> None:
    lines = [(b"Authorization", b"Bearer x"), (b"X-ARR-ClientCert", b"a"), (b"if-match", b"e")]
    headers = {name.lower(): value for name, value in lines}
    scope = {"headers": lines, "extensions": {"tls": {"client_cert_der": DER}}}

    taken = take_credentials(scope, headers)

    assert taken == Credentials(
        certificate=DER, certificate_headers=(b"a",), authorization=b"Bearer x"
    )
    assert headers == {b"if-match": b"e"}
    assert "Bearer" not in repr(taken)


def test_a_header_that_comes_twice_is_taken_twice() -> None:
    lines = [(b"x-arr-clientcert", b"a"), (b"X-ARR-ClientCert", b"b")]

    taken = take_credentials({"headers": lines}, {b"x-arr-clientcert": b"b"})

    assert taken.certificate_headers == (b"a", b"b")


def test_a_connection_without_any_shows_none() -> None:
    assert take_credentials({"headers": []}, {}) == Credentials()


@pytest.mark.parametrize(
    "header", [base64.b64encode(DER), quote(PEM).encode(), quote(PEM, safe="").encode()]
)
def test_the_header_holds_base64_or_url_encoded_pem(header: bytes) -> None:
    assert certificate_in_header(header) == DER


@pytest.mark.parametrize(
    "header",
    [b"", b"=", b"%", b"A", b"-----BEGIN", b"A" * 16388, pytest.param(PEM[:99], id="cut")],
)
def test_anything_else_is_none(header: bytes) -> None:
    assert certificate_in_header(header) is None
