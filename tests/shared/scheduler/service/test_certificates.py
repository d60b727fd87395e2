import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from shared.errors import ConfigurationError, ConflictError, NotFoundError
from shared.scheduler.certificate_store import StoredCertificate
from shared.scheduler.service.certificates import (
    MAX_CERTIFICATES,
    ManagementCertificate,
    ManagementCertificates,
    read_certificate,
)
from shared.scheduler.stores.certificates import SqlCertificates
from shared.sql.database import Database, Value
from shared.sql.sqlite import SqliteDatabase
from shared.tls import parse_certificate
from tests.clocks import START, FakeClock
from tests.shared.scheduler.engine_stack import migrated
from tests.shared.scheduler.service.certificate_cases import VERSION_1, made

DER = made()
ONE = parse_certificate(DER)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Kept:
    """Certificates of one process."""

    certificates: ManagementCertificates
    database: Database
    clock: FakeClock

    async def upload(self, subscription: str = "s1", der: bytes = DER) -> None:
        certificate = parse_certificate(der)
        await self.database.run(lambda tx: self.certificates.upload(tx, subscription, certificate))

    async def revoke(self, subscription: str = "s1", thumbprint: str = ONE.thumbprint) -> None:
        await self.database.run(lambda tx: self.certificates.revoke(tx, subscription, thumbprint))

    async def refusal(self, subscription: str = "s1") -> str:
        return await self.certificates.refusal(DER, subscription) or ""

    def another_process(self) -> "Kept":
        others = ManagementCertificates(self.database, SqlCertificates(), identity_clock=self.clock)
        return Kept(others, self.database, self.clock)


class SlowReading:
    """A database that keeps what it has read to itself for a while."""

    def __init__(self, database: Database) -> None:
        self.run, self.run_grouped, self.close = database.run, database.run_grouped, database.close
        self._database = database
        self.has_read, self.may_tell = asyncio.Event(), asyncio.Event()

    async def read(self, query: Callable[[Connection], Value], *, is_short: bool = False) -> Value:
        value = await self._database.read(query, is_short=is_short)
        self.has_read.set()
        await self.may_tell.wait()
        return value


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    clock = FakeClock()
    database = SqliteDatabase(migrated(tmp_path), clock=clock)
    certificates = ManagementCertificates(database, SqlCertificates(), identity_clock=clock)
    yield Kept(certificates, database, clock)
    await database.close()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


async def test_an_upload_counts_from_the_next_request_on(kept: Kept) -> None:
    assert "is not registered" in await kept.refusal()

    await kept.upload()

    assert await kept.refusal() == ""
    assert await kept.refusal("S1") == ""


async def test_a_revocation_counts_from_the_next_request_on(kept: Kept) -> None:
    await kept.upload()
    assert await kept.refusal() == ""

    await kept.revoke(thumbprint=ONE.thumbprint.lower())

    assert "was revoked at 2026-01-01T12:00" in await kept.refusal()


async def test_an_upload_makes_a_revoked_one_valid_again(kept: Kept) -> None:
    await kept.upload()
    await kept.revoke()

    await kept.upload()

    assert await kept.refusal() == ""
    listed = await kept.database.read(lambda c: kept.certificates.list(c, "s1"))
    assert [one.stored.revoked_at for one in listed] == [None]


async def test_subscriptions_with_the_same_certificate_are_apart(kept: Kept) -> None:
    await kept.upload("s1")
    await kept.upload("s2")

    await kept.revoke("s1")

    assert "was revoked" in await kept.refusal("s1")
    assert await kept.refusal("s2") == ""
    assert "for another subscription" in await kept.refusal("s3")


async def test_what_is_there_stays_as_it_was_when_it_is_uploaded_again(kept: Kept) -> None:
    await kept.upload()
    kept.clock.set(START + DAY)

    await kept.upload()

    (one,) = await kept.database.read(lambda c: kept.certificates.list(c, "s1"))
    assert one.stored.uploaded_at == START


async def test_what_is_not_there_cannot_be_revoked(kept: Kept) -> None:
    await kept.upload()
    await kept.revoke()

    for subscription, thumbprint in (("s1", ONE.thumbprint), ("s2", ONE.thumbprint), ("s1", "A")):
        with pytest.raises(NotFoundError, match="was not found"):
            await kept.revoke(subscription, thumbprint)


