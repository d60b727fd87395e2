import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from shared.bearer_tokens.tokens import (
    MAX_REMEMBERED,
    ExpiredTokenError,
    InvalidTokenError,
    Tokens,
    TrustedIssuer,
)
from shared.errors import TransientError
from tests.clocks import START, FakeClock
from tests.shared.bearer_tokens.token_cases import (
    AUDIENCE,
    EC_KEY,
    HOUR,
    NAME,
    NOW,
    OTHER_KEY,
    P384_KEY,
    RSA_KEY,
    Keys,
    claims,
    public,
    token,
)


def tokens(keys: Keys | None = None, clock: FakeClock | None = None, **changes: Any) -> Tokens:
    issuer: dict[str, Any] = {
        "name": NAME,
        "audience": AUDIENCE,
        "grants_claims": ("subscriptions",),
        "keys": keys or Keys(),
    }
    return Tokens([TrustedIssuer(**{**issuer, **changes})], clock or FakeClock())


def part(document: object) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unsigned(header: object, payload: object = None) -> str:
    return f"{part(header)}.{part(claims() if payload is None else payload)}.{part('x')}"


@pytest.mark.parametrize(
    ("key", "key_id", "algorithm"),
    [
        (EC_KEY, "e", "ES256"),
        (P384_KEY, "p", "ES384"),
        (RSA_KEY, "r", "RS256"),
        (RSA_KEY, "r", "RS512"),
        (RSA_KEY, "r", "PS256"),
    ],
)
async def test_a_good_token_says_what_it_opens_in_lower_case(
    key: Any, key_id: str, algorithm: str
) -> None:
    verified = await tokens().verify(token(key, key_id, algorithm))

    assert verified.subject == "me"
    assert verified.grants == {"s1", "s2"}
    assert verified.expires_at == START + timedelta(hours=1)


BAD = {
    "another's signature": token(OTHER_KEY, "r", "RS256"),
    "a key of another kind": token(OTHER_KEY, "e", "RS256"),
    "a curve of another algorithm": unsigned({"alg": "ES384", "kid": "e"}),
    "an unknown key": token(key_id="x"),
    "no key id where there are several": token(key_id=None),
    "another issuer": token(iss="https://elsewhere.example/"),
    "no issuer": token(iss=None),
    "another audience": token(aud="https://elsewhere.example/"),
    "no audience": token(aud=None),
    "no expiry": token(exp=None),
    "no signature": unsigned({"alg": "none", "kid": "e"}),
    "no signature in capitals": unsigned({"alg": "None", "kid": "e"}),
    "an empty signature": token().rpartition(".")[0] + ".",
    "a shared secret": unsigned({"alg": "HS256", "kid": "r"}),
    "no algorithm": unsigned({"kid": "e"}),
    "an algorithm that is no word": unsigned({"alg": ["ES256"], "kid": "r"}),
    "a key id that is no word": unsigned({"alg": "ES256", "kid": 1}),
    "an extension that is critical": unsigned({"alg": "ES256", "kid": "e", "crit": ["x"]}),
    "claims that are no object": unsigned({"alg": "ES256", "kid": "e"}, [1]),
    "claims that are deep": unsigned({"alg": "ES256", "kid": "e"}, "[" * 9000),
    "a header that is no object": unsigned([1]),
    "an expiry in words": token(exp="tomorrow"),
    "an expiry without end": token(exp=float("inf")),
    "an expiry that is none": token(exp=float("nan")),
    "an expiry beyond time": token(exp=10**18),
    "an expiry that is true": token(exp=True),
    "not valid yet": token(nbf=NOW + 61),
    "a beginning in words": token(nbf="now"),
    "too long": token(sub="x" * 20000),
    "nothing": "",
    "dots": "..",
    "four parts": f"{token()}.x",
}


@pytest.mark.parametrize("leeway", [timedelta(), timedelta(minutes=1)])
async def test_a_token_may_count_to_the_end_of_time(leeway: timedelta) -> None:
    last = 253402300799
    verifier = tokens()
    verifier.leeway = leeway

    verified = await verifier.verify(token(exp=last, nbf=-62135596800, iat=last))
    with pytest.raises(InvalidTokenError):
        await verifier.verify(token(exp=last, nbf=last))

    assert verified.expires_at.year == 9999


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_p10_a_bad_token_is_invalid(bad: str) -> None:
    with pytest.raises(InvalidTokenError):
        await tokens().verify(bad)


async def test_a_shared_secret_in_a_set_verifies_nothing() -> None:
    keys = Keys([{"kty": "oct", "kid": "r", "k": part("s" * 32)}])

    with pytest.raises(InvalidTokenError):
        await tokens(keys).verify(token("s" * 32, "r", "HS256"))


async def test_a_key_for_one_algorithm_verifies_no_other() -> None:
    keys = Keys([public(RSA_KEY, "r", alg="RS256")])

    await tokens(keys).verify(token(RSA_KEY, "r", "RS256"))
    with pytest.raises(InvalidTokenError):
        await tokens(keys).verify(token(RSA_KEY, "r", "RS512"))


@pytest.mark.parametrize("said", [AUDIENCE, AUDIENCE.rstrip("/"), ["other", AUDIENCE]])
async def test_the_audience_may_end_with_a_slash_or_be_one_of_several(said: object) -> None:
    for audience in (AUDIENCE, AUDIENCE.rstrip("/")):
        await tokens(audience=audience).verify(token(aud=said))


