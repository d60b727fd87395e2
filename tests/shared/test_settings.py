import json
import subprocess
import sys
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.settings import BrokerKind, Role, load_settings, takes_sqs_commands


def test_defaults_need_no_environment() -> None:
    settings = load_settings({})

    assert settings.role is Role.ALL
    assert settings.allowed_networks == ()


def test_names_follow_app_settings_and_lists_are_split_at_commas() -> None:
    settings = load_settings(
        {
            "TOCSIN_ROLE": "connector",
            "TOCSIN_ALLOWED_NETWORKS": "127.0.0.0/8, ::1/128",
            "TOCSIN_MANAGEMENT_CERTIFICATES": "a.cer,b.cer",
            "PATH": "/bin",
        }
    )

    assert settings.role is Role.CONNECTOR
    assert settings.allowed_networks == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert settings.management_certificates == (Path("a.cer"), Path("b.cer"))


def test_every_unknown_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match="unknown settings: TOCSIN_ROLL, TOCSIN_X"):
        load_settings({"TOCSIN_ROLL": "connector", "TOCSIN_X": "1"})


def test_every_malformed_setting_is_named_and_no_value_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"TOCSIN_ROLE": "s3cret", "TOCSIN_ALLOWED_NETWORKS": "s3cret"})

    assert "TOCSIN_ROLE" in str(caught.value)
    assert "TOCSIN_ALLOWED_NETWORKS" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("value", ["0", "-1", "1000001", "1.5", "many", ""])
