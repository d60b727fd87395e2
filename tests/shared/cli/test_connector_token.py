"""Bearer tokens of the command line, on a running stack that asks for them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cli.connector_token import TOKEN, checked_token, connector_token, read_token_file
from shared.clock import SystemClock
from shared.errors import ConfigurationError
from tests.shared.bearer_tokens.token_cases import KEYS, NAME, token
from tests.shared.cli.running_stack import RunningStack, running_stack

AUDIENCE = "api://tocsin"
HOW = "by --token-file FILE, or as TOCSIN_CONNECTOR_TOKEN in the environment"
LISTING = ("operations", "list", "--json")


def issued(role: str, **changes: Any) -> str:
    """Return a token that the stack takes."""
    expiry = int(SystemClock().now().timestamp()) + 600
    said: dict[str, Any] = {"exp": expiry, **changes}
    return token(aud=AUDIENCE, nbf=None, oid="me", roles=[role], **said)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One that asks for a token."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys.json").write_text(json.dumps({"keys": KEYS}))
    settings = {
        "TOCSIN_CONNECTOR_AUTH": "token",
        "TOCSIN_CONNECTOR_TOKEN_ISSUER": NAME,
        "TOCSIN_CONNECTOR_TOKEN_AUDIENCE": AUDIENCE,
        "TOCSIN_CONNECTOR_TOKEN_KEY_SET": str(folder / "keys.json"),
        "TOCSIN_CONNECTOR_TOKEN": "of no account to a stack",
    }
    with running_stack(folder / "data", settings=settings) as running:
        yield running


def test_p8_a_token_is_taken_from_a_file_or_from_the_environment(
    guarded: RunningStack, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{issued('Tocsin.Read')}\n")

    by_file = guarded.run(*LISTING, "--token-file", str(file))
    by_environment = guarded.attempt(
        *LISTING, environment={"TOCSIN_CONNECTOR_TOKEN": issued("Tocsin.Read")}
    )
    both = guarded.attempt(
        *LISTING, "--token-file", str(file), environment={"TOCSIN_CONNECTOR_TOKEN": "bad"}
    )

    assert [each.exit_code for each in (by_file, by_environment, both)] == [0, 0, 0]
    assert by_file.stdout == "[]\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", f"InvalidAuthenticationToken: a bearer token is required; give a good one {HOW}"),
        ("abc", f"InvalidAuthenticationToken: the bearer token is not good; give a good one {HOW}"),
        (issued("Tocsin.Write", exp=1), "expired"),
        (issued("Nothing"), "neither role nor scope Tocsin.Read or Tocsin.Write, which reads need"),
    ],
    ids=["none", "no token", "expired", "no role"],
)
def test_a_token_that_opens_nothing_is_told_and_not_shown(
    guarded: RunningStack, given: str, said: str
) -> None:
    ended = guarded.attempt(*LISTING, environment={"TOCSIN_CONNECTOR_TOKEN": given})

    assert isinstance(ended.exception, ConfigurationError)
    assert said in ended.exception.message
    assert not given or given not in ended.output + ended.exception.message


def test_who_may_only_read_is_told_so(guarded: RunningStack) -> None:
    ended = guarded.attempt(
        *("jobs", "delete", "a/b/c"),
        environment={"TOCSIN_CONNECTOR_TOKEN": issued("Tocsin.Read")},
    )

    assert isinstance(ended.exception, ConfigurationError)
    assert "AuthorizationFailed: the token of 'me' has neither" in ended.exception.message
    assert "Tocsin.Write, which changes need" in ended.exception.message


def test_dead_letters_of_queues_need_no_token_and_those_of_event_subscriptions_do(
    guarded: RunningStack,
) -> None:
    of_a_queue = guarded.run("deadletters", "list", "commands")

    assert "commands" in of_a_queue.stdout
    assert HOW in guarded.failure("deadletters", "list")


@pytest.mark.parametrize("content", [b"", b"two words", b"a\nb", "tökén".encode(), b"\xff\xfe"])
def test_p8_a_file_that_holds_no_token_is_named_and_not_quoted(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        connector_token(file)

    assert caught.value.message == f"{file} holds no bearer token"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the token in .*: Is a directory"):
        read_token_file(tmp_path)


@given(st.text(max_size=20))
def test_nothing_but_a_token_goes_into_a_header(text: str) -> None:
    try:
        taken = checked_token(text, "x")
    except ConfigurationError:
        return
    assert taken == text.strip()
    assert TOKEN.fullmatch(taken)
