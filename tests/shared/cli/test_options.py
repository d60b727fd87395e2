import pytest

from shared.cli.options import read_port


@pytest.mark.parametrize(
    ("text", "port"), [("127.0.0.1:0", 0), ("localhost:5672", 5672), ("LOCALHOST:65535", 65535)]
)
def test_loopback_and_a_port(text: str, port: int) -> None:
    assert read_port(text) == port


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("127.0.0.1:99999", "the port '99999' must be a number from 0 to 65535"),
        ("127.0.0.1:http", "the port 'http' must be"),
        ("127.0.0.1:-1", "the port '-1' must be"),
        ("127.0.0.1:٣", "the port '٣' must be"),
        ("127.0.0.1", "there is no port"),
        ("localhost:", "there is no port"),
        ("0.0.0.0:1", "must be 127.0.0.1:PORT or localhost:PORT"),
        ("127.0.0.11:1", "must be 127.0.0.1:PORT"),
        ("", "must be 127.0.0.1:PORT"),
    ],
)
def test_what_is_wrong_with_where_to_listen_is_told(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read_port(text)
