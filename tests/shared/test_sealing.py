import json
import stat
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.sealing import Sealer, create_key_file, load_key_file

KEYS = {"k1": b"1" * 32, "k2": b"2" * 32}


def test_p8_what_is_sealed_shows_nothing_and_opens_again() -> None:
    sealer = Sealer(KEYS, current="k1")

    sealed = sealer.seal("s3cret", context="operation/1")

    assert "s3cret" not in sealed
    assert sealer.unseal(sealed, context="operation/1") == "s3cret"


def test_two_seals_of_one_text_differ() -> None:
    sealer = Sealer(KEYS, current="k1")

    assert sealer.seal("x", context="c") != sealer.seal("x", context="c")


def test_an_older_key_of_the_ring_still_opens() -> None:
    sealed = Sealer(KEYS, current="k1").seal("x", context="c")

    assert Sealer(KEYS, current="k2").unseal(sealed, context="c") == "x"


@pytest.mark.parametrize("change", ["context", "content", "key", "form"])
def test_a_sealed_value_that_was_moved_or_altered_is_refused(change: str) -> None:
    sealer = Sealer(KEYS, current="k1")
    sealed = sealer.seal("x", context="c")
    forged = {
        "context": sealed,
        "content": sealed[:-8] + ("A" if sealed[-8] != "A" else "B") + sealed[-7:],
        "key": sealed.replace(".k1.", ".k2."),
        "form": "plain",
    }[change]

    with pytest.raises(ConfigurationError):
        sealer.unseal(forged, context="other" if change == "context" else "c")


def test_fingerprints_tell_requests_apart_and_survive_a_rotation() -> None:
    before, after = Sealer(KEYS, current="k1"), Sealer(KEYS, current="k2")

    assert before.fingerprint(b"a") == after.fingerprint(b"a")
    assert before.fingerprint(b"a") != before.fingerprint(b"b")


def test_fingerprints_of_another_key_differ() -> None:
    other = Sealer({"k1": b"3" * 32}, current="k1")

    assert other.fingerprint(b"a") != Sealer(KEYS, current="k1").fingerprint(b"a")


def test_a_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "key.json"

    create_key_file(path)
    first = path.read_text()
    create_key_file(path)

    assert path.read_text() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (
        load_key_file(path).unseal(load_key_file(path).seal("x", context="c"), context="c") == "x"
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        json.dumps({"current": "k9", "keys": {"k1": "MTIz"}}),
        '{"keys": {"k1": "s3cret',
    ],
)
def test_p8_a_broken_key_file_is_named_and_its_content_is_not(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match=r"key\.json|not in the key file") as caught:
        load_key_file(path)

    assert "s3cret" not in str(caught.value)


def test_p8_a_sealer_shows_no_key() -> None:
    assert "1111" not in repr(Sealer(KEYS, current="k1"))
