"""Jobs with everything in them, as they are sent and as they come back, in the form of the classic surface."""

import copy
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.clock import SystemClock
from shared.wire.times import format_instant

PFX = Path(__file__).parents[2] / "shared" / "wire" / "data" / "recorded-client-certificate.pfx.txt"
SECRETS = frozenset({"password", "pfx", "secret", "sasToken", "sasKey"})
CERTIFICATE = {
    "certificateThumbprint": "77ED5AD8B6E3CDCF68E29FA8C41309EB3A128CEA",
    "certificateExpiration": "2021-01-01T07:00:00Z",
    "certificateSubjectName": "CN=May14SchedulerMgmt",
}
START = (SystemClock().now() + timedelta(days=30)).replace(microsecond=0)
START_TIME = format_instant(START)
END_TIME = format_instant(START + timedelta(days=90))

REQUEST = {"uri": "http://e.org/", "method": "GET"}
SIMPLE: dict[str, Any] = {"action": {"request": REQUEST, "type": "http"}}
STORAGE_QUEUE = {
    "queueMessage": {
        "storageAccount": "account",
        "queueName": "queue",
        "sasToken": "t0ken",
        "message": "größer <als> & 時計",
    },
    "type": "storageQueue",
}
SERVICE_BUS = {
    "namespace": "ns",
    "transportType": "netMessaging",
    "authentication": {"sasKeyName": "name", "sasKey": "k3y", "type": "sharedAccessKey"},
    "message": "m",
    "brokeredMessageProperties": {
        "contentType": "text/plain",
        "correlationId": "c",
        "label": "l",
        "messageId": "i",
        "sessionId": "s",
    },
    "customMessageProperties": {"Key": "Value"},
}


def fixed(interval: str, count: int) -> dict[str, Any]:
    return {"retryType": "fixed", "retryInterval": interval, "retryCount": count}


def recurring(frequency: str, schedule: dict[str, Any] | None = None) -> dict[str, Any]:
    planned = {"schedule": schedule} if schedule else {}
    return {"frequency": frequency, "count": 7, "endTime": END_TIME, "interval": 1, **planned}


def calling(authentication: dict[str, Any]) -> dict[str, Any]:
    request = {"uri": "https://e.org/a%20b?c=d", "method": "POST", "body": "{}"}
    return {"request": {**request, "authentication": authentication}, "type": "https"}


@dataclass(frozen=True)
class Definition:
    """A job as it is sent, but for its startTime."""

    action: dict[str, Any]
    recurrence: dict[str, Any] | None = None

    @property
    def sent(self) -> dict[str, Any]:
        recurrence = {"recurrence": self.recurrence} if self.recurrence else {}
        job = {"startTime": START_TIME, "action": self.action, **recurrence}
        return copy.deepcopy(job)

    @property
    def answered(self) -> dict[str, Any]:
        """What comes back, but for its id and status."""
        answered: dict[str, Any] = told({**self.sent, "state": "enabled"})
        return answered


def told(value: Any) -> Any:
    """Return what is told of `value`: no secrets, and of a certificate what can be read in it."""
    if isinstance(value, list):
        return [told(each) for each in value]
    if not isinstance(value, dict):
        return value
    known = CERTIFICATE if "pfx" in value else {}
    return {name: told(each) for name, each in value.items() if name not in SECRETS} | known


DEFINITIONS = {
    "http with headers": Definition(
        {
            "request": {
                "uri": "http://e.org/?q=%C3%BC",
                "method": "PUT",
                "headers": {"ContEnt-TyPe": "text/plain", "X-Custom": "1"},
                "body": "größer <als> & 時計",
                "authentication": {"username": "u", "password": "p4ss", "type": "Basic"},
            },
            "type": "http",
            "retryPolicy": fixed("00:01:30", 3),
            "errorAction": {"request": REQUEST, "type": "http"},
        },
        recurring("week", {"minutes": [0, 30], "hours": [5], "weekDays": ["monday", "friday"]}),
    ),
    "https with a certificate": Definition(
        calling({"pfx": PFX.read_text(), "password": "pass@word1", "type": "ClientCertificate"}),
        recurring("month", {"monthDays": [1, -1]}),
    ),
    "https with OAuth": Definition(
        calling(
            {
                "tenant": "t",
                "audience": "a",
                "clientId": "c",
                "secret": "s3cret",
                "type": "ActiveDirectoryOAuth",
            }
        ),
        recurring("month", {"monthlyOccurrences": [{"day": "friday", "occurrence": -1}]}),
    ),
    "storage queue": Definition(
        {**STORAGE_QUEUE, "retryPolicy": {"retryType": "none"}, "errorAction": STORAGE_QUEUE},
        recurring("day"),
    ),
    "service bus queue": Definition(
        {"serviceBusQueueMessage": {"queueName": "q", **SERVICE_BUS}, "type": "serviceBusQueue"}
    ),
    "service bus topic": Definition(
        {"serviceBusTopicMessage": {"topicPath": "t/s", **SERVICE_BUS}, "type": "serviceBusTopic"},
        recurring("minute"),
    ),
}
