"""Changes of resources over HTTP: accepted as commands, answered 202."""

from collections.abc import Sequence

import azure.functions as func

from functions.callers import caller
from functions.rendering import accepted, answering, command_of, commands_of
from shared.bootstrap import application
from shared.errors import Fault, InvalidRequestError
from shared.trace_context import TRACEPARENT
from shared.wire.commands import Command
from shared.wire.preferences import preferred_wait

CORRELATION_ID = "x-ms-correlation-request-id"
LONGEST_CORRELATION_ID = 256
"""As long as an attribute of an event may be."""

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("change_resource")
@blueprint.route("cloudservices/{*path}", methods=["PUT", "PATCH", "POST", "DELETE"])
@answering
async def change_resource(req: func.HttpRequest) -> func.HttpResponse:
    return await accept(req, [command_of(req)], many=False)


@blueprint.function_name("change_provider")
@blueprint.route("providers/{*path}", methods=["POST"])
@answering
async def change_provider(req: func.HttpRequest) -> func.HttpResponse:
    return await accept(req, [command_of(req)], many=False)


@blueprint.function_name("entitle_resource")
@blueprint.route("entitlements", methods=["POST"])
@answering
async def entitle_resource(req: func.HttpRequest) -> func.HttpResponse:
    return await accept(req, [command_of(req)], many=False)


@blueprint.function_name("submit_commands")
@blueprint.route("commands", methods=["POST"])
@answering
async def submit_commands(req: func.HttpRequest) -> func.HttpResponse:
    commands, many = commands_of(req)
    return await accept(req, commands, many=many)


async def accept(
    req: func.HttpRequest, commands: Sequence[Command], *, many: bool
) -> func.HttpResponse:
    """Accept all or none, and answer how far they are, at their end if the caller would wait for it."""
    app = await application()
    operations = await app.connector.accept(
        commands,
        caller=caller(),
        key=req.headers.get("idempotency-key"),
        correlation_id=correlation_id_of(req),
        traceparent=req.headers.get(TRACEPARENT),
    )
    wait = preferred_wait(req.headers.get("prefer", ""))
    if wait is not None:
        operations = await app.connector.wait([one.id for one in operations], within=wait)
    return accepted(req, operations, waited=wait, public_url=app.settings.public_url, many=many)


def correlation_id_of(req: func.HttpRequest) -> str | None:
    """Raises InvalidRequestError for what no event could have as it is."""
    given: str | None = req.headers.get(CORRELATION_ID)
    if given and not (given.isprintable() and len(given) <= LONGEST_CORRELATION_ID):
        raise InvalidRequestError(
            [
                Fault(
                    CORRELATION_ID,
                    f"must have at most {LONGEST_CORRELATION_ID} characters, all of them printable",
                )
            ]
        )
    return given
