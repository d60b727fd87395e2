from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from shared.development_certificates import (
    DevelopmentCertificates,
    create_development_certificates,
    create_server_certificate,
    read_identity,
)
from shared.tls import load_certificates, read_key_and_chain

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def contents(files: DevelopmentCertificates) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(files.folder.iterdir())}


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_all_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path / "new" / "folder", now=NOW)

    assert sorted(contents(files)) == [
        "ca-key.pem",
        "ca.pem",
        "client.cer",
        "client.pem",
        "client.pfx",
        "server.pem",
    ]
    assert {path.stat().st_mode & 0o777 for path in files.folder.iterdir()} == {0o600}


def test_the_authority_signed_both_and_the_server_is_loopback(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=NOW)

    server, authority = certificate(files.server), certificate(files.authority)
    server.verify_directly_issued_by(authority)
    certificate(files.client).verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_the_three_forms_of_the_client_are_one_certificate(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=NOW)

    pem, cer = load_certificates((files.client, files.client_cer))
    _, chain = read_key_and_chain(files.client_pfx.read_bytes(), None)
    assert pem == cer
    assert chain == files.client.read_bytes()[: len(chain)]


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    before = contents(create_development_certificates(tmp_path, now=NOW))

    after = contents(create_development_certificates(tmp_path, now=NOW + timedelta(days=300)))

    assert after == before


def test_leaves_are_renewed_a_month_before_their_end_by_the_same_authority(tmp_path: Path) -> None:
    before = contents(create_development_certificates(tmp_path, now=NOW))

    later = NOW + timedelta(days=370)
    after = contents(create_development_certificates(tmp_path, now=later))

    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"client.cer", "client.pem", "client.pfx", "server.pem"}


def test_a_new_authority_signs_everything_anew(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=NOW)
    before = contents(files)
    files.authority_key.unlink()

    after = contents(create_development_certificates(tmp_path, now=NOW))

    assert all(before[name] != after[name] for name in before)
    certificate(files.client).verify_directly_issued_by(certificate(files.authority))


def test_what_a_crash_left_half_written_is_repaired(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=NOW)
    files.server.write_bytes(files.server.read_bytes()[:100])
    files.client_cer.unlink()
    (tmp_path / "client.pem.new").write_bytes(b"half")

    create_development_certificates(tmp_path, now=NOW)

    assert read_identity(files.server, files.server) is not None
    pem, cer = load_certificates((files.client, files.client_cer))
    assert pem == cer


def test_a_key_of_another_certificate_is_replaced(tmp_path: Path) -> None:
    files = create_development_certificates(tmp_path, now=NOW)
    key = files.server.read_bytes().partition(b"-----BEGIN PRIVATE KEY")
    leaf = files.client.read_bytes().partition(b"-----BEGIN PRIVATE KEY")
    files.client.write_bytes(leaf[0] + key[1] + key[2])

    create_development_certificates(tmp_path, now=NOW)

    assert read_identity(files.client, files.client) is not None


def test_a_server_alone_gets_no_client_and_one_authority_for_both(tmp_path: Path) -> None:
    files = create_server_certificate(tmp_path, now=NOW)

    alone = contents(files)
    assert sorted(alone) == ["ca-key.pem", "ca.pem", "server.pem"]
    both = contents(create_development_certificates(tmp_path, now=NOW))
    assert {name: both[name] for name in alone} == alone
