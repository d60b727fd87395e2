from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.outbound.guard import AddressGuard

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:a9fe:a9fe",
    "::8.8.8.8",
    "64:ff9b::808:808",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "",
]
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


@pytest.mark.parametrize("address", REFUSED)
def test_p9_what_is_not_public_is_refused(address: str) -> None:
    assert not AddressGuard().allows(address)


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
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1:8080/",
        "http://999.1.1.1/",
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
