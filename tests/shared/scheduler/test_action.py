import pytest

from shared.scheduler.action import host_of, sealing_context, target_host
from shared.wire.json_types import JsonObject


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://Example.ORG/a?b", "example.org"),
        ("http://example.org:8080", "example.org"),
        ("http://[::1]:8080/", "::1"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("http://bücher.example/", "bücher.example"),
    ],
)
def test_a_host_is_counted_whatever_its_port_and_case(uri: str, host: str) -> None:
    assert target_host(uri) == host


@pytest.mark.parametrize(
    ("action", "host"),
    [
        ({"request": {"uri": "https://Example.ORG/a"}}, "example.org"),
        ({"queueMessage": {"storageAccount": "Account1"}}, "account1.queue.core.windows.net"),
        ({"serviceBusQueueMessage": {"namespace": "Ns1"}}, "ns1.servicebus.windows.net"),
        ({"serviceBusTopicMessage": {"namespace": "ns1"}}, "ns1.servicebus.windows.net"),
    ],
)
def test_every_action_leads_to_a_host(action: JsonObject, host: str) -> None:
    assert host_of(action | {"type": "any"}) == host


def test_p8_secrets_of_a_job_open_under_its_names_in_any_case_and_no_others() -> None:
    def context(job: str) -> str:
        return sealing_context(subscription="Sub", cloud_service="CS", job_collection="jc", job=job)

    assert context("Nightly") == "sub/cs/jc/nightly"
    assert context("hourly") != context("nightly")