async def test_a_subscription_has_a_hundred_and_room_again_when_one_is_revoked(kept: Kept) -> None:
    await kept.upload()
    for number in range(MAX_CERTIFICATES - 1):
        await kept.upload(der=made(str(number)))

    with pytest.raises(ConflictError, match="which is the limit"):
        await kept.upload(der=made("too many"))

    await kept.upload()
    await kept.upload("s2", made("elsewhere"))
    await kept.revoke()
    await kept.upload(der=made("in its place"))


async def test_p7_a_change_that_is_rolled_back_changes_nobodys_mind(kept: Kept) -> None:
    await kept.upload()

    def fail(tx: object) -> None:
        kept.certificates.revoke(tx, "s1", ONE.thumbprint)  # type: ignore[arg-type]
        raise KeyError

    with pytest.raises(KeyError):
        await kept.database.run(fail)

    assert await kept.refusal() == ""


async def test_requests_cost_no_query_until_something_changes(kept: Kept) -> None:
    await kept.upload()
    assert await kept.refusal() == ""
    await kept.database.close()

    assert await kept.refusal() == ""


async def test_another_process_sees_a_revocation_when_it_refreshes(kept: Kept) -> None:
    other = kept.another_process()
    await kept.upload()
    assert await other.refusal() == ""
    await kept.revoke()
    assert await other.refusal() == ""

    await other.certificates.refresh()

    assert "was revoked" in await other.refusal()


async def test_nobody_passes_on_what_was_read_before_a_revocation(kept: Kept) -> None:
    slow = SlowReading(kept.database)
    certificates = ManagementCertificates(slow, SqlCertificates(), identity_clock=kept.clock)
    await kept.upload()
    refreshing = asyncio.create_task(certificates.refresh())
    await slow.has_read.wait()

    await kept.database.run(lambda tx: certificates.revoke(tx, "s1", ONE.thumbprint))
    slow.may_tell.set()
    await refreshing

    assert "was revoked" in (await certificates.refusal(DER, "s1") or "")


async def test_an_introduction_uploads_and_leaves_a_revoked_one_alone(kept: Kept) -> None:
    introduced = await kept.certificates.introduce("S1", ONE)
    assert introduced.stored.revoked_at is None
    assert await kept.refusal() == ""
    await kept.revoke()

    revoked = await kept.certificates.introduce("S1", ONE)

    assert "was revoked" in await kept.refusal()
    assert revoked.stored.revoked_at == kept.clock.now()


async def test_what_ends_within_30_days_is_told_of_once_a_day(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    await kept.upload()
    await kept.upload("s2")
    await kept.certificates.refresh()
    assert warnings(caplog) == []

    kept.clock.set(ONE.not_after - timedelta(days=29, hours=23))
    for _ in range(3):
        await kept.certificates.refresh()

    assert len(warnings(caplog)) == 2
    assert f"{ONE.thumbprint} of subscription s1 expires at 2027-01-01" in warnings(caplog)[0]
    kept.clock.set(kept.clock.now() + DAY)
    await kept.certificates.refresh()
    assert len(warnings(caplog)) == 4


async def test_a_certificate_that_ends_soon_is_told_of_at_its_upload(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    await kept.upload(der=made(ends=START + timedelta(days=29)))
    await kept.refusal()

    assert len(warnings(caplog)) == 1


async def test_nobody_is_told_of_what_is_over_or_revoked(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    await kept.upload(der=made(ends=START - timedelta(minutes=1)))
    await kept.upload()
    await kept.revoke()
    kept.clock.set(ONE.not_after - DAY)

    await kept.certificates.refresh()

    assert warnings(caplog) == []


def test_only_version_3_may_be_a_management_certificate() -> None:
    assert read_certificate(DER) == ONE

    with pytest.raises(ConfigurationError, match="not of version 3 of X.509"):
        read_certificate(VERSION_1)


def test_a_certificate_is_good_from_its_first_to_its_last_instant() -> None:
    stored = StoredCertificate(
        subscription="s1",
        fingerprint=ONE.fingerprint,
        thumbprint=ONE.thumbprint,
        der=DER,
        uploaded_at=START,
    )
    one = ManagementCertificate(stored, ONE)
    instant = timedelta(microseconds=1)

    assert one.refusal(ONE.not_before) is None
    assert one.refusal(ONE.not_after) is None
    assert "is not valid before" in (one.refusal(ONE.not_before - instant) or "")
    assert "expired at" in (one.refusal(ONE.not_after + instant) or "")
