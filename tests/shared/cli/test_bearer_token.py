from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from shared.cli.bearer_token import checked_subscription, print_token, read_lifetime
from shared.clock import SystemClock
from shared.errors import ConfigurationError


def test_nothing_but_the_token_is_printed_and_it_ends_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = SystemClock().now()

    print_token(tmp_path, "Sub", lifetime="10m")

    printed = capsys.readouterr()
    claims = jwt.decode(printed.out.strip(), options={"verify_signature": False})
    ends = datetime.fromtimestamp(claims["exp"], UTC)
    assert printed.out.count("\n") == 1
    assert printed.err == ""
    assert claims["subscriptions"] == ["sub"]
    assert timedelta(minutes=9) < ends - before < timedelta(minutes=11)


def test_a_folder_that_is_made_for_a_token_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "typo"

    print_token(folder, "s1", lifetime="10m")
    made = capsys.readouterr()
    print_token(folder, "s1", lifetime="10m")
    again = capsys.readouterr()

    assert made.err.startswith(f"tocsin: made {folder}, which was not there")
    assert made.out.count("\n") == 1
    assert again.err == ""


@pytest.mark.parametrize(
    ("text", "lifetime"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("1h", timedelta(hours=1)),
        ("366d", timedelta(days=366)),
    ],
)
def test_a_lifetime_is_a_number_with_its_unit(text: str, lifetime: timedelta) -> None:
    assert read_lifetime(text) == lifetime


@pytest.mark.parametrize("text", ["", "1", "0s", "-1h", "1.5h", "1w", "367d", "9" * 30 + "d", "١h"])
def test_another_lifetime_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--lifetime"):
        read_lifetime(text)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "x" * 65, "ä", "a\n"])
def test_what_is_no_subscription_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no subscription"):
        checked_subscription(text)
