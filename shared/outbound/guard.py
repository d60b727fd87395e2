"""Where outbound HTTP may go (P9): public addresses, and the networks that the operator opened.

An IPv6 address that carries an IPv4 address goes where a translator or a tunnel takes that one. So it must be allowed
itself, and what it carries must be too: whoever opens `64:ff9b::/96`, of which DNS64 makes every address, has not
opened the metadata service behind it. To open an IPv4 network opens none of its forms in IPv6.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import idna

SCHEMES = frozenset({"http", "https"})
LOOPBACK_NAME = "localhost"
LONGEST_HOST = 253
LONGEST_LABEL = 63

# https://www.iana.org/assignments/iana-ipv4-special-registry, and the two addresses of cloud platforms in public space.
REFUSED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform address: DHCP, DNS, health and guest agent
        "169.254.0.0/16",  # link-local, and in it the metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
# Only global unicast is public: this leaves out ::1, ::, mapped IPv4, NAT64, unique-local, link-local, multicast.
# A NAT64 prefix of a network's own lies in it, and only its operator can tell.
PUBLIC_IPV6 = IPv6Network("2000::/3")
REFUSED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo and other protocols that carry addresses inside
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",
    )
)

CARRIERS_IN_THE_LAST_32_BITS = tuple(
    IPv6Network(network)
    for network in (
        "::/96",  # IPv4-compatible (RFC 4291, 2.5.5.1)
        "::ffff:0:0/96",  # IPv4-mapped (2.5.5.2)
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # NAT64 of a network's own (RFC 8215), by prefixes of 96 bits
    )
)
# Interface identifiers of ISATAP (RFC 5214, 6.1), the universal bit set or not.
ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
NOT_CARRIERS = frozenset({IPv6Address("::"), IPv6Address("::1")})
LOW_32 = 0xFFFF_FFFF

Network = IPv4Network | IPv6Network


class AddressRefusedError(OSError):
    """The guard does not let us there."""


class AddressGuard:
    """Judges addresses; `allowed` opens networks that are refused otherwise."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def allows(self, address: str) -> bool:
        """Whether `address`, as it is about to be dialled, may be."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, IPv4Address):
            return self._opens(parsed) or is_public(parsed)
        if parsed.scope_id is not None and not parsed.is_link_local:
            return False  # a zone is for link-local addresses, and elsewhere another spelling that hides something
        return (self._opens(parsed) or is_public(parsed)) and all(
            self._opens(carried) or is_public(carried) for carried in carried_by(parsed)
        )

    def _opens(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._allowed)

    def fault_of_url(self, url: str) -> str | None:
        """Return what is wrong with `url` as far as it shows without looking its name up; None when nothing is."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            return f"is no URL: {error}"
        if parts.scheme not in SCHEMES:
            return "must begin with http:// or https://"
        if not host or port == 0 or not is_plain(url):
            return "must have a host and no spaces or control characters"
        if "@" in parts.netloc:
            return "must not hold a user name or password"
        return self._fault_of_host(host.removesuffix("."))

    def _fault_of_host(self, host: str) -> str | None:
        looked_up = host if is_literal(host) else name_of(host)
        if looked_up is None:
            return "must have a host that can exist"
        if is_literal(
            looked_up
        ):  # perhaps only now: dots and letters of other scripts can stand for ours
            return None if self.allows(looked_up) else f"leads to {host}, which is not allowed"
        if looked_up == LOOPBACK_NAME or looked_up.endswith(f".{LOOPBACK_NAME}"):
            opened = self.allows("127.0.0.1") or self.allows("::1")
            return None if opened else f"leads to {host}, which is not allowed"
        return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_IPV4)
    if address not in PUBLIC_IPV6:
        return False
    return not any(address in network for network in REFUSED_IPV6)


def carried_by(address: IPv6Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that `address` carries; Teredo has two, the server's and the client's."""
    if address in NOT_CARRIERS:
        return
    number = int(address)
    low = IPv4Address(number & LOW_32)
    if any(address in network for network in CARRIERS_IN_THE_LAST_32_BITS):
        yield low
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if (number >> 32) & LOW_32 in ISATAP:
        yield low


def is_plain(url: str) -> bool:
    return url.isprintable() and " " not in url and "\\" not in url


def is_literal(host: str) -> bool:
    """A host whose last label begins with a digit is an IPv4 address or nothing (https://url.spec.whatwg.org).

    Old forms such as 127.1 and 2130706433 are no addresses here, so nothing but the address itself is judged.
    """
    return ":" in host or host.rpartition(".")[2][:1].isdigit()


def name_of(host: str) -> str | None:
    """Return `host`, without its last dot, as it is looked up; None when no such name can exist."""
    if len(host) > LONGEST_HOST:
        return None
    try:
        name = host if host.isascii() and "xn--" not in host else encoded(host)
    except UnicodeError:
        return None
    return name if all(0 < len(label) <= LONGEST_LABEL for label in name.split(".")) else None


def encoded(host: str) -> str:
    """Return an international name as it is looked up.

    Raises:
        UnicodeError: neither IDNA 2008 nor, which still has names in use that it dropped, IDNA 2003 knows it.
    """
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        old = host.encode("idna")
        old.decode("idna")
        return old.decode()
