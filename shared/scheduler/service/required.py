"""Parameters of the query that a request of the front end must have; their names are read ignoring case."""

from shared.errors import Fault, InvalidRequestError
from shared.scheduler.service.exchange import Request
from shared.scheduler.service.paging import read_query


def required(request: Request, name: str) -> str:
    """Return the value of a parameter.

    Raises:
        InvalidRequestError: it is missing or empty.
    """
    value = read_query(request.query).get(name.lower(), "").strip()
    if not value:
        raise invalid_parameter(name, "is required")
    return value


def invalid_parameter(name: str, found: str) -> InvalidRequestError:
    return InvalidRequestError([Fault(name, found)], code="MissingOrInvalidRequiredQueryParameter")
