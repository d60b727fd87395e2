"""Connection strings of Service Bus namespaces that callers give us: whether they lead where they may (P9)."""

import re
from ipaddress import ip_address

from shared.outbound.guard import LOOPBACK_NAME, AddressGuard

ENDPOINT, KEY_NAME, KEY = "Endpoint", "SharedAccessKeyName", "SharedAccessKey"
SIGNATURE, EMULATOR = "SharedAccessSignature", "UseDevelopmentEmulator"
KNOWN = frozenset({ENDPOINT, KEY_NAME, KEY, SIGNATURE, EMULATOR})
# https://learn.microsoft.com/azure/developer/python/sdk/authentication/national-cloud; China's is its own.
DOMAINS = (
    "servicebus.windows.net",
    "servicebus.usgovcloudapi.net",
    "servicebus.chinacloudapi.cn",
)
NAMESPACE = re.compile(
    rf"sb://[A-Za-z0-9](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.(?:{'|'.join(map(re.escape, DOMAINS))})/?",
    re.IGNORECASE,
)
EMULATED = re.compile(r"sb://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.]+)(?::[0-9]{1,5})?/?")


def fault_of_connection_string(text: str, *, guard: AddressGuard) -> str | None:
    """Return what is wrong with a connection string, nothing of which is in the answer; None when nothing is.

    The SDK ignores what it does not know and drops the port of what is no emulator; here both are faults.
    """
    if not (text.isascii() and text.isprintable()):
        return "must be printable ASCII"
    members = [part.partition("=") for part in text.strip(";").split(";")]
    names = [name for name, _, _ in members]
    if not KNOWN.issuperset(names) or len(set(names)) != len(names):
        return f"must be NAME=VALUE;…, each once, of {', '.join(sorted(KNOWN))}"
    given = {name: value for name, _, value in members if value}
    if SIGNATURE not in given and not {KEY_NAME, KEY} <= given.keys():
        return f"must hold {KEY_NAME} and {KEY}, or {SIGNATURE}"
    return fault_of_endpoint(given.get(ENDPOINT, ""), given.get(EMULATOR), guard)


def fault_of_endpoint(endpoint: str, emulator: str | None, guard: AddressGuard) -> str | None:
    if emulator is None:
        known = NAMESPACE.fullmatch(endpoint)
        return None if known else f"must have an Endpoint sb://NAME.{DOMAINS[0]}/"
    if emulator != "true":
        return f"must have no {EMULATOR}, or the value true for it"
    host = EMULATED.fullmatch(endpoint)
    if host is None or not is_loopback(host[1].strip("[]"), guard):
        return (
            f"must have an Endpoint of this machine's where {EMULATOR} is true, and be allowed to"
        )
    return None


def is_loopback(host: str, guard: AddressGuard) -> bool:
    """Whether `host` is this machine, and the operator opened the way to it."""
    if host.lower() == LOOPBACK_NAME:
        return guard.allows("127.0.0.1")
    try:
        return ip_address(host).is_loopback and guard.allows(host)
    except ValueError:
        return False