def test_limits_of_attempts_are_whole_numbers_of_at_least_one(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(
            {"TOCSIN_MAX_ATTEMPTS_PER_HOST": value, "TOCSIN_MAX_STARTS_PER_SECOND": value}
        )

    assert "TOCSIN_MAX_ATTEMPTS_PER_HOST" in str(caught.value)
    assert "TOCSIN_MAX_STARTS_PER_SECOND" in str(caught.value)


def test_limits_of_attempts_can_be_raised() -> None:
    raised = load_settings(
        {"TOCSIN_MAX_ATTEMPTS_PER_HOST": "64", "TOCSIN_MAX_STARTS_PER_SECOND": "1000000"}
    )

    assert (raised.max_attempts_per_host, raised.max_starts_per_second) == (64, 1_000_000)


@pytest.mark.parametrize(
    "value",
    [
        "https://queue.core.windows.net",
        "https://{account}.queue.core.windows.net?sv=1",
        "ftp://{account}",
        "https://user@{account}.example",
        "{account}",
    ],
)
def test_an_endpoint_of_storage_queues_is_a_url_with_the_account_in_it(value: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_STORAGE_QUEUE_ENDPOINT"):
        load_settings({"TOCSIN_STORAGE_QUEUE_ENDPOINT": value})


def test_the_endpoint_of_storage_queues_may_be_azurites() -> None:
    azurite = "http://127.0.0.1:10001/{account}"

    settings = load_settings({"TOCSIN_STORAGE_QUEUE_ENDPOINT": azurite})

    assert settings.storage_queue_endpoint == azurite


@pytest.mark.parametrize(
    "value",
    [
        "sb://{namespace}.servicebus.windows.net",
        "amqps://{namespace}.servicebus.windows.net:5671",
        "amqps://127.0.0.1/",
        "amqp://user@127.0.0.1:5672",
        "127.0.0.1:5672",
    ],
)
def test_an_endpoint_of_service_bus_says_tls_or_a_port(value: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_SERVICE_BUS_ENDPOINT"):
        load_settings({"TOCSIN_SERVICE_BUS_ENDPOINT": value})


def test_the_endpoint_of_service_bus_may_be_our_brokers() -> None:
    broker = "amqp://127.0.0.1:5672"

    settings = load_settings({"TOCSIN_SERVICE_BUS_ENDPOINT": broker})

    assert settings.service_bus_endpoint == broker


@pytest.mark.parametrize(("text", "kept"), [("P2D", 2), ("172800", 2), ("P90D", 90)])
def test_events_are_kept_as_long_as_the_operator_wants(text: str, kept: int) -> None:
    assert load_settings({}).events_kept == timedelta(days=30)
    assert load_settings({"TOCSIN_EVENTS_KEPT": text}).events_kept == timedelta(days=kept)


@pytest.mark.parametrize("text", ["PT47H59M", "172799", "0", "-P30D", "P3651D", "inf", "nan", ""])
def test_events_are_kept_for_48_hours_at_least_and_not_for_ever(text: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_EVENTS_KEPT"):
        load_settings({"TOCSIN_EVENTS_KEPT": text})


@pytest.mark.parametrize(("text", "kept"), [("P2D", 2), ("172800", 2), ("P90D", 90)])
def test_p4_operations_are_kept_as_long_as_the_operator_wants(text: str, kept: int) -> None:
    assert load_settings({}).operations_kept == timedelta(days=7)
    assert load_settings({"TOCSIN_OPERATIONS_KEPT": text}).operations_kept == timedelta(days=kept)


@pytest.mark.parametrize("text", ["PT47H59M", "172799", "0", "P3651D", "inf", "nan", ""])
def test_p4_operations_are_kept_for_48_hours_at_least(text: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_OPERATIONS_KEPT"):
        load_settings({"TOCSIN_OPERATIONS_KEPT": text})


def test_p8_the_password_of_the_certificate_has_a_masking_repr() -> None:
    settings = load_settings({"TOCSIN_CLIENT_CERTIFICATE_PASSWORD": "s3cret"})

    assert "s3cret" not in repr(settings)


def test_app_settings_are_exported_and_what_is_there_wins() -> None:
    code = (
        "import json, os; from shared.settings import export_environment;"
        "export_environment({'TOCSIN_ROLE': 'connector', 'TOCSIN_DATA_DIR': 'd'});"
        "print(json.dumps([os.environ['TOCSIN_ROLE'], os.environ['TOCSIN_DATA_DIR']]))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={"TOCSIN_ROLE": "scheduler", "PYTHONPATH": "."},
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert json.loads(shown.stdout) == ["scheduler", "d"]


@pytest.mark.parametrize("seconds", ["0", "-1", "26"])
def test_a_webhook_may_not_outlast_the_lease_of_its_deliveries(seconds: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_WEBHOOK_TIMEOUT: Input should be"):
        load_settings({"TOCSIN_WEBHOOK_TIMEOUT": seconds})


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("PT0S", 0), ("2.5", 2.5), ("PT1M", 60)])
def test_a_job_that_is_to_run_now_may_run_at_once(text: str, seconds: float) -> None:
    assert load_settings({}).run_now_delay == timedelta(seconds=20)
    delay = load_settings({"TOCSIN_RUN_NOW_DELAY": text}).run_now_delay
    assert delay == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["-1", "-PT1S", "soon", "nan", "inf"])
def test_no_job_runs_before_it_is_asked_for(text: str) -> None:
    with pytest.raises(ConfigurationError, match="TOCSIN_RUN_NOW_DELAY"):
        load_settings({"TOCSIN_RUN_NOW_DELAY": text})


def test_the_subscription_is_one_whatever_its_case() -> None:
    settings = load_settings({"TOCSIN_SUBSCRIPTION_ID": "AB-12"})

    assert settings.subscription_id == "ab-12"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("false", False)])
def test_whether_the_platform_is_in_front_is_said_in_a_word(text: str, value: bool) -> None:
    assert load_settings({"TOCSIN_BEHIND_APP_SERVICE": text}).behind_app_service is value
    assert load_settings({}).behind_app_service is False
    with pytest.raises(ConfigurationError, match="TOCSIN_BEHIND_APP_SERVICE"):
        load_settings({"TOCSIN_BEHIND_APP_SERVICE": f"{text}!"})


def test_service_bus_is_reached_by_the_app_settings_that_functions_read() -> None:
    settings = load_settings(
        {
            "TOCSIN_BROKER": "servicebus",
            "ServiceBusConnection": "Endpoint=sb://s3cret",
            "ServiceBusConnection__fullyQualifiedNamespace": "ns.servicebus.windows.net",
            "ServiceBusConnection__clientId": "",
        }
    )

    assert settings.broker is BrokerKind.SERVICEBUS
    assert settings.service_bus_connection == "Endpoint=sb://s3cret"
    assert settings.service_bus_namespace == "ns.servicebus.windows.net"
    assert settings.service_bus_client_id is None
    assert "s3cret" not in repr(settings)


def test_settings_have_one_name_each() -> None:
    with pytest.raises(ConfigurationError, match="unknown settings: TOCSIN_SERVICE_BUS_CONNECTION"):
        load_settings({"TOCSIN_SERVICE_BUS_CONNECTION": "x"})


def test_what_the_tests_are_told_stops_no_process() -> None:
    assert load_settings({"TOCSIN_SERVICEBUS_CONNECTION": "x"}) == load_settings({})


def test_p8_what_aws_needs_has_its_own_names_and_is_not_shown() -> None:
    settings = load_settings(
        {
            "AWS_ACCESS_KEY_ID": "AKIA1",
            "AWS_SECRET_ACCESS_KEY": "s3cret",
            "AWS_SESSION_TOKEN": "t0ken",
            "AWS_REGION": "eu-west-1",
            "AWS_PROFILE": "not ours",
        }
    )

    assert settings.aws_secret_access_key == "s3cret"
    assert settings.aws_default_region == "eu-west-1"
    assert "s3cret" not in repr(settings)
    assert "t0ken" not in repr(settings)


@pytest.mark.parametrize("url", ["", None, "http://127.0.0.1:4566/123456789012/commands.fifo"])
def test_commands_come_from_sqs_where_a_queue_is_named(url: str | None) -> None:
    environment = {} if url is None else {"TOCSIN_SQS_COMMANDS_URL": url}

    assert takes_sqs_commands(environment) is bool(url)
    assert load_settings(environment).sqs_commands_url == (url or None)


def test_a_malformed_place_for_events_or_commands_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(
            {
                "TOCSIN_AWS_ENDPOINT": "localhost:4566",
                "TOCSIN_EVENTS_TOPIC": "all events",
                "TOCSIN_SQS_COMMANDS_URL": "commands",
            }
        )

    for name in ("TOCSIN_AWS_ENDPOINT", "TOCSIN_EVENTS_TOPIC", "TOCSIN_SQS_COMMANDS_URL"):
        assert name in str(caught.value)
