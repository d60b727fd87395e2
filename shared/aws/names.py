"""ARNs and URLs of AWS: whether they are well-formed, and the region in them; pure."""

import re

PARTITION = r"(?:aws|aws-cn|aws-us-gov)"
ACCOUNT = r"[0-9]{12}"
REGION = r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}"
# Names of at most 256 and 80 characters, the suffix counted.
TOPIC_ARN = re.compile(
    rf"arn:{PARTITION}:sns:(?P<region>{REGION}):{ACCOUNT}:(?=.{{1,256}}\Z)[A-Za-z0-9_-]+(?:\.fifo)?"
)
QUEUE_PATH = rf"/{ACCOUNT}/(?=.{{1,80}}\Z)[A-Za-z0-9_-]+(?:\.fifo)?"
QUEUE_URL = re.compile(rf"https://sqs\.(?P<region>{REGION})\.amazonaws\.com(?:\.cn)?{QUEUE_PATH}")
BUS_ARN = re.compile(
    rf"arn:{PARTITION}:events:(?P<region>{REGION}):{ACCOUNT}:event-bus/[/._A-Za-z0-9-]{{1,256}}"
)
BUS_NAME = re.compile(r"[/._A-Za-z0-9-]{1,256}")
FIFO = ".fifo"
ANY_REGION = "us-east-1"
"""Of what stands in for AWS where nothing names one; LocalStack's own default."""


def is_region(text: str) -> bool:
    return re.fullmatch(REGION, text) is not None


def is_queue_url(url: str, *, endpoint: str | None) -> bool:
    """Whether `url` is a queue of AWS, or of what the operator put in its place."""
    if endpoint is not None and re.fullmatch(re.escape(endpoint) + QUEUE_PATH, url):
        return True
    return QUEUE_URL.fullmatch(url) is not None


def is_same_queue(one: str, other: str) -> bool:
    """Whether two URLs lead to one queue, of AWS or behind an endpoint in its place, which tells no region."""
    if one.split("/")[-2:] != other.split("/")[-2:]:
        return False
    regions = [found["region"] for found in map(QUEUE_URL.fullmatch, (one, other)) if found]
    return len({*regions}) < 2


def region_of_queue(url: str, *, default: str | None) -> str:
    """Return the region of a queue; one behind an endpoint of the operator's tells none."""
    found = QUEUE_URL.fullmatch(url)
    return found["region"] if found else default or ANY_REGION


def region_of_topic(arn: str) -> str:
    """Return the region of a topic whose ARN was checked."""
    return arn.split(":")[3]


def region_of_bus(bus: str, *, default: str | None) -> str:
    """Return the region of an event bus that was checked: a name has the default."""
    found = BUS_ARN.fullmatch(bus)
    return found["region"] if found else default or ANY_REGION
