from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import from_microseconds
from shared.errors import InvalidRequestError
from shared.wire.management_certificate import (
    SubscriptionCertificate,
    decode_certificates,
    decode_upload,
    encode_certificate,
    encode_certificates,
    encode_upload,
)

ONE = SubscriptionCertificate(
    public_key=b"k", thumbprint="AB", data=b"\x30\x00", created=datetime(2026, 1, 1, tzinfo=UTC)
)
INSTANTS = st.integers(0, 2**50).map(from_microseconds)
CERTIFICATES = st.builds(
    SubscriptionCertificate,
    public_key=st.binary(max_size=50),
    thumbprint=st.text("0123456789ABCDEF", min_size=1, max_size=40),
    data=st.binary(max_size=50),
    created=INSTANTS,
    revoked=st.none() | INSTANTS,
)


def test_the_bytes_are_those_of_the_documentation() -> None:
    root = (
        'xmlns="http://schemas.microsoft.com/windowsazure"'
        ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    )
    members = (
        "<SubscriptionCertificatePublicKey>aw==</SubscriptionCertificatePublicKey>"
        "<SubscriptionCertificateThumbprint>AB</SubscriptionCertificateThumbprint>"
        "<SubscriptionCertificateData>MAA=</SubscriptionCertificateData>"
        "<Created>2026-01-01T00:00:00Z</Created>"
    )

    one, several = encode_certificate(ONE).decode(), encode_certificates([ONE]).decode()

    assert one == f"<SubscriptionCertificate {root}>{members}</SubscriptionCertificate>"
    assert several == (
        f"<SubscriptionCertificates {root}><SubscriptionCertificate>{members}"
        "</SubscriptionCertificate></SubscriptionCertificates>"
    )


@given(st.lists(CERTIFICATES, max_size=3))
def test_a_list_is_read_as_it_was_written(certificates: list[SubscriptionCertificate]) -> None:
    assert decode_certificates(encode_certificates(certificates)) == certificates


@given(st.binary(min_size=1, max_size=50))
def test_an_upload_is_read_as_it_was_written(data: bytes) -> None:
    body = encode_upload(public_key=b"", thumbprint="AB", data=data)

    read = decode_upload(body)

    assert (read.data, read.thumbprint) == (data, "AB")


def test_names_are_read_in_any_case_and_data_in_lines() -> None:
    data = "<SUBSCRIPTIONCERTIFICATEDATA> MA\n A= </SUBSCRIPTIONCERTIFICATEDATA>"

    read = decode_upload(f"<subscriptioncertificate>{data}</subscriptioncertificate>".encode())

    assert (read.data, read.thumbprint) == (b"\x30\x00", None)


@pytest.mark.parametrize("created", ["", "yesterday"])
def test_a_list_without_instants_is_none(created: str) -> None:
    body = encode_certificates([ONE]).replace(b"2026-01-01T00:00:00Z", created.encode())

    with pytest.raises(InvalidRequestError):
        decode_certificates(body)


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><SubscriptionCertificate/>',
        b"<SubscriptionCertificates/>",
        b"{}",
        b"",
    ],
)
def test_what_is_no_upload_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        decode_upload(body)


def test_p8_neither_data_nor_key_is_in_a_repr() -> None:
    assert "MAA" not in repr(replace(ONE, data=b"MAA"))
    assert "MAA" not in repr(
        decode_upload(encode_upload(public_key=b"", thumbprint="", data=b"MAA"))
    )
