import os
import stat
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.served_broker.folder import BrokerFolder
from shared.sql.data_folder import DataFolder

ORDERS = NamespaceDescription(
    name="Orders",
    queues=(QueueDescription(name="q1"),),
    topics=(
        TopicDescription(name="t1", subscriptions=(SubscriptionDescription(name="s1"),)),
        TopicDescription(name="t2"),
    ),
)


def prepare(folder: BrokerFolder, *namespaces: NamespaceDescription) -> None:
    folder.prepare(namespaces, random_bytes=os.urandom)


def test_a_new_folder_is_its_owners_alone_and_has_a_database_for_each_namespace(
    tmp_path: Path,
) -> None:
    folder = BrokerFolder(tmp_path / "data")

    prepare(folder, ORDERS, NamespaceDescription(name="two"))

    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert {path.name for path in folder.path.glob("*.db")} == {"orders.db", "two.db"}


def test_it_remembers_which_entities_were_served_last(tmp_path: Path) -> None:
    folder = BrokerFolder(tmp_path)
    prepare(folder, NamespaceDescription(name="earlier"))

    prepare(folder, ORDERS)

    assert folder.namespaces() == (ORDERS,)
    assert folder.database("earlier").exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    held = DataFolder(tmp_path)
    try:
        with pytest.raises(ConfigurationError, match="in use by process"):
            prepare(BrokerFolder(tmp_path), ORDERS)
    finally:
        held.close()

    assert {path.name for path in tmp_path.iterdir()} == {"lock"}


def test_a_folder_that_cannot_be_written_is_named_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "entities.json").mkdir()
    (tmp_path / "entities.json" / "something").touch()

    with pytest.raises(ConfigurationError, match="cannot write the data folder"):
        prepare(BrokerFolder(tmp_path), ORDERS)

    DataFolder(tmp_path).close()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "was never started on that folder"),
        ("{", "cannot read"),
        ("[]", "cannot read"),
        ('{"n": {}}', "cannot read"),
        ('{"n": {"queues": [], "topics": []}}', "cannot read"),
    ],
)
def test_a_note_that_is_missing_or_malformed_is_named(
    content: str | None, fault: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "entities.json").write_text(content)

    with pytest.raises(ConfigurationError, match=rf"entities\.json.*{fault}|{fault}.*entities"):
        BrokerFolder(tmp_path).namespaces()
