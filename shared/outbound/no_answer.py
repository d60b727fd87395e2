"""Why a request got no answer, in our words: nothing of aiohttp leaves this package."""

import ssl

import aiohttp

from shared.errors import NoAnswer, NoAnswerError
from shared.outbound.connection import EndlessAnswerError
from shared.outbound.guard import AddressRefusedError

# The first that fits; what fits none was broken off.
KINDS = (
    (aiohttp.ClientConnectorDNSError, NoAnswer.NAME_NOT_RESOLVED),
    (aiohttp.ClientConnectorCertificateError, NoAnswer.NOT_TRUSTED),
    (aiohttp.ClientConnectorSSLError, NoAnswer.NO_SECURE_CHANNEL),
    (aiohttp.ClientConnectorError, NoAnswer.UNREACHABLE),
    (aiohttp.ClientResponseError | EndlessAnswerError, NoAnswer.NOT_HTTP),
    (aiohttp.NonHttpUrlClientError | ValueError, NoAnswer.NOT_SENDABLE),
)


def no_answer(error: Exception) -> NoAnswerError:
    """Return what to raise in place of what aiohttp, a socket or the TLS layer raised."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return NoAnswerError(reason_of(cause), kind=kind_of(error, cause))


def kind_of(error: Exception, cause: Exception) -> NoAnswer:
    if isinstance(cause, AddressRefusedError):
        return NoAnswer.NOT_ALLOWED
    return next((kind for classes, kind in KINDS if isinstance(error, classes)), NoAnswer.CLOSED)


def reason_of(cause: Exception) -> str:
    """Return why there was no answer, without the URL: its query may hold a token."""
    if isinstance(cause, AddressRefusedError | EndlessAnswerError):
        return str(cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, OSError) and cause.strerror:
        return f"{type(cause).__name__}: {cause.strerror}"
    return type(cause).__name__
