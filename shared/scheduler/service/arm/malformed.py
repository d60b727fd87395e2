"""What is wrong with a body, in the words and places of ARM."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Fault, InvalidRequestError
from shared.scheduler.service.arm.gateway_errors import content_invalid
from shared.wire.arm_job import NoResourceError
from shared.wire.json_types import JsonObject, parse_json

MALFORMED_JOB = Fault("$", "Malformed Job Object.", is_sentence=True)


def read_object(content: bytes) -> JsonObject:
    """Return the JSON object that a body is.

    Raises:
        RequestError: it is none.
    """
    try:
        document = parse_json(content)
    except InvalidRequestError as error:
        raise content_invalid(error.faults[0].message) from None
    if not isinstance(document, dict):
        raise content_invalid("it must be a JSON object")
    return document


@contextmanager
def below_properties() -> Iterator[None]:
    """Have faults of what stands below `properties` say so."""
    try:
        yield
    except NoResourceError:
        raise
    except InvalidRequestError as error:
        raise InvalidRequestError([moved(fault) for fault in error.faults]) from None


@contextmanager
def malformed_job() -> Iterator[None]:
    """Have faults of a job begin as the retired service's, unless a sentence of its own says it all."""
    try:
        with below_properties():
            yield
    except InvalidRequestError as error:
        if all(fault.is_sentence for fault in error.faults):
            raise
        raise InvalidRequestError([MALFORMED_JOB, *error.faults]) from None


def moved(fault: Fault) -> Fault:
    if fault.is_sentence or not fault.path.startswith("$"):
        return fault
    return Fault(f"$.properties{fault.path[1:]}", fault.message)
