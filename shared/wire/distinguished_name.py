"""Names of certificates as .NET shows them (`X509Certificate2.Subject`): the most specific part first.

The rules of quoting are those of Windows' CertNameToStr with CERT_X500_NAME_STR and CERT_NAME_STR_REVERSE_FLAG:
https://learn.microsoft.com/windows/win32/api/wincrypt/nf-wincrypt-certnametostrw
"""

from cryptography.x509 import Name, NameAttribute
from cryptography.x509.oid import NameOID

KEYS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.DN_QUALIFIER: "dnQualifier",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.GIVEN_NAME: "G",
    NameOID.INITIALS: "I",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.POSTAL_CODE: "PostalCode",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.STATE_OR_PROVINCE_NAME: "S",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.SURNAME: "SN",
    NameOID.TITLE: "T",
}
QUOTED = frozenset(',+="\n<>#;')
BLANKS = " \t\n\v\f\r"


def dotnet_name(name: Name) -> str:
    """Return `CN=…, OU=…, O=…, S=…, C=…`."""
    return ", ".join(" + ".join(map(_pair, part)) for part in reversed(name.rdns))


def _pair(attribute: NameAttribute[str | bytes]) -> str:
    key = KEYS.get(attribute.oid) or f"OID.{attribute.oid.dotted_string}"
    value = attribute.value
    if isinstance(value, bytes):
        return f"{key}=#{value.hex().upper()}"
    return f"{key}={_quoted(value)}"


def _quoted(value: str) -> str:
    if value and value.strip(BLANKS) == value and not QUOTED & set(value):
        return value
    return '"' + value.replace('"', '""') + '"'
