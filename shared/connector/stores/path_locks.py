"""What acceptance, every end, cancel and every later step of a release lock first, so that no end misses a wait that
was just written (DESIGN §7).

Paths below one cloud service share nothing with those below another: each has a lock of its own. What lies elsewhere
may be above any of them: it takes the subscription's lock exclusively, and all others share that.
"""

from collections.abc import Iterable

from shared.sql.database import Transaction
from shared.sql.locks import lock_in_order

SUBSCRIPTION = "operations"


def lock_paths(
    transaction: Transaction, paths: Iterable[str], *, keys: Iterable[tuple[str, str]] = ()
) -> None:
    """Lock ordering paths, and request keys with their callers; all that a transaction needs, in one call."""
    if transaction.connection.dialect.name == "sqlite":
        return  # and the paths need not be looked up
    services: set[str] = set()
    is_alone = False
    for path in paths:
        service = cloud_service_of(path)
        if service is None:
            is_alone = True
        else:
            services.add(service)
    exclusive = [f"{SUBSCRIPTION}/{service}" for service in services]
    exclusive += [f"{SUBSCRIPTION}?{caller}?{key}" for caller, key in keys]
    if is_alone:
        lock_in_order(transaction, exclusive=[SUBSCRIPTION, *exclusive])
    elif exclusive:
        lock_in_order(transaction, exclusive=exclusive, shared=[SUBSCRIPTION])


def cloud_service_of(path: str) -> str | None:
    """Return the name of the cloud service that an ordering path lies in, itself included."""
    match path.split("/"):
        case ["", "cloudservices", str(name), *rest] if name and rest:
            return name
    return None
