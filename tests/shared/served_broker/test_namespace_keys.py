import json
import stat
from pathlib import Path

import pytest
from azure.servicebus import parse_connection_string

from shared.errors import ConfigurationError
from shared.served_broker.namespace_keys import KEY_NAME, complete_keys, load_keys


def sevens(count: int) -> bytes:
    return b"7" * count


def eights(count: int) -> bytes:
    return b"8" * count


def test_a_namespace_keeps_its_key_and_a_new_one_gets_another(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    complete_keys(path, ["one"], random_bytes=sevens)
    complete_keys(path, ["One", "two"], random_bytes=eights)

    keys = load_keys(path, ["ONE", "two"])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(keys.by_namespace) == {"ONE", "two"}
    assert keys.by_namespace["ONE"] != keys.by_namespace["two"]
    assert len(keys.by_namespace["two"][KEY_NAME]) == 44


def test_the_emulators_namespace_has_the_emulators_key(tmp_path: Path) -> None:
    complete_keys(tmp_path / "keys.json", ["sbemulatorns"], random_bytes=sevens)

    keys = load_keys(tmp_path / "keys.json", ["sbemulatorns"])

    assert keys.by_namespace == {"sbemulatorns": {KEY_NAME: "SAS_KEY_VALUE"}}


def test_keys_of_namespaces_that_are_not_served_open_nothing_and_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"one": {"k": "SECRET"}, "two": {"k": "other"}}))

    assert set(load_keys(path, ["Two"]).by_namespace) == {"Two"}
    assert "has keys of 'one', which the broker does not serve" in caplog.text
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"one": "SECRET"}', '{"one": ["SECRET"]}', "\xff"]
)
def test_p8_a_malformed_file_is_named_and_not_shown(content: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"keys\.json holds no keys") as caught:
        load_keys(path, ["one"])

    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"one": {"k": "SECRET"}, "two": {"k": "SECRET"}}, "'one' and 'two' have the same key"),
        ({"one": {"k": "SECRET"}, "two": {"l": "SECRET"}}, "'one' and 'two' have the same key"),
        ({"one": {"k": "SECRET"}, "One": {"k": "x"}}, "'One' is there twice"),
        ({"one": {}}, "'one' has no key"),
        ({"one": {"k": 7}}, "a key of 'one' is not text"),
        ({"one": {"k": ""}}, "a key of 'one' is not text"),
        ({"one": {"k": "SECRET;x"}}, "a key of 'one' is not text"),
        ({"one": {"k": "SECRET x"}}, "a key of 'one' is not text"),
        ({"one": {"k": "SECRET\n"}}, "a key of 'one' is not text"),
        ({"one": {"SECRET;": "x"}}, "a key of 'one' has a name"),
        ({"one": {"SECRET=": "x"}}, "a key of 'one' has a name"),
        ({"one": {"SECRET KEY": "x"}}, "a key of 'one' has a name"),
        ({"one": {"": "SECRET"}}, "a key of 'one' has a name"),
    ],
)
def test_p8_keys_that_open_two_namespaces_or_fit_no_connection_string_are_refused(
    keys: dict[str, dict[str, str]], fault: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(keys))

    with pytest.raises(ConfigurationError, match=rf"keys\.json: {fault}") as caught:
        complete_keys(path, ["one"], random_bytes=sevens)

    assert "SECRET" not in str(caught.value)


def test_whatever_is_taken_is_read_from_a_connection_string_by_the_sdk(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"One": {"My_own.key-1": "a=b==/+:~!"}}))
    complete_keys(path, ["one"], random_bytes=sevens)

    (text,) = load_keys(path, ["one"]).connection_strings("one", host="127.0.0.1", port=1)

    read = parse_connection_string(text)
    assert (read.shared_access_key_name, read.shared_access_key) == ("My_own.key-1", "a=b==/+:~!")


def test_a_missing_file_or_namespace_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read .*keys\.json: No such file"):
        load_keys(tmp_path / "keys.json", ["one"])
    complete_keys(tmp_path / "keys.json", ["one"], random_bytes=sevens)
    with pytest.raises(ConfigurationError, match="has no keys of two, three"):
        load_keys(tmp_path / "keys.json", ["one", "two", "three"])


def test_keys_added_by_hand_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"one": {"Mine": "own"}}))

    complete_keys(path, ["one"], random_bytes=sevens)

    assert load_keys(path, ["one"]).by_namespace == {"one": {"Mine": "own"}}