@pytest.mark.parametrize(
    ("said", "opened"),
    [
        ("S1", {"s1"}),
        ("S1 s2", {"s1", "s2"}),
        (["a b", 1, None, "B"], {"a b", "b"}),
        (None, set()),
        ({"s1": 1}, set()),
    ],
)
async def test_the_claims_that_list_what_a_token_opens_are_the_operators_choice(
    said: object, opened: set[str]
) -> None:
    verified = await tokens(grants_claims=("roles",)).verify(token(roles=said))

    assert verified.grants == opened


async def test_each_issuer_has_its_own_keys_audience_and_claim() -> None:
    theirs = "https://elsewhere.example/"
    first = TrustedIssuer(
        name=NAME, audience=AUDIENCE, grants_claims=("subscriptions",), keys=Keys()
    )
    second = TrustedIssuer(
        name=theirs,
        audience="them",
        grants_claims=("roles",),
        keys=Keys([public(OTHER_KEY, "r")]),
    )
    verifying = Tokens([first, second], FakeClock())

    verified = await verifying.verify(
        token(OTHER_KEY, "r", "RS256", iss=theirs, aud="them", roles=["s9"])
    )

    assert verified.grants == {"s9"}
    for forged in (
        token(OTHER_KEY, "r", "RS256"),
        token(RSA_KEY, "r", "RS256", iss=theirs, aud="them"),
        token(OTHER_KEY, "r", "RS256", iss=theirs),
    ):
        with pytest.raises(InvalidTokenError):
            await verifying.verify(forged)


async def test_an_issuers_clock_may_be_a_minute_ahead() -> None:
    await tokens().verify(token(nbf=NOW + 60))


async def test_a_token_expires_to_the_second_by_the_clock_of_identities() -> None:
    clock = FakeClock()
    verifying = tokens(clock=clock)
    good = token()
    clock.set(START + timedelta(seconds=HOUR - 1))
    await verifying.verify(good)
    clock.set(START + timedelta(seconds=HOUR))

    for _ in range(2):
        with pytest.raises(ExpiredTokenError) as caught:
            await verifying.verify(good)
        assert caught.value.expired_at == clock.now()

    with pytest.raises(ExpiredTokenError):
        await tokens(clock=clock).verify(good)


async def test_an_expired_token_that_somebody_else_signed_is_invalid() -> None:
    with pytest.raises(InvalidTokenError):
        await tokens().verify(token(OTHER_KEY, "r", "RS256", exp=NOW - 1))


async def test_a_token_that_comes_again_is_not_verified_again() -> None:
    keys = Keys()
    verifying = tokens(keys)

    first, second = [await verifying.verify(text) for text in [token()] * 2]

    assert first is second
    assert keys.asked == 1


async def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    keys = Keys()
    verifying = tokens(keys)
    first, again = token(sub="first"), token(sub="again")
    await verifying.verify(first)
    await verifying.verify(again)
    for number in range(MAX_REMEMBERED):
        if number == 500:
            await verifying.verify(again)
        await verifying.verify(token(sub=str(number)))
    asked = keys.asked

    await verifying.verify(again)
    assert keys.asked == asked
    await verifying.verify(first)
    assert keys.asked == asked + 1


async def test_without_keys_nobody_can_tell_and_the_caller_may_come_again() -> None:
    class Nowhere(Keys):
        async def find(self, key_id: str | None) -> None:
            raise TransientError("no keys")

    with pytest.raises(TransientError):
        await tokens(Nowhere()).verify(token())


def test_p8_nothing_of_a_token_is_in_a_repr() -> None:
    assert token().rpartition(".")[2] not in repr(tokens())


async def test_what_several_claims_list_is_opened_together() -> None:
    verified = await tokens(grants_claims=("roles", "scp")).verify(token(roles=["A"], scp="b c"))

    assert verified.grants == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("said", "subject"),
    [
        ({"oid": "o"}, "o"),
        ({"oid": ""}, "me"),
        ({"oid": 7}, "me"),
        ({}, "me"),
        ({"sub": None}, ""),
    ],
)
async def test_the_first_claim_that_says_it_says_whose_a_token_is(
    said: dict[str, Any], subject: str
) -> None:
    verifying = tokens(subject_claims=("oid", "sub"), keys=Keys())
    verified = await verifying.verify(token(**said))

    assert verified.subject == subject


async def test_an_issuer_may_be_held_to_fewer_algorithms() -> None:
    verifying = tokens(algorithms=("RS256", "ES256"))

    await verifying.verify(token(RSA_KEY, "r", "RS256"))
    with pytest.raises(InvalidTokenError):
        await verifying.verify(token(RSA_KEY, "r", "PS256"))


async def test_a_token_counts_for_the_leeway_after_it_has_expired() -> None:
    clock = FakeClock()
    verifying = tokens(clock=clock)
    verifying.leeway = timedelta(minutes=1)
    clock.set(START + timedelta(seconds=HOUR + 59))
    await verifying.verify(token())
    clock.set(START + timedelta(seconds=HOUR + 60))

    with pytest.raises(ExpiredTokenError):
        await verifying.verify(token())
