"""A caller of the Scheduler service itself, with the client certificate or without."""

import ssl

import aiohttp

from shared.client.scheduler import SERVICE_VERSION
from shared.development_certificates import DevelopmentCertificates
from shared.tls import client_context
from shared.wire.errors import read_error


async def knock(
    url: str, *, subscription: str, certificates: DevelopmentCertificates, is_known: bool
) -> str:
    """List the cloud services; returns the status, and the error's code where there is one."""
    if is_known:
        context = client_context(certificates.client.read_bytes(), authority=certificates.authority)
    else:
        context = ssl.create_default_context(cafile=certificates.authority)
    async with (
        aiohttp.ClientSession(headers={"x-ms-version": SERVICE_VERSION}) as session,
        session.get(f"{url}/{subscription}/cloudservices", ssl=context) as response,
    ):
        error = read_error(await response.read())
        return f"{response.status} {error.code}" if error else str(response.status)
