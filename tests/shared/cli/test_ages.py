from datetime import timedelta

import pytest

from shared.cli.ages import duration_of, instant_of, instant_text_of
from shared.errors import ConfigurationError
from tests.clocks import START


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("2026-01-01T11:00:00Z", timedelta(hours=1)),
        ("2026-01-01T12:00+01:00", timedelta(hours=1)),
        ("2026-01-01", timedelta(hours=12)),
    ],
)
def test_an_age_or_an_instant_is_one_instant(text: str, before: timedelta) -> None:
    assert instant_of("--since", text, START) == START - before


@pytest.mark.parametrize(
    "text", ["", "0s", "1w", "-1d", "999999d", "٣d", "yesterday", "2026-13-01"]
)
def test_anything_else_is_told_with_the_option(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--since .* is neither an age"):
        instant_of("--since", text, START)


def test_the_wire_gets_it_in_its_own_form() -> None:
    assert instant_text_of("--since", "1h", START) == "2026-01-01T11:00:00Z"


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0", timedelta(0)),
        ("90", timedelta(seconds=90)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("PT1H30M", timedelta(minutes=90)),
        ("P366D", timedelta(days=366)),
    ],
)
def test_a_duration_is_seconds_or_has_a_unit_or_is_one_of_iso_8601(
    text: str, duration: timedelta
) -> None:
    assert duration_of("--timeout", text) == duration


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "5 m", "soon", "PT", "367d", "P99999999Y", "٣", "999999999"]
)
def test_what_is_no_duration_is_told_with_the_option(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--timeout .* is no duration such as 90, 90s"):
        duration_of("--timeout", text)
