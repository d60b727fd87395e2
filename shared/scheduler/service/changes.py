"""How a change happens: effect, record and wake-up in one transaction, whether or not the caller has asked before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.errors import Fault, InvalidRequestError, RequestError
from shared.scheduler.service.exchange import Answer, Request, refusal
from shared.scheduler.service.locking import lock_requests
from shared.scheduler.service.repeatability import KEPT
from shared.scheduler.store import SchedulerStore, StoredOperation
from shared.sql.database import Transaction
from shared.wire.operation import OperationStatus

GOES_ON = 202
KEPT_UNREPEATABLE = timedelta(hours=2)

# Checks first and raises RequestError, then writes: what it raises is recorded in the same transaction.
Effect = Callable[[Transaction], Answer]


@dataclass(frozen=True, slots=True)
class Change:
    """A request that changes something; `fingerprint` is there when it may come again."""

    request: Request
    effect: Effect
    fingerprint: str | None


class Changes:
    """Applies changes."""

    def __init__(self, store: SchedulerStore) -> None:
        self._store = store

    def apply(self, transaction: Transaction, changes: Sequence[Change]) -> list[Answer]:
        """Apply changes one after another; the work of one grouped transaction."""
        lock_requests(transaction, (change.request for change in changes))
        return [self._apply(transaction, change) for change in changes]

    def remember(self, transaction: Transaction, request_id: str, answer: Answer) -> None:
        """Have a request that comes again answered with `answer`, unless it already was with another one."""
        connection = transaction.connection
        known = self._store.operations.find(connection, request_id)
        if known is None or known.answer_status != GOES_ON:
            return
        answered = replace(
            known, answer_status=answer.status, answer_etag=answer.etag, answer_body=answer.body
        )
        self._store.operations.update(connection, answered)

    def _apply(self, transaction: Transaction, change: Change) -> Answer:
        if change.fingerprint is not None:
            request_id = change.request.id
            known = self._store.operations.find(transaction.connection, request_id)
            if known is not None:
                return answer_again(known, change)
        try:
            answer = change.effect(transaction)
        except RequestError as error:
            answer = refusal(error, path=change.request.path)
            if change.fingerprint is None:
                return answer
        self._record(transaction, change, answer)
        return answer

    def _record(self, transaction: Transaction, change: Change, answer: Answer) -> None:
        request, target = change.request, answer.target
        is_repeatable = change.fingerprint is not None
        self._store.operations.insert(
            transaction.connection,
            StoredOperation(
                id=request.id,
                subscription=request.subscription,
                endpoint=request.endpoint.name,
                status=status_of(answer),
                answer_status=answer.status,
                answer_etag=answer.etag,
                answer_body=answer.body if is_repeatable else None,
                error_status=answer.status if answer.error_code else None,
                error_code=answer.error_code,
                error_message=answer.error_message,
                request_fingerprint=change.fingerprint,
                cloud_service_id=target.cloud_service_id if target else None,
                job_collection_id=target.job_collection_id if target else None,
                argument=target.argument if target else None,
                kept_until=request.now + (KEPT if is_repeatable or target else KEPT_UNREPEATABLE),
            ),
        )
        if target is not None:
            now = request.now
            self._store.work.schedule(transaction, request.id, attempt=0, due_at=now, now=now)


def status_of(answer: Answer) -> OperationStatus:
    if answer.error_code is not None:
        return OperationStatus.FAILED
    return OperationStatus.IN_PROGRESS if answer.target else OperationStatus.SUCCEEDED


def answer_again(known: StoredOperation, change: Change) -> Answer:
    """Return what was answered before, unless this is another request under the same id."""
    if known.request_fingerprint != change.fingerprint:
        found = "was used for another request"
        raise InvalidRequestError([Fault("Repeatability-Request-ID", found)])
    # An operation that failed after its answer was accepted all the same.
    was_refused = known.answer_status >= 400
    return Answer(
        status=known.answer_status,
        body=known.answer_body or b"",
        etag=known.answer_etag,
        error_code=known.error_code if was_refused else None,
        error_message=known.error_message if was_refused else None,
    )
