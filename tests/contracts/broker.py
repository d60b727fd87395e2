"""What every broker does, in one class for the tests of its adapters."""

from tests.contracts.broker_deferral import Deferral
from tests.contracts.broker_expiry import DuplicatesAndExpiry
from tests.contracts.broker_receiving import SendingAndReceiving
from tests.contracts.broker_rule_actions import RuleActions
from tests.contracts.broker_rules import Rules
from tests.contracts.broker_scheduling import SchedulingAndTopics
from tests.contracts.broker_sessions import Sessions
from tests.contracts.broker_settling import Settling


class BrokerContract(
    SendingAndReceiving,
    Settling,
    SchedulingAndTopics,
    Rules,
    RuleActions,
    Deferral,
    DuplicatesAndExpiry,
    Sessions,
):
    """A subclass has the fixtures `broker`, with the `QUEUES` and `TOPICS` of `broker_steps`, and `clock`, by which the
    broker goes."""
