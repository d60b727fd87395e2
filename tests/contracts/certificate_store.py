"""What every store of management certificates does; a subclass provides the fixtures `store` and `database`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.scheduler.certificate_store import CertificateStore, StoredCertificate
from shared.sql.database import Database
from tests.clocks import START
from tests.contracts.scheduler_store_steps import do

FIRST = StoredCertificate(
    subscription="s", fingerprint="f1", thumbprint="T1", der=b"\x30\x00\xff", uploaded_at=START
)
LATER = replace(FIRST, fingerprint="e2", uploaded_at=START + timedelta(microseconds=1))
ELSEWHERE = replace(FIRST, subscription="t")


async def everything(store: CertificateStore, database: Database) -> Sequence[StoredCertificate]:
    return await database.read(store.list)


class CertificateStoreContract:
    """One row for each subscription and fingerprint, for ever."""

    async def test_certificates_come_out_as_they_went_in_oldest_first(
        self, store: CertificateStore, database: Database
    ) -> None:
        for row in (LATER, FIRST):
            await do(database, lambda c, row=row: store.put(c, row))  # type: ignore[misc]

        assert await everything(store, database) == [FIRST, LATER]

    async def test_of_a_subscription_are_its_own_alone(
        self, store: CertificateStore, database: Database
    ) -> None:
        for row in (FIRST, ELSEWHERE):
            await do(database, lambda c, row=row: store.put(c, row))  # type: ignore[misc]

        assert await database.read(lambda c: store.list_of(c, "s")) == [FIRST]
        assert await database.read(lambda c: store.list_of(c, "t")) == [ELSEWHERE]
        assert await database.read(lambda c: store.list_of(c, "S")) == []

    async def test_the_same_certificate_is_replaced_in_its_subscription(
        self, store: CertificateStore, database: Database
    ) -> None:
        revoked = replace(FIRST, revoked_at=START + timedelta(days=1))
        for row in (FIRST, ELSEWHERE, revoked):
            await do(database, lambda c, row=row: store.put(c, row))  # type: ignore[misc]

        assert list(await everything(store, database)) == [revoked, ELSEWHERE]

    async def test_p7_nothing_is_left_of_a_transaction_that_fails(
        self, store: CertificateStore, database: Database
    ) -> None:
        def fail(connection: object) -> None:
            store.put(connection, FIRST)  # type: ignore[arg-type]
            raise KeyError

        with pytest.raises(KeyError):
            await do(database, fail)

        assert await everything(store, database) == []
