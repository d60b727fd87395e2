import json
import os
import stat
import subprocess
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.key_ring import (
    KeyRing,
    change_key_file,
    create_key_file,
    load_key_file,
    parse_key_ring,
)
from shared.sealing import Sealer

ROOT = Path(__file__).parents[2]
ONE, TWO, THREE = b"1" * 32, b"2" * 32, b"3" * 32
key_bytes = st.binary(min_size=32, max_size=32)
key_ids = st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True)


def ring_text(*, current: object = "k1", **members: object) -> str:
    return json.dumps({"current": current, "keys": {"k1": b64encode(ONE).decode()}, **members})


@given(st.dictionaries(key_ids, key_bytes, min_size=1), key_bytes, st.data())
def test_a_ring_is_read_as_it_was_written(
    keys: dict[str, bytes], fingerprint_key: bytes, data: st.DataObject
) -> None:
    current = data.draw(st.sampled_from(sorted(keys)))
    ring = KeyRing(current=current, keys=keys, fingerprint_key=fingerprint_key)

    assert parse_key_ring(ring.encode()) == ring


@given(st.dictionaries(key_ids, key_bytes, min_size=1), key_bytes)
def test_a_rotation_keeps_every_key_and_adds_one(keys: dict[str, bytes], key: bytes) -> None:
    ring = KeyRing(current=min(keys), keys=keys, fingerprint_key=ONE)

    rotated = ring.rotated(key)

    assert rotated.current not in keys
    assert rotated.keys == {**keys, rotated.current: key}
    assert rotated.fingerprint_key == ring.fingerprint_key


def test_the_tenth_key_is_followed_by_the_eleventh() -> None:
    ring = parse_key_ring(ring_text())

    for _ in range(10):
        ring = ring.rotated(TWO)

    assert ring.current == "k11"


def test_fingerprints_survive_rotation_and_pruning_of_a_ring_that_names_no_key_for_them() -> None:
    old = parse_key_ring(ring_text())

    new = parse_key_ring(old.rotated(TWO).without(frozenset({"k1"})).encode())

    assert list(new.keys) == ["k2"]
    assert new.sealer().fingerprint(b"a") == old.sealer().fingerprint(b"a")
    assert old.sealer().fingerprint(b"a") == Sealer({"k1": ONE}, current="k1").fingerprint(b"a")


def test_the_current_key_cannot_be_taken_out() -> None:
    ring = parse_key_ring(ring_text()).rotated(TWO)

    assert list(ring.without(frozenset({"k1", "k2"})).keys) == ["k2"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"keys": {"k1": "s3cret',
        "[" * 100_000,
        ring_text(current="s3cret"),
        ring_text(current=["k1"]),
        ring_text(keys={}),
        ring_text(keys={"k1": "s3cret"}),
        ring_text(keys={"k1": "c2VjcmV0"}),
        ring_text(keys={"k1": 7}),
        ring_text(keys={"k1": b64encode(ONE).decode(), "k.2": b64encode(TWO).decode()}),
        ring_text(fingerprint="s3cret"),
    ],
)
def test_p8_a_broken_key_file_is_named_and_its_content_is_not(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match=r"key\.json: it") as caught:
        load_key_file(path)

    assert "s3cret" not in str(caught.value)
    assert "c2VjcmV0" not in str(caught.value)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json: No such file"):
        load_key_file(tmp_path / "none.json")


def test_p8_a_ring_shows_no_key() -> None:
    ring = KeyRing(current="k1", keys={"k1": ONE}, fingerprint_key=TWO)

    assert repr(ring) == "KeyRing(current='k1')"


def test_a_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "key.json"

    create_key_file(path)
    first = path.read_bytes()
    create_key_file(path)

    assert path.read_bytes() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key_file(path).sealer().older_keys == frozenset()
    assert list(tmp_path.iterdir()) == [path]


def test_a_changed_key_file_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    path, link = tmp_path / "key.json", tmp_path / "link.json"
    create_key_file(path)
    link.symlink_to(path)

    changed = change_key_file(link, lambda ring: ring.rotated(TWO))

    assert load_key_file(path) == changed
    assert changed.current == "k2"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_rotations_at_the_same_time_lose_none_of_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    create_key_file(path)
    rotate = (
        "import os, sys; from pathlib import Path; from shared.key_ring import change_key_file\n"
        "for _ in range(5): change_key_file(Path(sys.argv[1]), lambda r: r.rotated(os.urandom(32)))"
    )

    def run(_: int) -> int:
        command = [sys.executable, "-c", rotate, str(path)]
        return subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [0] * 4
    assert sorted(load_key_file(path).keys, key=lambda name: int(name[1:])) == [
        f"k{number}" for number in range(1, 22)
    ]


class DeathError(Exception):
    """Stands for the end of the process."""


def test_a_change_that_dies_on_the_way_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    create_key_file(path)
    before = path.read_bytes()

    def die(_ring: KeyRing) -> KeyRing:
        raise DeathError

    with pytest.raises(DeathError):
        change_key_file(path, die)

    assert path.read_bytes() == before
    assert change_key_file(path, lambda ring: ring.rotated(THREE)).current == "k2"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key.json"
    path.parent.mkdir()
    create_key_file(path)
    path.parent.chmod(0o500)

    with pytest.raises(ConfigurationError, match="cannot change the data-encryption key file"):
        change_key_file(path, lambda ring: ring.rotated(TWO))

    path.parent.chmod(0o700)
