"""What every broker does, in one class for the tests of its adapters."""

from tests.contracts.broker_receiving import SendingAndReceiving
from tests.contracts.broker_scheduling import SchedulingAndTopics
from tests.contracts.broker_settling import Settling


class BrokerContract(SendingAndReceiving, Settling, SchedulingAndTopics):
    """A subclass has the fixtures `broker`, with the `QUEUES` and `TOPICS` of `broker_steps`, and `clock`, by which the
    broker goes."""
