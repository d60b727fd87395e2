"""Whose an id of an event is: those that the connector makes itself, and those that name an operation."""

import re

from shared.events.event_types import EventType

END = "/end"
WORDS_OF_JOBS = "|".join(
    event_type.rpartition(".")[2]
    for event_type in EventType
    if event_type.startswith("tocsin.job.")
)
# An engine's own ids: (execution)/(action)/(try), (execution)/end, (request)/(job)/(word), (path of a job)/skipped/….
# A job may be called `tested` or `disabled`: what follows its name tells.
OF_THE_CONNECTOR = re.compile(
    r".*/rejected"
    r"|[^/]+/.+/deadlettered/[0-9]+/[0-9]+"
    r"|[^/]+/disabled/[0-9]+"
    rf"|[^/]+/tested/(?!(?:{WORDS_OF_JOBS})\Z)[^/]+"
    r"|/cloudservices/[^/]+/jobcollections/[^/]+/jobs/[^/]+/(?!skipped/).+",
    re.DOTALL,
)


def end_id(operation_id: str) -> str:
    """Return the id of the event that tells of an operation's end."""
    return f"{operation_id}{END}"


def named_operation(event_id: str) -> str | None:
    """Return the operation whose end an event of this id would tell, if there is such an operation."""
    return event_id.removesuffix(END) if event_id.endswith(END) else None


def is_of_the_connector(event_id: str) -> bool:
    """Whether the connector tells with ids of this form: rejections, dead letters, what befell event subscriptions,
    and the history of a Scheduler that it asks."""
    return OF_THE_CONNECTOR.fullmatch(event_id) is not None
