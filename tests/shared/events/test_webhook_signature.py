import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from shared.clock import SystemClock
from shared.errors import AuthenticationError
from shared.events.webhook_signature import key_of, secret_of, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENT_AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


@pytest.mark.parametrize("hours", [0, 2, -11, 5.5])
def test_the_known_vector_in_every_zone(hours: float) -> None:
    local = SENT_AT.astimezone(timezone(timedelta(hours=hours)))

    signed = sign([key_of(SECRET)], webhook_id=HEADERS["webhook-id"], sent_at=local, body=BODY)

    assert signed == HEADERS


def test_the_known_vector_is_verified() -> None:
    verify(SECRET, HEADERS, BODY, now=SENT_AT)


@given(st.binary(min_size=24, max_size=64), st.text(max_size=50))
def test_the_package_of_the_field_verifies_what_we_sign(key: bytes, text: str) -> None:
    now = SystemClock().now()

    signed = sign([key], webhook_id="e1", sent_at=now, body=text.encode())

    Webhook(secret_of(key)).verify(text, signed, json_parse=False)
    verify(secret_of(key), signed, text.encode(), now=now)


def test_one_of_several_signatures_is_enough() -> None:
    several = f"v1a,abc v1,wrong {HEADERS['webhook-signature']}"

    verify(SECRET, HEADERS | {"webhook-signature": several}, BODY, now=SENT_AT)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_other"},
        {"webhook-id": ""},
        {"webhook-timestamp": "1614265331"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "1614265330.5"},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": ",,,"},
        {"webhook-signature": "é"},
        {"webhook-signature": HEADERS["webhook-signature"].replace("v1,", "v2,")},
    ],
    ids=str,
)
def test_p10_a_wrong_header_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(AuthenticationError):
        verify(SECRET, HEADERS | changed, BODY, now=SENT_AT)


def test_another_body_or_secret_is_refused() -> None:
    with pytest.raises(AuthenticationError):
        verify(SECRET, HEADERS, BODY + b" ", now=SENT_AT)
    with pytest.raises(AuthenticationError):
        verify(secret_of(bytes(32)), HEADERS, BODY, now=SENT_AT)


@pytest.mark.parametrize(("seconds", "accepted"), [(300, True), (301, False)])
@pytest.mark.parametrize("sign_of_time", [1, -1])
def test_five_minutes_are_tolerated(seconds: int, *, accepted: bool, sign_of_time: int) -> None:
    now = SENT_AT + timedelta(seconds=seconds * sign_of_time)

    try:
        verify(SECRET, HEADERS, BODY, now=now)
    except AuthenticationError:
        assert not accepted
    else:
        assert accepted


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        SECRET.removeprefix("whsec_"),
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_not base64!",
        "whsec_é",
    ],
)
def test_p8_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64") as caught:
        key_of(secret)

    assert str(caught.value) == "must be whsec_ and base64 of 24 to 64 bytes"


@given(st.binary(min_size=24, max_size=64))
def test_a_key_survives_being_shown(key: bytes) -> None:
    assert key_of(secret_of(key)) == key
