"""The bare handlers: Starlette on the same server over the same TLS, answering bodies of the same size."""

import sys
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.cli.serving import end_asked, serving
from shared.host.server import Endpoint, run
from shared.tls_server import ServerContext

JSON = "application/json; charset=utf-8"


async def answer(request: Request) -> Response:
    """Read the body and answer with as many bytes as the path says."""
    await request.body()
    return Response(b"x" * int(request.path_params["size"]), media_type=JSON)


async def serve(port: int, certificate: Path) -> None:
    asked = end_asked()
    app = Starlette(routes=[Route("/{size}", answer, methods=["GET", "PUT"])])
    async with serving([Endpoint(app=app, port=port, tls=ServerContext(certificate))]):
        await asked.wait()


if __name__ == "__main__":
    run(serve(int(sys.argv[1]), Path(sys.argv[2])))
