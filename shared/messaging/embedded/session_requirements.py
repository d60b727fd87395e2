"""Whether what is stored fits what its entity requires of sessions: what does not could never be received.

On Azure the property cannot change at all. Here the file may change it while the entity is empty.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

from shared.errors import ConfigurationError
from shared.messaging.embedded import statements as sql
from shared.messaging.embedded.counting import count
from shared.messaging.embedded.namespace import Namespace, Source


def check_session_requirements(connection: Connection, namespace: Namespace) -> None:
    """Raises ConfigurationError with each entity whose messages were sent when it required the opposite."""
    faults = list(_faults(connection, namespace))
    if faults:
        raise ConfigurationError("\n".join(faults))


def _faults(connection: Connection, namespace: Namespace) -> Iterator[str]:
    for source in namespace.sources.values():
        if source.dead_letter_path is None or not _has_strangers(connection, source):
            continue
        held = sum(count(connection, source.path)[:3])
        now, before = source.requires_session, not source.requires_session
        yield (
            f"{source.path!r} holds {held} message{'' if held == 1 else 's'} sent with "
            f"RequiresSession {str(before).lower()}, which cannot become {str(now).lower()} "
            "before they are received; change it back, or receive them first"
        )


def _has_strangers(connection: Connection, source: Source) -> bool:
    first = connection.exec_driver_sql(sql.IS_FIRST_IN_SESSION, (source.path,)).scalar()
    return first is not None and bool(first) is not source.requires_session
