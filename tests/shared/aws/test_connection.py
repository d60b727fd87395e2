import pytest

from shared.aws.connection import connection_of
from shared.errors import ConfigurationError
from shared.settings import load_settings

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "t0"}


def test_without_settings_everything_is_left_to_the_machine() -> None:
    connection = connection_of(load_settings({}))

    assert (connection.access_key_id, connection.region, connection.endpoint) == (None, None, None)


def test_p8_keys_are_passed_on_and_not_shown() -> None:
    connection = connection_of(load_settings(KEYS))

    assert connection.secret_access_key == "s3cret"
    assert connection.session_token == "t0"
    assert "s3cret" not in repr(connection)
    assert "t0" not in repr(connection)


def test_our_region_wins() -> None:
    both = {"AWS_REGION": "eu-west-1", "TOCSIN_AWS_REGION": "eu-west-2"}

    assert connection_of(load_settings(both)).region == "eu-west-2"
    assert connection_of(load_settings({"AWS_REGION": "eu-west-1"})).region == "eu-west-1"


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_a_key_is_told_at_once(name: str) -> None:
    with pytest.raises(ConfigurationError, match="go together") as caught:
        connection_of(load_settings({name: KEYS[name]}))

    assert KEYS[name] not in str(caught.value)
