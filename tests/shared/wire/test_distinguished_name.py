import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from shared.wire.distinguished_name import dotnet_name
from tests.client_certificates import TERRAFORM, name


def test_the_most_specific_part_comes_first_as_terraform_saw_it() -> None:
    assert dotnet_name(name(*TERRAFORM)) == (
        "CN=Terraform App Gateway, OU=Azure, O=Terraform Tests, S=Some-State, C=US"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain text", "plain text"),
        ("Müller", "Müller"),
        ("a\\b", "a\\b"),
        ("a, b", '"a, b"'),
        ("a+b", '"a+b"'),
        ("a=b", '"a=b"'),
        ("#a", '"#a"'),
        ("a;<b>", '"a;<b>"'),
        ('say "hi"', '"say ""hi"""'),
        (" a", '" a"'),
        ("a\t", '"a\t"'),
    ],
)
def test_what_would_read_as_something_else_is_quoted(value: str, shown: str) -> None:
    assert dotnet_name(name((NameOID.COMMON_NAME, value))) == f"CN={shown}"


@pytest.mark.parametrize(
    ("oid", "key"),
    [
        (NameOID.LOCALITY_NAME, "L"),
        (NameOID.EMAIL_ADDRESS, "E"),
        (NameOID.DOMAIN_COMPONENT, "DC"),
        (NameOID.SURNAME, "SN"),
        (NameOID.SERIAL_NUMBER, "SERIALNUMBER"),
        (NameOID.USER_ID, "OID.0.9.2342.19200300.100.1.1"),
    ],
)
def test_keys_are_those_of_windows(oid: x509.ObjectIdentifier, key: str) -> None:
    assert dotnet_name(name((oid, "v"))) == f"{key}=v"


def test_a_part_of_several_attributes_stays_one() -> None:
    part = x509.RelativeDistinguishedName(
        [x509.NameAttribute(NameOID.COMMON_NAME, "a"), x509.NameAttribute(NameOID.USER_ID, "b")]
    )
    country = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COUNTRY_NAME, "US")])

    shown = dotnet_name(x509.Name([country, part]))

    assert shown in (
        "CN=a + OID.0.9.2342.19200300.100.1.1=b, C=US",
        "OID.0.9.2342.19200300.100.1.1=b + CN=a, C=US",
    )


def test_bits_are_shown_in_hex() -> None:
    unique = x509.NameAttribute(
        NameOID.X500_UNIQUE_IDENTIFIER, b"\x01\xab", x509.name._ASN1Type.BitString
    )

    assert dotnet_name(x509.Name([unique])) == "OID.2.5.4.45=#01AB"


def test_a_certificate_may_have_no_name() -> None:
    assert dotnet_name(x509.Name([])) == ""
