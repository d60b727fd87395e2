"""What the official emulator's Config.json describes."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.messaging.emulator_config import read_config
from shared.messaging.entities import (
    NamespaceDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from shared.messaging.rules import DEFAULT_RULE, CorrelationFilter, RuleDescription, SqlFilter
from tests.shared.messaging.emulator_configs import (
    NAMESPACE,
    Document,
    config,
    correlation,
    default_config,
    described,
    faults,
    queue,
    rule,
    sql,
    topic,
)

HOUR = timedelta(hours=1)


def test_the_emulators_own_file_is_read() -> None:
    rules = [
        RuleDescription(
            "r",
            CorrelationFilter(
                content_type="application/text",
                correlation_id="id1",
                subject="subject1",
                message_id="msgid1",
                reply_to="someQueue",
                reply_to_session_id="sessionId",
                session_id="session1",
                to="xyz",
            ),
        ),
        RuleDescription("r", CorrelationFilter(properties={"prop3": "value3"})),
        DEFAULT_RULE,
        RuleDescription("r", SqlFilter("sys.MessageId = '123456' AND userProp1 = 'value1'")),
    ]

    assert described(default_config()) == NamespaceDescription(
        name="sbemulatorns",
        queues=(
            QueueDescription(
                name="queue.1", default_message_time_to_live=HOUR, max_delivery_count=3
            ),
        ),
        topics=(
            TopicDescription(
                name="topic.1",
                default_message_time_to_live=HOUR,
                subscriptions=tuple(
                    SubscriptionDescription(
                        name=f"subscription.{number}",
                        default_message_time_to_live=HOUR,
                        max_delivery_count=3,
                        rules=(one,),
                    )
                    for number, one in enumerate(rules, 1)
                ),
            ),
        ),
    )


def test_the_newest_of_them_is_read_with_its_action() -> None:
    text = default_config({"SqlExpression": "SET sys.To = 'Entity'"})

    assert described(text).topics[0].subscriptions[3].rules == (
        RuleDescription(
            "r",
            SqlFilter("sys.MessageId = '123456' AND userProp1 = 'value1'"),
            "SET sys.To = 'Entity'",
        ),
    )


@pytest.mark.parametrize("action", [None, {}, {"SqlExpression": ""}, {"SqlExpression": " \n"}])
def test_an_action_of_nothing_is_none(action: Document | None) -> None:
    text = config(topics=[topic(sql("1=1", Action=action))])

    (subscription,) = described(text).topics[0].subscriptions

    assert subscription.rules == (RuleDescription("r", SqlFilter("1=1")),)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("SET sys.To", "position 11: found the end, expected ="),
        (
            "SET sys.Size = 1",
            "position 9: found Size, expected a system property that filters know",
        ),
        (f"SET a = '{'x' * 1015}'", "has 1025 characters, more than 1024"),
        (7, "must be a string"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_action_that_is_none_is_refused_at_its_place(expression: object, message: str) -> None:
    found = faults(default_config({"SqlExpression": expression}))

    ((place, said),) = found.items()
    assert place == (
        f"{NAMESPACE}.Topics[0].Subscriptions[3].Rules[0].Properties.Action.SqlExpression"
    )
    assert said.startswith(message)


def test_what_is_not_said_is_as_in_azure() -> None:
    text = json.dumps(
        {
            "$schema": "Config-schema.json",
            "UserConfig": {
                "Namespaces": [
                    {"Name": "n", "Queues": [{"Name": "q"}]},
                    {"Name": "m", "Topics": [{"Name": "t", "Subscriptions": [{"Name": "s"}]}]},
                ]
            },
        }
    )

    queues, topics = read_config(text)

    assert queues.queues == (
        QueueDescription(
            name="q",
            default_message_time_to_live=None,
            duplicate_detection_window=None,
            lock_duration=timedelta(minutes=1),
            max_delivery_count=10,
        ),
    )
    assert topics.topics == (
        TopicDescription(
            name="t",
            subscriptions=(
                SubscriptionDescription(name="s", max_delivery_count=10, rules=(DEFAULT_RULE,)),
            ),
        ),
    )


def test_properties_are_read() -> None:
    properties: Document = {
        "DeadLetteringOnMessageExpiration": True,
        "DefaultMessageTimeToLive": "P2DT12H",
        "DuplicateDetectionHistoryTimeWindow": "PT5S",
        "LockDuration": "00:00:30",
        "MaxDeliveryCount": 2000,
        "RequiresDuplicateDetection": True,
        "RequiresSession": True,
    }

    assert described(config(queues=[queue(**properties)])).queues == (
        QueueDescription(
            name="q",
            default_message_time_to_live=timedelta(days=2, hours=12),
            duplicate_detection_window=timedelta(seconds=5),
            lock_duration=timedelta(seconds=30),
            max_delivery_count=2000,
            requires_session=True,
            dead_lettering_on_message_expiration=True,
        ),
    )


def test_duplicates_are_found_for_ten_minutes_unless_another_time_is_given() -> None:
    text = config(queues=[queue(RequiresDuplicateDetection=True)])

    assert described(text).queues[0].duplicate_detection_window == timedelta(minutes=10)


def test_the_longest_time_of_dotnet_is_never() -> None:
    text = config(queues=[queue(DefaultMessageTimeToLive="P10675199DT2H48M5.4775807S")])

    assert described(text).queues[0].default_message_time_to_live is None


@pytest.mark.parametrize("absent", [[], None])
def test_a_subscription_without_rules_gets_everything(absent: list[Document] | None) -> None:
    document = topic() | {"Subscriptions": [{"Name": "s", "Rules": absent}]}

    (subscription,) = described(config(topics=[document])).topics[0].subscriptions

    assert subscription.rules == (DEFAULT_RULE,)


def test_names_of_members_and_types_of_filters_are_read_in_any_case_and_nulls_are_absent() -> None:
    text = config(
        queues=[{"name": "q", "PROPERTIES": {"forwardTo": None, "lockduration": "PT5M"}}],
        topics=[topic(rule("$Default", filterType="SQL", SqlFilter={"sqlExpression": "1=1"}))],
    )

    namespace = described(text)

    assert namespace.queues[0].lock_duration == timedelta(minutes=5)
    assert namespace.topics[0].subscriptions[0].rules == (
        RuleDescription("$Default", SqlFilter("1=1")),
    )


def test_properties_to_correlate_on_keep_names_and_types() -> None:
    properties: Document = {"a": "x", "A": 1, "b": 1.5, "c": True}

    (subscription,) = (
        described(config(topics=[topic(correlation(Properties=properties))]))
        .topics[0]
        .subscriptions
    )

    assert repr(subscription.rules[0].filter) == repr(CorrelationFilter(properties=properties))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda values: (
        st.lists(values, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["Name", "name", "Properties", "Queues", "Topics", "Rules", "FilterType"]
            ),
            values,
            max_size=3,
        )
    ),
)


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    text = json.dumps({"UserConfig": {"Namespaces": [value]}})

    try:
        read_config(text)
    except InvalidRequestError as error:
        places = [fault.path for fault in error.faults]
        assert places == [place for place in places if place.startswith("$.UserConfig.Names")]
