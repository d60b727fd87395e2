import json
from itertools import count
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.host.functions import AuthLevel
from shared.host.keys import HostKeys, load_keys


def load(path: Path, *functions: str, prefix: str = "key") -> HostKeys:
    numbers = count()
    return load_keys(path, functions=functions, new_key=lambda: f"{prefix}{next(numbers)}")


def test_first_start_makes_keys_that_only_the_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "data" / "host-keys.json"

    made, read = load(path, "a", "b"), load(path, "a", "b", prefix="other")

    assert made == read
    assert path.stat().st_mode & 0o777 == 0o600
    assert len({made.master, *made.host, *made.functions["a"], *made.functions["b"]}) == 4


def test_new_function_gets_a_key_and_the_others_keep_theirs(tmp_path: Path) -> None:
    path = tmp_path / "host-keys.json"
    before = load(path, "a")

    after = load(path, "a", "b", prefix="new")

    assert (after.master, after.host) == (before.master, before.host)
    assert after.functions["a"] == before.functions["a"]
    assert after.functions["b"][0].startswith("new")


def test_hand_made_keys_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "host-keys.json"
    document = {
        "masterKey": "m",
        "hostKeys": {"default": "h", "ci": "h2"},
        "functionKeys": {"a": {"default": "f"}},
    }
    path.write_text(json.dumps(document))
    path.chmod(0o600)

    keys = load(path, "a")

    assert keys.opens(AuthLevel.FUNCTION, "a", "h2")
    assert json.loads(path.read_text()) == document


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        "{}",
        '{"masterKey": "", "hostKeys": {"a": "x"}, "functionKeys": {}}',
        '{"masterKey": "m", "hostKeys": {"a": ""}, "functionKeys": {}}',
        '{"masterKey": "m", "hostKeys": {"a": 1}, "functionKeys": {}}',
        '{"masterKey": "m", "hostKeys": {}, "functionKeys": {"f": "secret"}}',
    ],
)
def test_p8_malformed_file_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "host-keys.json"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(ConfigurationError) as caught:
        load(path, "a")

    assert "secret" not in str(caught.value)
    assert path.read_text() == content


def test_p8_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "host-keys.json"
    load(path, "a")
    path.chmod(0o644)

    with pytest.raises(ConfigurationError, match="its mode must be 600"):
        load(path, "a")


def test_p8_keys_do_not_show() -> None:
    keys = HostKeys(master="secret-1", host=("secret-2",), functions={"a": ("secret-3",)})

    assert "secret" not in repr(keys)


@pytest.mark.parametrize("presented", [None, "", "x", "ä"])
def test_no_key_opens_nothing_but_anonymous_functions(presented: str | None) -> None:
    keys = HostKeys(master="m", host=(), functions={})

    assert keys.opens(AuthLevel.ANONYMOUS, "a", presented)
    assert not keys.opens(AuthLevel.FUNCTION, "a", presented)
    assert not keys.opens(AuthLevel.ADMIN, "a", presented)
    assert not keys.opens_admin(presented)
