"""The Scheduler service over HTTP, where the platform serves it: every path and method, certificates in a header.

Nobody else checks a caller here (the level is anonymous): the service does, as everywhere. The app setting
`AzureFunctionsJobHost__extensions__http__routePrefix` must be empty, since its paths begin with the subscription.
"""

import azure.functions as func

from functions.asgi_call import call_asgi
from shared.bootstrap import application

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # azure-functions types it not


@blueprint.function_name("serve_scheduler")
@blueprint.route("{*path}", methods=[*func.HttpMethod], auth_level=func.AuthLevel.ANONYMOUS)
async def serve_scheduler(req: func.HttpRequest) -> func.HttpResponse:
    return await call_asgi((await application()).scheduler.service, req)
