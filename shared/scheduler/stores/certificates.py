"""Management certificates in SQL; statements first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from shared.clock import (
    from_microseconds,
    from_optional_microseconds,
    to_microseconds,
    to_optional_microseconds,
)
from shared.scheduler.certificate_store import StoredCertificate
from shared.scheduler.stores.tables import management_certificate
from shared.sql.prepared import Prepared

KEY = ("subscription", "fingerprint")
OTHERS = ("thumbprint", "der", "uploaded_at", "revoked_at")
columns = management_certificate.c

rows = select(*(columns[name] for name in (*KEY, *OTHERS))).order_by(
    columns.uploaded_at, columns.fingerprint, columns.subscription
)
LIST = Prepared(rows)
LIST_OF = Prepared(rows.where(columns.subscription == bindparam("of_subscription")))
UPDATE = Prepared(
    update(management_certificate)
    .where(*(columns[name] == bindparam(f"this_{name}") for name in KEY))
    .values({name: bindparam(f"new_{name}") for name in OTHERS})
)
INSERT = Prepared(
    insert(management_certificate).values(
        {name: bindparam(f"new_{name}") for name in (*KEY, *OTHERS)}
    )
)


class SqlCertificates:
    """The port's adapter for SQLite and PostgreSQL."""

    def list(self, connection: Connection) -> Sequence[StoredCertificate]:
        return [to_certificate(row) for row in LIST.rows(connection)]

    def list_of(self, connection: Connection, subscription: str) -> Sequence[StoredCertificate]:
        found = LIST_OF.rows(connection, of_subscription=subscription)
        return [to_certificate(row) for row in found]

    def put(self, connection: Connection, row: StoredCertificate) -> None:
        key = {"subscription": row.subscription, "fingerprint": row.fingerprint}
        others = {
            "new_thumbprint": row.thumbprint,
            "new_der": row.der,
            "new_uploaded_at": to_microseconds(row.uploaded_at),
            "new_revoked_at": to_optional_microseconds(row.revoked_at),
        }
        this = {f"this_{name}": value for name, value in key.items()}
        if UPDATE.change(connection, **this, **others) == 0:
            new = {f"new_{name}": value for name, value in key.items()}
            INSERT.change(connection, **new, **others)


def to_certificate(row: Any) -> StoredCertificate:
    subscription, fingerprint, thumbprint, der, uploaded_at, revoked_at = row
    return StoredCertificate(
        subscription=subscription,
        fingerprint=fingerprint,
        thumbprint=thumbprint,
        der=bytes(der),
        uploaded_at=from_microseconds(uploaded_at),
        revoked_at=from_optional_microseconds(revoked_at),
    )
