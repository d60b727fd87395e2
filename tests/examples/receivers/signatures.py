"""Webhooks as our sink sends them, some of them not as they should be, and whether they are to be taken."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.events.webhook_signature import key_of, secret_of, sign

NOW = datetime(2026, 1, 31, 2, 30, tzinfo=UTC)
BODY = '{"specversion": "1.0", "id": "e1", "data": "Größe \U0001f514"}'.encode()
SECRET, OLD_SECRET, FOREIGN_SECRET = (secret_of(bytes([number]) * 32) for number in (1, 2, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A request, and whether a receiver that knows `SECRET` takes it."""

    headers: dict[str, str]
    body: bytes = BODY
    is_good: bool = False


def signed(*secrets: str, at: datetime = NOW) -> dict[str, str]:
    return sign([key_of(one) for one in secrets], webhook_id="e1", sent_at=at, body=BODY)


GOOD = signed(SECRET)
LATE = timedelta(minutes=5, seconds=1)
CASES = {
    "signed": Webhook(headers=GOOD, is_good=True),
    "rotating": Webhook(headers=signed(OLD_SECRET, SECRET), is_good=True),
    "rotated-the-other-way": Webhook(headers=signed(SECRET, OLD_SECRET), is_good=True),
    "just-in-time": Webhook(headers=signed(SECRET, at=NOW - timedelta(minutes=5)), is_good=True),
    "another-secret": Webhook(headers=signed(FOREIGN_SECRET)),
    "two-other-secrets": Webhook(headers=signed(FOREIGN_SECRET, OLD_SECRET)),
    "too-old": Webhook(headers=signed(SECRET, at=NOW - LATE)),
    "from-the-future": Webhook(headers=signed(SECRET, at=NOW + LATE)),
    "another-body": Webhook(headers=GOOD, body=BODY + b" "),
    "another-id": Webhook(headers={**GOOD, "webhook-id": "e2"}),
    "another-time": Webhook(headers={**GOOD, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}),
    "no-time": Webhook(headers={**GOOD, "webhook-timestamp": "soon"}),
    "endless-time": Webhook(headers={**GOOD, "webhook-timestamp": "9" * 400}),
    "no-signature": Webhook(headers={**GOOD, "webhook-signature": ""}),
    "no-header": Webhook(headers={}),
    "not-ascii": Webhook(headers={**GOOD, "webhook-signature": "v1,ä"}),
    "unsigned-part": Webhook(headers={**GOOD, "webhook-signature": "v1,"}),
    "another-version": Webhook(
        headers={**GOOD, "webhook-signature": GOOD["webhook-signature"].replace("v1,", "v2,")}
    ),
    "signature-without-its-version": Webhook(
        headers={**GOOD, "webhook-signature": GOOD["webhook-signature"].removeprefix("v1,")}
    ),
    "cut": Webhook(headers={**GOOD, "webhook-signature": GOOD["webhook-signature"][:-1]}),
    "empty-key": Webhook(
        headers={**GOOD, "webhook-signature": "v1," + base64.b64encode(bytes(32)).decode()}
    ),
}
