"""`tocsin certificates` on a folder whose service does not run."""

import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from rich.console import Console

from shared.bootstrap import migrate_data_folder
from shared.cli import certificates
from shared.cli.certificate_access import Place
from shared.client_certificates import KeyKind, new_key
from shared.errors import ConfigurationError, NotFoundError
from shared.sql.data_folder import DataFolder
from shared.tls import parse_certificate
from shared.wire.management_certificate import SubscriptionCertificate
from tests.clocks import START, FakeClock
from tests.shared.scheduler.service.certificate_cases import VERSION_1, made

CLOCK = FakeClock()
SUBJECT = "CN=[red]e\x1b[31mvil"
KEY = new_key(KeyKind.EC)
PFX = serialize_key_and_certificates(None, KEY, None, None, BestAvailableEncryption(b"password"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    migrate_data_folder(tmp_path / "data")
    return Place(folder=tmp_path / "data")


@pytest.fixture
def cer(tmp_path: Path) -> Path:
    file = tmp_path / "client.cer"
    file.write_bytes(made())
    return file


def contents(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def thumbprint_of(file: Path) -> str:
    return parse_certificate(file.read_bytes()).thumbprint


async def table_of(
    place: Place, capsys: pytest.CaptureFixture[str], *subscriptions: str
) -> list[list[str]]:
    """Return the cells of the rows that are printed."""
    capsys.readouterr()
    await certificates.show(place, subscriptions or ("s1",), CLOCK)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_a_certificate_is_made_and_its_files_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificates.create(
        "nightly", tmp_path / "out", days=30, subject=None, kind=KeyKind.EC, now=START
    )

    said = capsys.readouterr().out
    files = [tmp_path / "out" / f"nightly.{ending}" for ending in ("cer", "pem", "pfx")]
    assert said.startswith(f"{thumbprint_of(files[0])} expires 2026-01-31\n")
    assert all(str(file) in said and file.exists() for file in files)


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", "a b", "x" * 101, "ä"])
def test_a_name_that_is_none_for_files_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no name for files"):
        certificates.create(name, tmp_path, days=1, subject=None, kind=KeyKind.EC, now=START)

    assert list(tmp_path.iterdir()) == []


async def test_a_certificate_is_uploaded_listed_and_revoked(
    place: Place, cer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thumbprint = thumbprint_of(cer)
    await certificates.upload(cer, place, "s1", CLOCK)
    assert f"{thumbprint} may manage subscription s1 until 2027-01-01" in capsys.readouterr().out
    cells = [thumbprint, "CN=client", "2027-01-01", "365"]
    assert await table_of(place, capsys) == [["s1", *cells, "valid"]]
    assert await table_of(place, capsys, "s2") == []

    await certificates.revoke(thumbprint.lower(), place, "s1", CLOCK)

    assert f"{thumbprint} may no longer manage subscription s1" in capsys.readouterr().out
    assert await table_of(place, capsys, "s2", "s1") == [["s1", *cells, "revoked 2026-01-01"]]


async def test_a_subject_is_shown_as_the_text_that_it_is(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evil.cer").write_bytes(made(SUBJECT.removeprefix("CN=")))
    await certificates.upload(tmp_path / "evil.cer", place, "s1", CLOCK)

    ((_, _, subject, *_),) = await table_of(place, capsys)

    assert subject == "CN=[red]e\\x1b[31mvil"


@pytest.mark.parametrize(
    ("begins", "ends", "revoked", "state"),
    [
        (-1, 31, None, "valid"),
        (-1, 30, None, "valid"),
        (-1, 29, None, "expires soon"),
        (-2, -1, None, "expired"),
        (1, 9, None, "not yet valid"),
        (-2, -1, START, "revoked 2026-01-01"),
    ],
)
def test_the_state_is_what_has_become_of_it(
    begins: int, ends: int, revoked: datetime | None, state: str
) -> None:
    der = made(begins=START + timedelta(days=begins), ends=START + timedelta(days=ends))
    one = SubscriptionCertificate(
        public_key=b"", thumbprint="T", data=der, created=START, revoked=revoked
    )

    assert certificates.row_of(one, START)[-1] == state
    assert certificates.row_of(one, START)[-2] == str(max(ends, 0))


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        (-2, -1, ["  but nobody passes with it now: it expired at 2025-12-31T12:00:00+00:00"]),
        (
            1,
            2,
            ["  but nobody passes with it now: it is not valid before 2026-01-02T12:00:00+00:00"],
        ),
        (-1, 1, []),
    ],
)
async def test_an_upload_tells_when_nobody_passes_with_it(
    begins: int,
    ends: int,
    said: list[str],
    place: Place,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    day, file = timedelta(days=1), tmp_path / "other.cer"
    file.write_bytes(made(begins=START + begins * day, ends=START + ends * day))

    await certificates.upload(file, place, "s1", CLOCK)

    assert capsys.readouterr().out.splitlines()[1:] == said


def printed(*row: str, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, no_color=True)
    certificates.print_rows([row], console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 110, 130, 200])
def test_no_width_of_a_terminal_cuts_a_cell(width: int) -> None:
    subscription, thumbprint = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "EF3B7B8B" * 5
    subject = "CN=" + "nightly-" * 12 + "end"

    shown = printed(subscription, thumbprint, subject, "2027-11-22", "364", "valid", width=width)

    assert subscription in shown
    assert thumbprint in shown
    assert "…" not in shown
    folded = "".join(
        each.strip("│").split("│")[2].strip() for each in shown.splitlines() if "│" in each
    )
    assert (folded or shown).count(subject) == 1


def test_a_terminal_too_narrow_for_a_table_gets_a_line_for_each_cell() -> None:
    row = ("s1", "EF3B7B8B" * 5, "CN=nightly", "2027-11-22", "364", "expires soon")

    lines = printed(*row, width=80).splitlines()

    assert [line.rsplit("  ", 1)[-1] for line in lines] == [*row, ""]
    assert lines[0] == "Subscription  s1"


async def test_that_there_is_none_is_told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    await certificates.show(place, ["s1", "s2"], CLOCK)

    assert "there is no certificate of subscription s1, s2;" in capsys.readouterr().out


async def test_what_is_not_there_cannot_be_revoked(place: Place) -> None:
    with pytest.raises(NotFoundError, match="was not found"):
        await certificates.revoke("A" * 40, place, "s1", CLOCK)


@pytest.mark.parametrize("thumbprint", ["", "A" * 39, "G" * 40, "A" * 41, "../certificates"])
async def test_what_is_no_thumbprint_is_told(thumbprint: str, place: Place) -> None:
    with pytest.raises(ConfigurationError, match="40 hexadecimal digits"):
        await certificates.revoke(thumbprint, place, "s1", CLOCK)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x", "not a certificate in DER or PEM form$"),
        (PFX, "it is a PFX, which holds a private key; give the certificate alone, its .cer file$"),
        (VERSION_1, "version 3"),
        (None, ": No such file or directory$"),
    ],
)
async def test_a_file_that_is_no_management_certificate_is_named(
    content: bytes | None, reason: str, place: Place, tmp_path: Path
) -> None:
    file = tmp_path / "bad.cer"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=reason) as caught:
        await certificates.upload(file, place, "s1", CLOCK)

    assert caught.value.message.count(str(file)) == 1


async def test_a_folder_on_which_nothing_was_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="start a service on this folder first"):
        await certificates.show(Place(folder=tmp_path), ["s1"], CLOCK)

    assert contents(tmp_path) == []


async def test_a_folder_that_somebody_holds_without_listening_is_left_alone(place: Place) -> None:
    holder = DataFolder(place.folder)

    with pytest.raises(ConfigurationError, match="in use by process"):
        await certificates.show(place, ["s1"], CLOCK)

    holder.close()
    await certificates.show(place, ["s1"], CLOCK)
