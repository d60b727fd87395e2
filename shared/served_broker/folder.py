"""The data folder of `tocsin broker`: a database for each namespace, their keys, and which entities they have."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError
from shared.messaging.embedded.schema import SCHEMA
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.private_file import written_aside
from shared.served_broker.namespace_keys import complete_keys
from shared.sql.data_folder import DataFolder
from shared.sql.database_file import bring_up_to_date


@dataclass(frozen=True, slots=True)
class BrokerFolder:
    """Where the files are; nothing is made before `prepare`. Names of namespaces are letters, digits and dashes."""

    path: Path

    @property
    def keys(self) -> Path:
        return self.path / "keys.json"

    @property
    def entities(self) -> Path:
        return self.path / "entities.json"

    def database(self, namespace: str) -> Path:
        return self.path / f"{namespace.lower()}.db"

    def prepare(
        self, namespaces: Sequence[NamespaceDescription], *, random_bytes: Callable[[int], bytes]
    ) -> None:
        """Make what is missing for these namespaces; what is there stays, that of other namespaces too.

        Raises:
            ConfigurationError: the folder is in use or cannot be written.
        """
        held = DataFolder(self.path)
        try:
            complete_keys(self.keys, [each.name for each in namespaces], random_bytes=random_bytes)
            for each in namespaces:
                bring_up_to_date(self.database(each.name), (SCHEMA,))
            note = {each.name: names_in(each) for each in namespaces}
            with written_aside(self.entities, json.dumps(note, indent=2).encode()) as unfinished:
                unfinished.replace(self.entities)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the data folder {str(self.path)!r}: {error.strerror}"
            ) from error
        finally:
            held.close()

    def namespaces(self) -> tuple[NamespaceDescription, ...]:
        """Return the namespaces that were last served here, their entities by name alone.

        Raises:
            ConfigurationError: no broker was ever started here, or the note of it cannot be read.
        """
        try:
            note = json.loads(self.entities.read_bytes())
            return tuple(described(name, entities) for name, entities in note.items())
        except FileNotFoundError:
            raise ConfigurationError(
                f"there is no {self.entities}; `tocsin broker` was never started on that folder"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"cannot read {self.entities}: {error}") from error


def names_in(namespace: NamespaceDescription) -> dict[str, Any]:
    return {
        "queues": [queue.name for queue in namespace.queues],
        "topics": {
            topic.name: [each.name for each in topic.subscriptions] for topic in namespace.topics
        },
    }


def described(name: str, entities: Any) -> NamespaceDescription:
    return NamespaceDescription(
        name=name,
        queues=tuple(QueueDescription(name=queue) for queue in entities["queues"]),
        topics=tuple(
            TopicDescription(
                name=topic,
                subscriptions=tuple(SubscriptionDescription(name=each) for each in subscriptions),
            )
            for topic, subscriptions in entities["topics"].items()
        ),
    )
