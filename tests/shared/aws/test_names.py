import pytest

from shared.aws.names import (
    is_queue_url,
    is_same_queue,
    region_of_bus,
    region_of_queue,
    region_of_topic,
)

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("url", "region"),
    [
        (f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/q", "eu-central-1"),
        (f"https://sqs.cn-north-1.amazonaws.com.cn/{ACCOUNT}/q.fifo", "cn-north-1"),
        (f"http://127.0.0.1:4566/{ACCOUNT}/q", "eu-west-3"),
    ],
)
def test_a_queue_has_the_region_of_its_url_or_the_default(url: str, region: str) -> None:
    assert region_of_queue(url, default="eu-west-3") == region


def test_a_topic_and_a_bus_have_the_region_of_their_arn() -> None:
    assert region_of_topic(f"arn:aws:sns:eu-north-1:{ACCOUNT}:t") == "eu-north-1"
    assert region_of_bus(f"arn:aws:events:eu-north-1:{ACCOUNT}:event-bus/b", default=None) == (
        "eu-north-1"
    )
    assert region_of_bus("b", default="eu-west-3") == "eu-west-3"


def test_what_stands_in_for_aws_needs_no_region() -> None:
    assert region_of_queue(f"http://127.0.0.1:4566/{ACCOUNT}/q", default=None) == "us-east-1"


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/q", True),
        (f"https://sqs.eu-central-1.amazonaws.com.cn/{ACCOUNT}/q", True),
        (f"http://127.0.0.1:4566/{ACCOUNT}/q", True),
        (f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/q", False),
        (f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/Q", False),
        (f"http://127.0.0.1:4566/{ACCOUNT}/q.fifo", False),
        ("http://127.0.0.1:4566/000000000000/q", False),
    ],
)
def test_a_queue_is_the_same_however_it_is_spelled(other: str, is_same: bool) -> None:
    queue = f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/q"

    assert is_same_queue(queue, other) is is_same
    assert is_same_queue(other, queue) is is_same


@pytest.mark.parametrize(
    "url",
    [
        f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/q?a=b",
        f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/q/../r",
        f"https://sqs.eu-central-1.amazonaws.com@evil.org/{ACCOUNT}/q",
        f"http://127.0.0.1:4566.evil.org/{ACCOUNT}/q",
        f"http://127.0.0.1:4566/{ACCOUNT}/q\n",
    ],
)
def test_p9_a_queue_is_nowhere_else(url: str) -> None:
    assert not is_queue_url(url, endpoint="http://127.0.0.1:4566")
