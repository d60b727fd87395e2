from dataclasses import dataclass, field, replace

from shared.scheduler.action import Attempt, Outcome
from shared.scheduler.actions.by_type import ActionByType
from shared.wire.action import ALL_PAYLOADS
from tests.shared.scheduler.actions.calling import attempt


@dataclass
class Remembering:
    """Remembers what it was asked to do."""

    payloads: set[str] = field(default_factory=set)
    is_closed: bool = False

    async def execute(self, attempt: Attempt) -> Outcome:
        self.payloads |= attempt.action.keys()
        return Outcome(is_success=True, message="done")

    async def close(self) -> None:
        self.is_closed = True


async def test_each_attempt_goes_to_what_carries_out_its_type() -> None:
    http, storage_queue, service_bus = Remembering(), Remembering(), Remembering()
    action = ActionByType(http=http, storage_queue=storage_queue, service_bus=service_bus)

    for payload in ALL_PAYLOADS:
        outcome = await action.execute(replace(attempt("http://h/"), action={payload: {}}))
        assert outcome.is_success

    assert http.payloads == {"request"}
    assert storage_queue.payloads == {"queueMessage"}
    assert service_bus.payloads == {"serviceBusQueueMessage", "serviceBusTopicMessage"}


async def test_what_is_polled_is_http_whatever_the_job_does_by_now() -> None:
    http, queues = Remembering(), Remembering()
    action = ActionByType(http=http, storage_queue=queues, service_bus=queues)
    polled = replace(attempt("http://h/"), action={"queueMessage": {}}, poll_uri="http://h/1")

    await action.execute(polled)

    assert (http.payloads, queues.payloads) == ({"queueMessage"}, set())


async def test_all_are_closed() -> None:
    http, storage_queue, service_bus = Remembering(), Remembering(), Remembering()

    await ActionByType(http=http, storage_queue=storage_queue, service_bus=service_bus).close()

    assert [each.is_closed for each in (http, storage_queue, service_bus)] == [True] * 3
