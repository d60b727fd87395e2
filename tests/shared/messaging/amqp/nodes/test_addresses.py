"""What a link's address names."""

import pytest

from shared.errors import EntityNotFoundError
from shared.messaging.amqp.nodes.addresses import Address, NodeKind, parse_address


@pytest.mark.parametrize(
    ("text", "kind", "entity"),
    [
        ("amqps://127.0.0.1:5690/Queue", NodeKind.ENTITY, "queue"),
        ("sb://host/queue/$DeadLetterQueue", NodeKind.ENTITY, "queue/$deadletterqueue"),
        ("Topic/Subscriptions/Sub", NodeKind.ENTITY, "topic/subscriptions/sub"),
        ("/queue/", NodeKind.ENTITY, "queue"),
        ("queue/$management", NodeKind.MANAGEMENT, "queue"),
        ("amqps://h/t/Subscriptions/s/$Management", NodeKind.MANAGEMENT, "t/subscriptions/s"),
        ("$cbs", NodeKind.TOKENS, ""),
        ("amqps://127.0.0.1:5690/$CBS", NodeKind.TOKENS, ""),
    ],
)
def test_address_is_read_as_url_or_bare_path_in_any_case(
    text: str, kind: NodeKind, entity: str
) -> None:
    assert parse_address(text) == Address(kind, entity)


@pytest.mark.parametrize("text", [None, "", "/", "amqps://host", "amqps://host/", "$management"])
def test_address_without_an_entity_names_nothing(text: str | None) -> None:
    with pytest.raises(EntityNotFoundError):
        parse_address(text)


def test_path_of_a_management_node_is_below_its_entity() -> None:
    assert parse_address("queue/$management").path == "queue/$management"
    assert parse_address("queue").path == "queue"
