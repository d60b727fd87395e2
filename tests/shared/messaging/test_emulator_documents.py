"""Everything that is wrong with a file for the emulator, told at once and each at its place."""

import json
from pathlib import Path

import pytest

from shared.messaging.emulator_config import read_config
from shared.messaging.emulator_documents import EmulatorDocument
from tests.shared.messaging.emulator_configs import (
    NAMESPACE,
    Document,
    config,
    correlation,
    described,
    faults,
    queue,
    rule,
    sql,
    topic,
)

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "embedded-broker.md"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"LockDuration": "PT4S"}, "must be from PT5S to PT5M"),
        ({"LockDuration": "PT5M1S"}, "must be from PT5S to PT5M"),
        ({"LockDuration": "1 minute"}, "must be a duration such as 00:01:00, 1.00:00:00 or PT1M"),
        ({"LockDuration": 60}, "must be a string with a duration such as 00:01:00"),
        ({"DefaultMessageTimeToLive": "PT0.5S"}, "must be at least PT1S"),
        ({"DuplicateDetectionHistoryTimeWindow": "PT4S"}, "must be from PT5S to P7D"),
        ({"DuplicateDetectionHistoryTimeWindow": "P8D"}, "must be from PT5S to P7D"),
        ({"MaxDeliveryCount": 0}, "must be from 1 to 2000"),
        ({"MaxDeliveryCount": 2001}, "must be from 1 to 2000"),
        ({"MaxDeliveryCount": "3"}, "must be an integer"),
        ({"MaxDeliveryCount": True}, "must be an integer"),
        ({"RequiresSession": "true"}, "must be true or false"),
        ({"ForwardTo": "other"}, "must be empty: this broker does not forward messages"),
        (
            {"ForwardDeadLetteredMessagesTo": "other"},
            "must be empty: this broker does not forward messages",
        ),
        ({"MaxDeliveryCuont": 3}, "is not a known member"),
    ],
    ids=repr,
)
def test_a_property_that_is_no_good_is_refused_at_its_place(
    properties: Document, message: str
) -> None:
    (member,) = properties

    assert faults(config(queues=[queue(**properties)])) == {
        f"{NAMESPACE}.Queues[0].Properties.{member}": message
    }


@pytest.mark.parametrize(
    "properties",
    [
        {"LockDuration": "PT5S"},
        {"LockDuration": "PT5M"},
        {"DefaultMessageTimeToLive": "PT1S"},
        {"DuplicateDetectionHistoryTimeWindow": "PT5S"},
        {"DuplicateDetectionHistoryTimeWindow": "P7D"},
        {"MaxDeliveryCount": 1},
        {"MaxDeliveryCount": 2000},
        {"ForwardTo": " "},
    ],
    ids=repr,
)
def test_the_limits_themselves_are_taken(properties: Document) -> None:
    assert described(config(queues=[queue(**properties)])).queues[0].name == "q"


@pytest.mark.parametrize(
    ("document", "place", "message"),
    [
        (
            sql("flag"),
            "SqlFilter.SqlExpression",
            "position 5: found the end, expected a comparison",
        ),
        (sql("1" * 1025), "SqlFilter.SqlExpression", "has 1025 characters, more than 1024"),
        (rule(FilterType="SqlFilter"), "FilterType", "must be one of Sql, Correlation"),
        (rule(), "FilterType", "is required"),
        (rule(FilterType="Sql"), "SqlFilter", "is required"),
        (rule(FilterType="Sql", SqlFilter={}), "SqlFilter.SqlExpression", "is required"),
        (rule(FilterType="correlation"), "CorrelationFilter", "is required"),
        (
            sql("1=1", CorrelationFilter={"To": "x"}),
            "CorrelationFilter",
            "is not for a rule whose FilterType is Sql",
        ),
        (correlation(), "CorrelationFilter", "must name a property and its value"),
        (correlation(Label=None), "CorrelationFilter", "must name a property and its value"),
        (correlation(Subject="x"), "CorrelationFilter.Subject", "is not a known member"),
        (
            correlation(Properties={"a": [1]}),
            "CorrelationFilter.Properties.a",
            "must be a string, a number, true or false",
        ),
    ],
)
def test_a_rule_that_is_no_good_is_refused_at_its_place(
    document: Document, place: str, message: str
) -> None:
    found = faults(config(topics=[topic(document)]))

    path = f"{NAMESPACE}.Topics[0].Subscriptions[0].Rules[0].Properties.{place}"
    assert list(found) == [path]
    assert found[path].startswith(message)


@pytest.mark.parametrize(
    "name", ["", "-q", "q.", "a b", "a$", "é", "a" * 261, "a\n", "../q", "a?b"]
)
def test_a_queue_is_not_named_so(name: str) -> None:
    (path,) = faults(config(queues=[queue(name)]))

    assert path == f"{NAMESPACE}.Queues[0].Name"


