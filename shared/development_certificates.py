"""Certificates for one machine: an authority, a server for loopback and a client, made and renewed as needed."""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.private_file import written_aside

AUTHORITY_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(hours=1)
LOOPBACK = (
    x509.DNSName("localhost"),
    x509.IPAddress(ip_address("127.0.0.1")),
    x509.IPAddress(ip_address("::1")),
)


@dataclass(frozen=True, slots=True)
class DevelopmentCertificates:
    """Where the files are: `server` and `client` are PEM with their keys, `client_pfx` has no password and
    `client_cer` (DER) is what the service is told to trust."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def authority_key(self) -> Path:
        return self.folder / "ca-key.pem"

    @property
    def server(self) -> Path:
        return self.folder / "server.pem"

    @property
    def client(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_pfx(self) -> Path:
        return self.folder / "client.pfx"

    @property
    def client_cer(self) -> Path:
        return self.folder / "client.cer"


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM) + self.key_pem()

    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def create_development_certificates(folder: Path, *, now: datetime) -> DevelopmentCertificates:
    """Make what is missing, damaged or within 30 days of its end; everything else stays as it is."""
    files = DevelopmentCertificates(folder)
    authority = prepare_server(files, now=now)
    client = read_identity(files.client, files.client)
    if client is None or not is_good(client, authority, now):
        client = issue("Tocsin development client", now=now, authority=authority)
        write(files.client, client.pem())
    write_client_forms(files, client)
    return files


def create_server_certificate(folder: Path, *, now: datetime) -> DevelopmentCertificates:
    """Make authority and server alone, as `create_development_certificates` does: clients have their own."""
    files = DevelopmentCertificates(folder)
    prepare_server(files, now=now)
    return files


def prepare_server(files: DevelopmentCertificates, *, now: datetime) -> Identity:
    """Return the authority that has signed the server's certificate."""
    files.folder.mkdir(parents=True, exist_ok=True)
    authority = read_identity(files.authority, files.authority_key)
    if authority is None or not lasts(authority.certificate, now):
        authority = issue("Tocsin development authority", now=now, authority=None)
        write(files.authority_key, authority.key_pem())
        write(files.authority, authority.certificate.public_bytes(Encoding.PEM))
    if not is_good(read_identity(files.server, files.server), authority, now):
        write(files.server, issue("localhost", now=now, authority=authority, is_server=True).pem())
    return authority


def write_client_forms(files: DevelopmentCertificates, client: Identity) -> None:
    """Write the other two forms of the client's certificate, unless they are of this very certificate."""
    der = client.certificate.public_bytes(Encoding.DER)
    if read(files.client_cer) == der and files.client_pfx.exists():
        return
    pfx = serialize_key_and_certificates(
        b"tocsin", client.key, client.certificate, None, NoEncryption()
    )
    write(files.client_pfx, pfx)
    write(files.client_cer, der)


def issue(
    name: str, *, now: datetime, authority: Identity | None, is_server: bool = False
) -> Identity:
    """Sign a certificate by `authority`, or make one that signs itself and others."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = authority.key if authority else key
    issuer = authority.certificate.subject if authority else subject
    life = LEAF_LIFE if authority else AUTHORITY_LIFE
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(key_usage(signs=authority is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if authority is not None:
        role = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([role]), critical=False)
    if is_server:
        builder = builder.add_extension(x509.SubjectAlternativeName(LOOPBACK), critical=False)
    return Identity(builder.sign(signer, SHA256()), key)


def key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def is_good(leaf: Identity | None, authority: Identity, now: datetime) -> bool:
    if leaf is None or not lasts(leaf.certificate, now):
        return False
    with contextlib.suppress(Exception):  # whatever is wrong with the signature, a new one is made
        leaf.certificate.verify_directly_issued_by(authority.certificate)
        return True
    return False


def lasts(certificate: x509.Certificate, now: datetime) -> bool:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begins <= now and now + RENEW_BEFORE < ends


def read_identity(certificate: Path, key: Path) -> Identity | None:
    """Return what the two files hold (one file may hold both); None where it is missing or damaged."""
    try:
        loaded = load_pem_private_key(private_part(key.read_bytes()), None)
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        return None
    return Identity(leaf, loaded) if leaf.public_key() == loaded.public_key() else None


def private_part(content: bytes) -> bytes:
    begin = content.find(b"-----BEGIN PRIVATE KEY")
    return content[max(begin, 0) :]


def read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def write(path: Path, content: bytes) -> None:
    """Replace the file in one step; only its owner can read it, from its first byte on."""
    with written_aside(path, content) as unfinished:
        unfinished.replace(path)
