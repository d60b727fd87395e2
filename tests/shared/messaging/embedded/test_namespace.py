from datetime import timedelta

import pytest

from shared.errors import ConfigurationError
from shared.messaging.embedded.namespace import Namespace
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)


def namespace(*entities: QueueDescription | TopicDescription) -> Namespace:
    queues = tuple(one for one in entities if isinstance(one, QueueDescription))
    topics = tuple(one for one in entities if isinstance(one, TopicDescription))
    return Namespace(NamespaceDescription(name="n", queues=queues, topics=topics))


def topic(name: str, subscription: str = "all") -> TopicDescription:
    return TopicDescription(name=name, subscriptions=(SubscriptionDescription(name=subscription),))


@pytest.mark.parametrize(
    ("entities", "fault"),
    [
        ([QueueDescription(name="x" * 261)], "260"),
        ([QueueDescription(name="")], "characters"),
        ([topic("x" * 261)], "260"),
        ([topic("t", "s" * 51)], "50"),
        ([topic("t", "")], "50"),
        ([topic("x" * 246)], "260"),
        ([QueueDescription(name="q", lock_duration=timedelta(seconds=301))], "0:05:00"),
        ([QueueDescription(name="a"), QueueDescription(name="A")], "two entities"),
        ([QueueDescription(name="a"), topic("A")], "two entities"),
        ([topic("a"), topic("A")], "two entities"),
    ],
)
def test_description_beyond_the_limits_is_refused(
    entities: list[QueueDescription | TopicDescription], fault: str
) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        namespace(*entities)


def test_longest_names_and_locks_pass() -> None:
    names = namespace(
        QueueDescription(name="x" * 260, lock_duration=timedelta(minutes=5)),
        topic("x" * 190, "s" * 50),
    )

    assert names.source("X" * 260).lock == 300_000_000
    assert names.source(f"{'x' * 190}/subscriptions/{'S' * 50}").owner == "x" * 190


def test_dead_letter_queue_says_whose_it_is_as_that_is_written() -> None:
    names = namespace(QueueDescription(name="Orders"), topic("Facts", "All"))

    assert names.source("orders/$deadletterqueue").dead_letter_source == "Orders"
    letters = names.source("facts/subscriptions/all/$deadletterqueue")
    assert letters.dead_letter_source == "Facts/Subscriptions/All"
    assert letters.dead_letter_path is None
