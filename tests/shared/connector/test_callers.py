import logging
from typing import Any

import pytest

from shared.bearer_tokens.tokens import TrustedIssuer
from shared.connector.callers import Callers, Roles
from shared.errors import AuthenticationError, TokenError, TransientError
from tests.clocks import FakeClock
from tests.shared.bearer_tokens.token_cases import (
    EC_KEY,
    HOUR,
    NAME,
    NOW,
    OTHER_KEY,
    RSA_KEY,
    Keys,
    token,
)

AUDIENCE = "api://tocsin"
ROLES = Roles(read="Tocsin.Read", write="Tocsin.Write")


def callers(keys: Keys | None = None) -> Callers:
    issuer = TrustedIssuer(
        name=NAME,
        audience=AUDIENCE,
        keys=keys or Keys(),
        grants_claims=("roles", "scp"),
        subject_claims=("oid", "sub"),
        algorithms=("RS256", "ES256"),
    )
    return Callers(issuer, roles=ROLES, identity_clock=FakeClock())


def bearer(key: Any = EC_KEY, key_id: str = "e", algorithm: str = "ES256", **said: Any) -> str:
    shown = token(key, key_id, algorithm, **{"aud": AUDIENCE, "roles": ["Tocsin.Write"], **said})
    return f"Bearer {shown}"


async def test_without_an_issuer_everybody_is_called_key() -> None:
    unasked = Callers(None, roles=ROLES, identity_clock=FakeClock())

    assert await unasked.name("Bearer whatever", is_change=True) == "key"


@pytest.mark.parametrize(
    ("said", "name"),
    [({}, "me"), ({"oid": "9a7c"}, "9a7c"), ({"sub": "Zoë of x"}, "Zoë of x")],
)
async def test_p4_a_caller_goes_by_the_subject_of_the_token(
    said: dict[str, Any], name: str
) -> None:
    assert await callers().name(bearer(**said), is_change=True) == name


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER  "])
async def test_the_scheme_is_known_in_any_case(scheme: str) -> None:
    shown = bearer().replace("Bearer", scheme)

    assert await callers().name(shown, is_change=False) == "me"


@pytest.mark.parametrize(
    ("said", "reads", "changes"),
    [
        ({"roles": ["Tocsin.Write"]}, True, True),
        ({"roles": ["Tocsin.Read"]}, True, False),
        ({"roles": None, "scp": "openid Tocsin.Read"}, True, False),
        ({"roles": None, "scp": "Tocsin.Write"}, True, True),
        ({"roles": ["Tocsin.Read"], "scp": "Tocsin.Write"}, True, True),
        ({"roles": ["Tocsin.Reader"]}, False, False),
        ({"roles": []}, False, False),
        ({"roles": None}, False, False),
    ],
)
async def test_reads_need_one_of_two_roles_and_changes_the_one(
    said: dict[str, Any], reads: bool, changes: bool
) -> None:
    for is_change, is_allowed in ((False, reads), (True, changes)):
        if is_allowed:
            assert await callers().name(bearer(**said), is_change=is_change) == "me"
            continue
        with pytest.raises(AuthenticationError, match=r"Tocsin\.Write") as caught:
            await callers().name(bearer(**said), is_change=is_change)
        assert (caught.value.status, caught.value.code) == (403, "AuthorizationFailed")
        missing = "Tocsin.Write" if is_change else "Tocsin.Read"
        assert caught.value.headers["www-authenticate"] == (
            f'Bearer error="insufficient_scope", scope="{missing}"'
        )


async def test_who_brings_nothing_is_told_where_tokens_come_from_and_of_no_error() -> None:
    with pytest.raises(TokenError) as caught:
        await callers().name(None, is_change=False)

    challenge = caught.value.headers["www-authenticate"]
    assert caught.value.status == 401
    assert challenge == f'Bearer realm="tocsin", authorization_uri="{NAME}"'


BAD = {
    "no bearer": "Basic YTpi",
    "no scheme": bearer().removeprefix("Bearer "),
    "two": f"{bearer()},{bearer()}",
    "nothing": "",
    "no token": "Bearer ",
    "another's signature": bearer(OTHER_KEY, "r", "RS256"),
    "an algorithm beyond the two": bearer(RSA_KEY, "r", "PS256"),
    "a longer hash": bearer(RSA_KEY, "r", "RS512"),
    "another issuer": bearer(iss="https://elsewhere.example/"),
    "another audience": bearer(aud="api://else"),
    "not valid yet": bearer(nbf=NOW + 61),
    "expired": bearer(exp=NOW - 60),
    "nobody's": bearer(sub=None),
    "the name of all who have a key": bearer(sub="key"),
    "the same in capitals": bearer(oid="KEY"),
    "the name of a queue": bearer(sub="queue:commands"),
    "a name that no row can hold": bearer(sub="a\x00b"),
    "a name that no text can hold": bearer(sub="a\ud800"),
    "a name of two lines": bearer(sub="a\nb"),
    "a name with a blank before it": bearer(sub=" key"),
    "a name with a blank behind it": bearer(sub="me "),
    "a name without end": bearer(sub="a" * 201),
}


@pytest.mark.parametrize("shown", BAD.values(), ids=BAD)
async def test_p10_what_is_no_good_token_is_401(shown: str) -> None:
    for is_change in (False, True):
        with pytest.raises(TokenError) as caught:
            await callers().name(shown, is_change=is_change)
        assert caught.value.headers["www-authenticate"].startswith("Bearer ")


async def test_clocks_may_be_a_minute_apart_at_both_ends() -> None:
    await callers().name(bearer(exp=NOW - 59), is_change=True)
    await callers().name(bearer(nbf=NOW + 60, exp=NOW + HOUR), is_change=True)


async def test_a_new_key_of_the_issuer_is_looked_for() -> None:
    keys = Keys([])
    asked = callers(keys)
    with pytest.raises(TokenError):
        await asked.name(bearer(), is_change=True)

    keys.keys = Keys().keys

    assert await asked.name(bearer(), is_change=True) == "me"


async def test_without_keys_nobody_can_tell_and_the_caller_may_come_again() -> None:
    class Nowhere(Keys):
        async def find(self, key_id: str | None) -> None:
            raise TransientError("no keys")

    with pytest.raises(TransientError):
        await callers(Nowhere()).name(bearer(), is_change=True)


async def test_p8_why_a_token_is_not_good_is_in_the_log_without_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    shown = bearer(aud="api://else")

    with pytest.raises(TokenError) as caught:
        await callers().name(shown, is_change=True)

    (line,) = caplog.records
    assert "Audience" in line.__dict__["reason"]
    for part in shown.removeprefix("Bearer ").split("."):
        assert part not in f"{line.__dict__} {caught.value.message} {caught.value.headers}"
