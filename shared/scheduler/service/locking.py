"""What a change locks before it looks, so that what it finds is still so when it commits.

Names, numbers and plans of a subscription are counted together: whoever changes its cloud services or collections is
alone in it. Changes of jobs are alone in their collection only.
"""

from collections.abc import Iterable

from shared.scheduler.service.exchange import Request
from shared.sql.database import Transaction
from shared.sql.locks import lock_in_order


def lock_requests(transaction: Transaction, requests: Iterable[Request]) -> None:
    """Lock what these requests are about, and those themselves that may be sent twice; all in one call."""
    exclusive: list[str] = []
    shared: list[str] = []
    for request in requests:
        subscription = name_of(request.subscription)
        if request.is_repeatable:
            exclusive.append(f"request/{request.id}")
        if is_of_job(request):
            shared.append(subscription)
            names = (request.params["cloud_service"], request.params["job_collection"])
            exclusive.append("/".join((subscription, *names)).lower())
        else:
            exclusive.append(subscription)
    lock_in_order(transaction, exclusive=exclusive, shared=shared)


def is_of_job(request: Request) -> bool:
    return "job" in request.params or request.endpoint.name == "CreateJob"


def lock_subscription(transaction: Transaction, subscription: str) -> None:
    """Be alone in a subscription."""
    lock_in_order(transaction, exclusive=[name_of(subscription)])


def name_of(subscription: str) -> str:
    return f"scheduler/{subscription.lower()}"
