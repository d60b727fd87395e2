import pytest

from shared.messaging.servicebus.paths import SourcePath, source_path


@pytest.mark.parametrize(
    ("path", "queue", "topic", "subscription", "is_dead_letter"),
    [
        ("orders", "orders", None, None, False),
        ("a/b", "a/b", None, None, False),
        ("orders/$DeadLetterQueue", "orders", None, None, True),
        ("orders/$deadletterqueue", "orders", None, None, True),
        ("facts/Subscriptions/all", None, "facts", "all", False),
        ("a/facts/subscriptions/all", None, "a/facts", "all", False),
        ("facts/Subscriptions/all/$DeadLetterQueue", None, "facts", "all", True),
    ],
)
def test_paths_are_taken_apart(
    path: str, queue: str | None, topic: str | None, subscription: str | None, is_dead_letter: bool
) -> None:
    assert source_path(path) == SourcePath(path, queue, topic, subscription, is_dead_letter)
