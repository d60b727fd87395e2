"""Where the key ring comes from, and the rotation of a whole folder's keys."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.bootstrap import Application, count_sealed_values
from shared.bootstrap.data_keys import load_key_ring, sealed_tables
from shared.errors import ConfigurationError
from shared.key_ring import change_key_file, create_key_file, load_key_file
from shared.settings import Role, Settings, load_settings

ROOT = Path(__file__).parents[3]
HOOK = b'{"sink": {"type": "webhook", "url": "https://example.org/"}}'
NEW_KEY = b"2" * 32


def settings(data_dir: Path) -> Settings:
    key_file = data_dir / "data-key.json"
    create_key_file(key_file)
    return Settings(data_dir=data_dir, role=Role.SCHEDULER, data_key_file=key_file)


async def use(data_dir: Path, *, hooks: int = 0) -> Mapping[str, int]:
    """Start and end a process that makes so many secrets; returns what is sealed under which key then."""
    app = Application(settings(data_dir))
    await app.open()
    for _ in range(hooks):
        await app.event_subscriptions.create(HOOK, caller="key")
    await app.close()
    return count_sealed_values(data_dir)


async def test_p8_a_rotation_leaves_nothing_under_the_old_key(tmp_path: Path) -> None:
    key_file = tmp_path / "data-key.json"
    before = await use(tmp_path, hooks=2)
    change_key_file(key_file, lambda ring: ring.rotated(NEW_KEY))

    after = await use(tmp_path, hooks=1)

    assert before == {"k1": 3}
    assert after == {"k2": 4}
    change_key_file(key_file, lambda ring: ring.without(frozenset({"k1"})))
    assert await use(tmp_path) == {"k2": 4}


async def test_a_key_is_in_use_as_long_as_a_process_may_seal_under_it(tmp_path: Path) -> None:
    app = Application(settings(tmp_path))
    await app.open()

    change_key_file(tmp_path / "data-key.json", lambda ring: ring.rotated(NEW_KEY))

    assert count_sealed_values(tmp_path) == {"k1": 1}
    await app.close()


def test_there_is_nothing_to_count_without_a_database(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no database in"):
        count_sealed_values(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_every_user_of_seal_that_stores_is_among_the_tables() -> None:
    """Whoever adds a place where sealed values are stored adds it to `sealed_tables`, then here."""
    sealing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "shared").rglob("*.py")
        if re.search(r"sealer\.seal\(|sealer\(\)\.seal\(", path.read_text())
    }

    assert {table.name for table in sealed_tables()} == {
        "key check",
        "jobs",
        "operations",
        "event subscriptions",
    }
    assert sealing == {
        "shared/data_keys/key_check.py",
        "shared/scheduler/service/jobs.py",
        "shared/connector/drafts.py",
        "shared/events/event_subscriptions.py",
    }


def test_the_ring_may_be_in_a_setting(tmp_path: Path) -> None:
    create_key_file(tmp_path / "key.json")
    ring = load_key_file(tmp_path / "key.json")

    loaded = load_settings({"TOCSIN_DATA_KEYS": (tmp_path / "key.json").read_text()})

    assert load_key_ring(loaded) == ring
    assert "keys" not in repr(loaded).replace("data_keys", "")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "TOCSIN_DATA_KEY_FILE is missing"),
        ({"TOCSIN_DATA_KEYS": "s3cret"}, "TOCSIN_DATA_KEYS: it is no key ring"),
        ({"TOCSIN_DATA_KEYS": ""}, "TOCSIN_DATA_KEYS: it is no key ring"),
        (
            {"TOCSIN_DATA_KEYS": "@Microsoft.KeyVault(SecretUri=https://s3cret/)"},
            "could not resolve its Key Vault reference",
        ),
        ({"TOCSIN_DATA_KEYS": "{}", "TOCSIN_DATA_KEY_FILE": "key.json"}, "are both there"),
    ],
)
def test_p8_a_missing_doubled_or_broken_ring_is_named_and_not_shown(
    environment: dict[str, str], expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected) as caught:
        load_key_ring(load_settings(environment))

    assert "s3cret" not in str(caught.value)
