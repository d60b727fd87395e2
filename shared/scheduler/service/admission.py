"""What is checked before an endpoint sees a request: URL, certificate, `x-ms-version`, route, names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.errors import Fault, InvalidRequestError, NotFoundError
from shared.scheduler.service.authentication import Authentication, check_version
from shared.wire.names import name_faults
from shared.wire.routing import Match, MethodNotAllowed, NotFound, service_router

MAX_URL = 8192


class Admission:
    """The front end's door."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication
        self._router = service_router()

    def admit(
        self, scope: Mapping[str, Any], path: str, headers: Mapping[bytes, bytes], *, now: datetime
    ) -> Match:
        """Return the endpoint and its names.

        Raises:
            AuthenticationError, NotFoundError.
            InvalidRequestError: with the code of the front end for version and verb.
        """
        if len(path) + len(scope["query_string"]) > MAX_URL:
            raise InvalidRequestError([Fault("URL", f"is longer than {MAX_URL} characters")])
        subscription = path.removeprefix("/").partition("/")[0]
        self._authentication.check(scope, subscription, now=now)
        check_version(headers.get(b"x-ms-version"))
        routed = self._router.match(scope["method"], path)
        match routed:
            case NotFound():
                raise NotFoundError("The resource was not found: no such path.")
            case MethodNotAllowed(allowed):
                found = f"must be one of {', '.join(sorted(allowed))} here"
                raise InvalidRequestError([Fault("method", found)], code="InvalidHttpVerb")
            case Match():
                return checked(routed)


def checked(match: Match) -> Match:
    if faults := name_faults(match.params, path="URL"):
        if "operation" in match.params:
            # A client polls with whatever id it was given; it is told that nothing has it.
            raise NotFoundError("The operation was not found: its id is no request id.")
        raise InvalidRequestError(faults)
    return match
