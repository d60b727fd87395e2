from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.outbound.guard import AddressGuard
from tests.shared.outbound.refused_addresses import NO_ADDRESSES, REFUSED

EVERYTHING_ELSE = REFUSED | NO_ADDRESSES

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.3.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "2001:4860:4860::8888",
]


@pytest.mark.parametrize("address", EVERYTHING_ELSE.values(), ids=EVERYTHING_ELSE)
def test_p9_what_is_not_public_is_refused_however_it_is_written(address: str) -> None:
    guard = AddressGuard()
    host = f"[{address}]" if ":" in address else address

    assert not guard.allows(address)
    for url in (f"http://{host}/", f"https://{host}:8443/hook", f"http://{host.upper()}"):
        assert guard.fault_of_url(url)


@pytest.mark.parametrize("address", PUBLIC)
def test_p9_what_is_public_is_allowed(address: str) -> None:
    assert AddressGuard().allows(address)


def test_p9_an_allowed_network_opens_itself_and_nothing_else() -> None:
    guard = AddressGuard([IPv4Network("10.1.0.0/16"), IPv6Network("fd12::/16")])

    assert guard.allows("10.1.2.3")
    assert guard.allows("fd12::1")
    assert not guard.allows("10.2.0.1")
    assert not guard.allows("::ffff:10.1.2.3")
    assert not guard.allows("fd13::1")


@pytest.mark.parametrize(
    ("opened", "carrier"),
    [
        ("::ffff:0:0/96", "::ffff:{}"),
        ("64:ff9b::/96", "64:ff9b::{}"),
        ("64:ff9b:1::/48", "64:ff9b:1::{}"),
        ("::ffff:0:0:0/96", "::ffff:0:{}"),
        ("::/96", "::{}"),
        ("fd00::/8", "fd00::5efe:{}"),
    ],
)
def test_p9_what_carries_an_address_must_be_open_and_so_must_what_it_carries(
    opened: str, carrier: str
) -> None:
    carriers, private = IPv6Network(opened), IPv4Network("10.1.0.0/16")

    assert AddressGuard([carriers]).allows(carrier.format("8.8.8.8"))
    for inside in ("10.1.2.3", "169.254.169.254", "127.0.0.1"):
        assert not AddressGuard([carriers]).allows(carrier.format(inside))
    assert AddressGuard([carriers, private]).allows(carrier.format("10.1.2.3"))
    assert not AddressGuard([private]).allows(carrier.format("10.1.2.3"))


@pytest.mark.parametrize(
    ("opened", "public", "private"),
    [
        ("2002::/16", "2002:808:808::1", "2002:a01:203::1"),
        # Server 65.54.227.120; the client's address has every bit turned.
        ("2001::/32", "2001:0:4136:e378::f7f7:f7f7", "2001:0:4136:e378::f5fe:fdfc"),
        ("2001::/32", "2001:0:4136:e378::f7f7:f7f7", "2001:0:a01:203::f7f7:f7f7"),
    ],
)
def test_p9_the_ends_of_a_tunnel_are_judged_too(opened: str, public: str, private: str) -> None:
    guard = AddressGuard([IPv6Network(opened)])

    assert guard.allows(public)
    assert not guard.allows(private)


def test_p9_a_zone_is_for_link_local_addresses_alone() -> None:
    guard = AddressGuard([IPv6Network("fe80::/10"), IPv6Network("fd12::/16")])

    assert guard.allows("fe80::1%eth0")
    assert not guard.allows("fd12::1%eth0")


@given(st.integers(0, 2**32 - 1))
def test_p9_nothing_is_public_that_python_calls_private(value: int) -> None:
    address = ip_address(value)

    if AddressGuard().allows(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(st.integers(0, 2**128 - 1) | st.integers(2**125, 2**126 - 1))
def test_p9_nothing_of_ipv6_is_public_that_python_calls_private(value: int) -> None:
    address = ip_address(f"{value >> 112:x}::") if value < 2**32 else ip_address(value)

    if AddressGuard().allows(str(address)):
        assert address.is_global


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hook",
        "http://example.org",
        "https://example.org:8443/a?b=c",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://xn--bcher-kva.example/",
        "https://10.example.org/",
        "https://example.org./",
        "https://bücher.example/",
        "https://xn--strae-oqa.example/",
        "https://xn--ls8h.example/",
        "https://my_host.example/",
        f"https://{'a' * 63}.example/",
    ],
)
def test_p9_a_public_url_has_no_fault(url: str) -> None:
    assert AddressGuard().fault_of_url(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "ftp://example.org/",
        "file:///etc/passwd",
        "unix:/run/docker.sock",
        "ws://example.org/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user@example.org/",
        "https://user:secret@example.org/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org/a b",
        "https://example.org\\@127.0.0.1/",
        "https://example.org/\r\nX: y",
        "https://[::1",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
        "http://a。localhost/",
        "http://ａ.127。0。0。1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1:8080/",
        "http://[fe80::1%25eth0]/",
        "http://[2606:4700:4700::1111%25lo]/",
        "http://./",
        "http://a..b/",
        "http://.example.org/",
        "http://example.org../",
        "http://a。。b/",
        f"http://{'a' * 64}.example/",
        f"http://{'ü' * 63}.example/",
        f"http://{'a.' * 126}ab/",
        "http://xn--a/",
        "http://www.xn--a.example/",
    ],
)
def test_p9_a_url_that_leads_elsewhere_has_a_fault(url: str) -> None:
    assert AddressGuard().fault_of_url(url)


@pytest.mark.parametrize("url", ["http://localhost:8080/", "http://127.0.0.1/", "http://[::1]/"])
def test_p9_loopback_can_be_opened(url: str) -> None:
    guard = AddressGuard([IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")])

    assert guard.fault_of_url(url) is None


@given(st.text(max_size=40))
def test_p10_no_text_breaks_the_check(text: str) -> None:
    AddressGuard().fault_of_url(text)
    AddressGuard().fault_of_url(f"http://{text}")
    AddressGuard().allows(text)
