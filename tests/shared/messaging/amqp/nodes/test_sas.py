"""Shared access signatures, made as the SDKs make them, and what is wrong with others."""

import hmac
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, quote_plus

import pytest
from azure.core.credentials import AzureSasCredential
from azure.servicebus import ServiceBusClient
from azure.servicebus._base_handler import (
    ServiceBusAzureSasTokenCredential,
    ServiceBusSharedKeyCredential,
)
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import AuthenticationError
from shared.messaging.amqp.nodes.sas import Grant, Keys, check_token

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EXPIRES_AT = NOW + timedelta(hours=1)
EXPIRY = str(int(EXPIRES_AT.timestamp()))
ROOT, ODD = "RootManageSharedAccessKey", "a b+ü"
KEY, OTHER_KEY, ODD_KEY = "c2VjcmV0+/=", "b3RoZXI=", "schlüssel"
KEYS = Keys({"one": {ROOT: KEY}, "two": {ROOT: OTHER_KEY, ODD: ODD_KEY}})
RESOURCE = "sb://127.0.0.1:5690/queue 1"


def encode_uri_component(text: str) -> str:
    """Return what JavaScript makes of it."""
    return quote(text, safe="!'()*")


def lower_hex(text: str) -> str:
    """Return what .NET's HttpUtility.UrlEncode makes of it."""
    return re.sub("%..", lambda escape: escape[0].lower(), quote_plus(text))


def signature(resource: str, expiry: str, key: str) -> str:
    signed = f"{resource}\n{expiry}".encode()
    return b64encode(hmac.digest(key.encode(), signed, sha256)).decode()


def token(
    resource: str = RESOURCE,
    *,
    name: str = ROOT,
    key: str = KEY,
    expiry: str = EXPIRY,
    encode: Callable[[str], str] = quote_plus,
) -> str:
    encoded = encode(resource)
    return (
        f"SharedAccessSignature sr={encoded}&sig={encode(signature(encoded, expiry, key))}"
        f"&se={expiry}&skn={encode(name)}"
    )


@pytest.mark.parametrize("encode", [quote_plus, encode_uri_component, lower_hex, str])
def test_a_token_is_good_however_it_is_encoded(encode: Callable[[str], str]) -> None:
    assert check_token(token(encode=encode), KEYS, now=NOW) == Grant("one", RESOURCE, EXPIRES_AT)


@pytest.mark.parametrize("encode", [quote_plus, encode_uri_component, lower_hex])
def test_the_key_says_which_namespace_it_is(encode: Callable[[str], str]) -> None:
    other = token(key=OTHER_KEY, encode=encode)
    odd = token(name=ODD, key=ODD_KEY, encode=encode)

    assert check_token(other, KEYS, now=NOW).namespace == "two"
    assert check_token(odd, KEYS, now=NOW).namespace == "two"


@pytest.mark.parametrize("resource", ["sb://h", "amqp://h:5672/q", "amqps://h/t/Subscriptions/s"])
def test_the_sdk_signs_what_is_good(resource: str) -> None:
    made = ServiceBusSharedKeyCredential(ROOT, KEY).get_token(resource)
    expires_at = datetime.fromtimestamp(made.expires_on, UTC)

    grant = check_token(made.token, KEYS, now=expires_at - timedelta(seconds=1))

    assert grant == Grant("one", resource, expires_at)


def test_a_token_that_a_client_was_given_is_good() -> None:
    credential = ServiceBusAzureSasTokenCredential(AzureSasCredential(token()))

    assert check_token(credential.get_token("sb://any").token, KEYS, now=NOW).namespace == "one"


def test_a_token_ends_with_its_last_second() -> None:
    check_token(token(), KEYS, now=EXPIRES_AT - timedelta(microseconds=1))

    with pytest.raises(AuthenticationError, match="expired at 2026-01-01T13:00:00"):
        check_token(token(), KEYS, now=EXPIRES_AT)


def test_an_expiry_that_is_too_far_off_for_any_clock_is_far_off() -> None:
    grant = check_token(token(expiry="9" * 20), KEYS, now=NOW)

    assert grant.expires_at == datetime(9999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not start with 'SharedAccessSignature '"),
        ("Bearer eyJ", "does not start with 'SharedAccessSignature '"),
        ("SharedAccessSignature ", "has no sr and no sig and no se and no skn"),
        (token().partition("&skn=")[0], "has no skn"),
        (token(name="Nobody"), "no namespace has a key named 'Nobody'"),
        (token(name="N" * 1000), f"no namespace has a key named '{'N' * 256}'"),
        (token(name=""), "has no skn"),
        (token(key="guess"), f"is not signed with the key named '{ROOT}'"),
        (token(name=ODD), f"is not signed with the key named '{ODD}'"),
        (token().replace("queue", "quack"), "is not signed with"),
        (token().replace(f"se={EXPIRY}", f"se={EXPIRY}0"), "is not signed with"),
        (token().replace("sig=", "sig=ü"), "is not signed with"),
        (token(expiry="soon"), "se, is no number of seconds"),
        (token(expiry="-1"), "se, is no number of seconds"),
        (token(expiry="9" * 5000), "se, is no number of seconds"),
        (token("queue"), "sr, is 'queue' and no URL"),
    ],
)
def test_a_token_that_is_no_good_is_refused_for_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(AuthenticationError) as raised:
        check_token(text, KEYS, now=NOW)

    assert message in raised.value.message
    assert signature(quote_plus(RESOURCE), EXPIRY, KEY) not in raised.value.message


def test_keys_are_in_no_representation() -> None:
    assert KEY not in repr(KEYS)
    assert ODD not in str(KEYS)


def test_a_connection_string_is_what_the_sdk_reads() -> None:
    (text,) = KEYS.connection_strings("one", host="127.0.0.1", port=5690)

    client = ServiceBusClient.from_connection_string(text)

    assert client.fully_qualified_namespace == "127.0.0.1:5690"
    assert text.endswith(f";SharedAccessKey={KEY};UseDevelopmentEmulator=true")
    assert len(list(KEYS.connection_strings("two", host="h", port=1))) == 2


@given(st.text(), st.text())
def test_any_text_is_refused_as_no_token(before: str, after: str) -> None:
    for text in (before, f"SharedAccessSignature {before}", f"{before}{token(key='guess')}{after}"):
        with pytest.raises(AuthenticationError):
            check_token(text, KEYS, now=NOW)


@given(st.text(), st.text(min_size=1), st.sampled_from([quote_plus, encode_uri_component]))
def test_any_resource_can_be_signed(path: str, key: str, encode: Callable[[str], str]) -> None:
    resource = f"sb://host/{path}"
    keys = Keys({"only": {ROOT: key}})

    grant = check_token(token(resource, key=key, encode=encode), keys, now=NOW)

    assert grant.resource == resource
