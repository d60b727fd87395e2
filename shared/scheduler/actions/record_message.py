"""What the record of an HTTP attempt says, in the retired service's own words.

Clients take them apart, so the form is kept to the blank: .NET's names of status codes and failures, header lines that
end in CRLF, those about the content left out, values of repeated ones joined by commas. What is added: the header lines
end with `…` after 4,096 characters, and secrets are masked.
"""

import codecs
import re
from collections.abc import Sequence

from shared.errors import NoAnswer
from shared.scheduler.actions.echoes import Echoes

BODY_BYTES = 2048
HEADER_CHARACTERS = 4096

CONTENT_HEADERS = frozenset(
    {
        "allow",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "content-range",
        "content-type",
        "expires",
        "last-modified",
    }
)
CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9_\-]+)", re.IGNORECASE)
UTF_8 = "utf-8"
# Only these: a target may name any codec of Python's, also such as unpack or take for ever.
CHARSETS = {
    "big5": "big5",
    "euc-jp": "euc-jp",
    "euc-kr": "euc-kr",
    "gb18030": "gb18030",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
    "iso-8859-2": "iso-8859-2",
    "koi8-r": "koi8-r",
    "shift_jis": "shift_jis",
    "us-ascii": UTF_8,
    "utf-16": "utf-16le",  # https://encoding.spec.whatwg.org/#names-and-labels
    "utf-16be": "utf-16be",
    "utf-16le": "utf-16le",
    "windows-1250": "windows-1250",
    "windows-1251": "windows-1251",
    "windows-1252": "windows-1252",
}
# System.Net.HttpStatusCode as .NET 4 has it; other codes have no name there.
STATUS_NAMES = {
    100: "Continue",
    101: "SwitchingProtocols",
    200: "OK",
    201: "Created",
    202: "Accepted",
    203: "NonAuthoritativeInformation",
    204: "NoContent",
    205: "ResetContent",
    206: "PartialContent",
    300: "MultipleChoices",
    301: "MovedPermanently",
    302: "Found",
    303: "SeeOther",
    304: "NotModified",
    305: "UseProxy",
    306: "Unused",
    307: "TemporaryRedirect",
    400: "BadRequest",
    401: "Unauthorized",
    402: "PaymentRequired",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    407: "ProxyAuthenticationRequired",
    408: "RequestTimeout",
    409: "Conflict",
    410: "Gone",
    411: "LengthRequired",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    414: "RequestUriTooLong",
    415: "UnsupportedMediaType",
    416: "RequestedRangeNotSatisfiable",
    417: "ExpectationFailed",
    426: "UpgradeRequired",
    500: "InternalServerError",
    501: "NotImplemented",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
    505: "HttpVersionNotSupported",
}
# System.Net.WebExceptionStatus and its texts; the last two are ours.
FAILURES = {
    NoAnswer.NAME_NOT_RESOLVED: "NameResolutionFailure The remote name could not be resolved: '{host}'",
    NoAnswer.UNREACHABLE: "ConnectFailure Unable to connect to the remote server",
    NoAnswer.NOT_TRUSTED: "TrustFailure The underlying connection was closed: Could not establish trust relationship"
    " for the SSL/TLS secure channel: {reason}",
    NoAnswer.NO_SECURE_CHANNEL: "SecureChannelFailure The request was aborted: Could not create SSL/TLS secure channel",
    NoAnswer.CLOSED: "ConnectionClosed The underlying connection was closed: The connection was closed unexpectedly",
    NoAnswer.NOT_HTTP: "ServerProtocolViolation The server committed a protocol violation",
    NoAnswer.TIMEOUT: "Timeout The operation has timed out",
    NoAnswer.NOT_ALLOWED: "AddressNotAllowed {reason}; the setting TOCSIN_ALLOWED_NETWORKS opens networks",
    NoAnswer.NOT_SENDABLE: "RequestNotSendable The request cannot be sent as it is written: {reason}",
}

HeaderLines = Sequence[tuple[bytes, bytes]]


def failure_message(host: str, kind: NoAnswer, reason: str) -> str:
    failure = FAILURES[kind].format(host=host, reason=reason)
    return f"Http Action - Request to host '{host}' failed: {failure}"


def no_token_message(host: str, status: int, error: str) -> str:
    """`error` is what the authority says of why, in a word that says nothing else."""
    failure = f"TokenNotIssued The authority answered '{STATUS_NAMES.get(status, str(status))}'"
    return f"Http Action - Request to host '{host}' failed: {failure}{error and f': {error}'}"


def no_certificate_message(host: str) -> str:
    failure = FAILURES[NoAnswer.NO_SECURE_CHANNEL]
    return f"Http Action - Request to host '{host}' failed: {failure}: the client certificate cannot be used"


def no_location_message(host: str, reason: str) -> str:
    failure = f"LocationNotFollowed It was accepted, and the Location to ask {reason}"
    return f"Http Action - Request to host '{host}' failed: {failure}"


def response_message(
    host: str, status: int, header_lines: HeaderLines, body: bytes, echoes: Echoes
) -> str:
    """`body` is the beginning of the response's: its first 2,048 bytes are told."""
    name = STATUS_NAMES.get(status, str(status))
    headers = header_text(header_lines, echoes)
    content = body_text(body, charset_of(header_lines), echoes)
    return (
        f"Http Action - Response from host '{host}': '{name}'"
        f" Response Headers: {headers} Body: {content}"
    )


def header_text(lines: HeaderLines, echoes: Echoes) -> str:
    values: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for raw_name, raw_value in lines:
        name = readable(raw_name.decode("utf-8", "replace"))
        if name.lower() not in CONTENT_HEADERS:
            values.setdefault(names.setdefault(name.lower(), name), []).append(
                readable(raw_value.decode("utf-8", "replace"))
            )
    text = "".join(f"{name}: {', '.join(several)}\r\n" for name, several in values.items())
    if len(text) <= HEADER_CHARACTERS:
        return echoes.cut(text, len(text))
    return f"{echoes.cut(text, HEADER_CHARACTERS)}…\r\n"


def body_text(body: bytes, charset: str, echoes: Echoes) -> str:
    decoder = codecs.getincrementaldecoder(charset)("replace")
    # A character of which the limit takes a part is left out whole.
    kept = decoder.decode(body[:BODY_BYTES], final=len(body) <= BODY_BYTES)
    text = kept + decoder.decode(body[BODY_BYTES:], final=True)
    return readable(echoes.cut(text, len(kept)).removeprefix("\ufeff"))


def charset_of(lines: HeaderLines) -> str:
    for name, value in lines:
        if name.lower() == b"content-type" and (found := CHARSET.search(value.decode("latin-1"))):
            charset = found[1].lower()
            return CHARSETS.get(charset, UTF_8)
    return UTF_8


def readable(text: str) -> str:
    """Return `text` without NUL, which databases refuse."""
    return text.replace("\0", "\ufffd")
