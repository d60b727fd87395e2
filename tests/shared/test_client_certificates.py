import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from shared.client_certificates import ClientFiles, KeyKind, create_client_certificate
from shared.errors import ConfigurationError
from shared.scheduler.service.certificates import read_certificate
from shared.tls import Certificate, client_context, private_key_block
from tests.clocks import START

LIFETIME = timedelta(days=30)


def create(
    folder: Path, *, subject: str | None = None, kind: KeyKind = KeyKind.RSA
) -> tuple[ClientFiles, Certificate]:
    files = create_client_certificate(
        folder, "nightly", subject=subject, lifetime=LIFETIME, kind=kind, now=START
    )
    return files, read_certificate(files.cer.read_bytes())


@pytest.mark.parametrize("kind", [*KeyKind])
def test_the_three_files_are_of_one_certificate_that_the_service_takes(
    kind: KeyKind, tmp_path: Path
) -> None:
    files, certificate = create(tmp_path / "new", kind=kind)

    pem = files.pem.read_bytes()
    key = load_pem_private_key(private_key_block(pem), None)
    pfx_key, pfx_certificate, _ = load_key_and_certificates(files.pfx.read_bytes(), None)
    assert read_certificate(pem) == certificate
    assert pfx_certificate is not None
    assert pfx_certificate.public_key() == key.public_key()
    assert isinstance(key, rsa.RSAPrivateKey if kind is KeyKind.RSA else ec.EllipticCurvePrivateKey)
    assert pfx_key is not None
    for content in (pem, files.pfx.read_bytes()):
        client_context(content)


def test_it_is_valid_from_now_for_its_lifetime(tmp_path: Path) -> None:
    _, certificate = create(tmp_path)

    assert certificate.subject == "CN=nightly"
    assert certificate.not_before <= START
    assert certificate.not_after == START + LIFETIME


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    files, _ = create(tmp_path)

    modes = [stat.S_IMODE(file.stat().st_mode) for file in (files.cer, files.pem, files.pfx)]
    assert modes == [0o600] * 3


def test_the_subject_may_be_chosen(tmp_path: Path) -> None:
    assert create(tmp_path, subject="CN=Nightly\\, reports,O=Contoso")[1].subject == (
        "CN=Nightly\\, reports,O=Contoso"
    )


@pytest.mark.parametrize("subject", ["nobody", "CN", "X=1", ""])
def test_a_subject_that_is_none_is_told(subject: str, tmp_path: Path) -> None:
    if subject == "":
        assert create(tmp_path, subject=subject)[1].subject == ""
        return
    with pytest.raises(ConfigurationError, match="is no subject such as"):
        create(tmp_path, subject=subject)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["cer", "pem", "pfx"])
def test_a_file_that_is_there_is_left_alone(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"nightly.{ending}").write_text("mine")

    with pytest.raises(ConfigurationError, match="is there already"):
        create(tmp_path)

    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]