@pytest.mark.parametrize("name", ["q", "Q.1", "a/b_c-d.e", "0", "a" * 260])
def test_a_queue_may_be_named_so(name: str) -> None:
    assert described(config(queues=[queue(name)])).queues[0].name == name


def test_other_names_are_narrower() -> None:
    assert list(faults(config(name="../other"))) == [f"{NAMESPACE}.Name"]
    assert list(faults(config(name="1st"))) == [f"{NAMESPACE}.Name"]
    assert list(faults(config(name="a" * 51))) == [f"{NAMESPACE}.Name"]
    assert list(faults(config(topics=[topic(subscription="a/b")]))) == [
        f"{NAMESPACE}.Topics[0].Subscriptions[0].Name"
    ]
    assert list(faults(config(topics=[topic(subscription="a" * 51)]))) == [
        f"{NAMESPACE}.Topics[0].Subscriptions[0].Name"
    ]
    assert faults(config(queues=[queue("t/SUBSCRIPTIONS/s")])) == {
        f"{NAMESPACE}.Queues[0].Name": "must not look like the path of a subscription"
    }


def test_names_are_given_once_in_any_case_and_all_else_is_told_too() -> None:
    text = config(
        queues=[queue("a"), queue("A", LockDuration="PT1H"), queue("b")],
        topics=[
            {"Name": "B", "Subscriptions": [{"Name": "s"}, {"Name": "S", "Rules": [sql("x")]}]},
            topic(sql("1=1"), sql("1=0")),
        ],
    )
    found = faults(text)

    assert found.pop(f"{NAMESPACE}.Queues[1].Properties.LockDuration")
    assert found.pop(
        f"{NAMESPACE}.Topics[0].Subscriptions[1].Rules[0].Properties.SqlFilter.SqlExpression"
    )
    assert found == {
        f"{NAMESPACE}.Queues[1].Name": "is the name of Queues[0] too, ignoring case",
        f"{NAMESPACE}.Topics[0].Name": "is the name of Queues[2] too, ignoring case",
        f"{NAMESPACE}.Topics[0].Subscriptions[1].Name": "is the name of Subscriptions[0] too, ignoring case",
        f"{NAMESPACE}.Topics[1].Subscriptions[0].Rules[1].Name": "is the name of Rules[0] too, ignoring case",
    }


def test_namespaces_have_names_of_their_own_and_entities_within_them() -> None:
    one = {"Name": "one", "Queues": [{"Name": "q"}]}

    both = json.dumps({"UserConfig": {"Namespaces": [one, one | {"Name": "two"}]}})
    same = json.dumps({"UserConfig": {"Namespaces": [one, one | {"Name": "One"}]}})

    assert [namespace.name for namespace in read_config(both)] == ["one", "two"]
    assert list(faults(same)) == ["$.UserConfig.Namespaces[1].Name"]


def test_entities_subscriptions_and_filters_have_limits() -> None:
    many = [{"Name": f"q{number}"} for number in range(10_000)]
    crowded = topic() | {"Subscriptions": [{"Name": f"s{number}"} for number in range(2_001)]}
    busy = topic(*[sql("1=1") | {"Name": f"r{number}"} for number in range(2_001)])

    assert len(described(config(queues=many)).queues) == 10_000
    assert faults(config(queues=many, topics=[topic()])) == {
        NAMESPACE: "has 10001 queues and topics; 10000 are allowed"
    }
    assert faults(config(topics=[crowded])) == {
        f"{NAMESPACE}.Topics[0]": "has 2001 subscriptions; 2000 are allowed"
    }
    assert faults(config(topics=[busy])) == {
        f"{NAMESPACE}.Topics[0]": "has 2001 filters of type Sql; 2000 are allowed"
    }


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "$"),
        ("{", "$"),
        ("[]", "$"),
        ("{}", "$.UserConfig"),
        ('{"UserConfig": {}}', "$.UserConfig.Namespaces"),
        ('{"UserConfig": {"Namespaces": []}}', "$.UserConfig.Namespaces"),
        ('{"UserConfig": {"Namespaces": [1]}}', "$.UserConfig.Namespaces[0]"),
        ('{"UserConfig": {"Namespaces": [{}]}}', "$.UserConfig.Namespaces[0].Name"),
        ('{"UserConfig": {"Namespaces": [{"Name": 1}]}}', "$.UserConfig.Namespaces[0].Name"),
        ('{"UserConfig": {"Namespaces": [{"Name": "n"}]}, "Queues": []}', "$.Queues"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, path: str) -> None:
    assert list(faults(text)) == [path]


def test_the_reference_names_every_member() -> None:
    page = REFERENCE.read_text().partition("## Config.json")[2].partition("## Keys")[0]

    members = {
        field.alias
        for model in EmulatorDocument.__subclasses__()
        for field in model.model_fields.values()
    }

    assert len(members) > 20
    assert {member for member in members if member and member not in page} == set()
