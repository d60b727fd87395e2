from ipaddress import IPv4Network

import pytest

from shared.events.connection_strings import fault_of_connection_string
from shared.outbound.guard import AddressGuard

OPENED = AddressGuard([IPv4Network("127.0.0.0/8")])
KEY = "SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0="
EMULATOR = "UseDevelopmentEmulator=true"


@pytest.mark.parametrize(
    "text",
    [
        f"Endpoint=sb://ns1.servicebus.windows.net/;{KEY}",
        f"Endpoint=sb://NS-1.ServiceBus.windows.net;{KEY};",
        f"{KEY};Endpoint=sb://ns1.servicebus.chinacloudapi.cn/",
        f"Endpoint=sb://ns1.servicebus.usgovcloudapi.net/;{KEY}",
        "Endpoint=sb://ns1.servicebus.windows.net/;SharedAccessSignature=SharedAccessSignature sr=a&sig=b",
        f"Endpoint=sb://localhost;{KEY};{EMULATOR}",
        f"Endpoint=sb://127.0.0.1:5690;{KEY};{EMULATOR}",
    ],
)
def test_what_the_portal_and_the_emulator_give_out_is_right(text: str) -> None:
    assert fault_of_connection_string(text, guard=OPENED) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "NAME=VALUE"),
        ("s3cret", "NAME=VALUE"),
        (f"Endpoint=sb://ns1.servicebus.windows.net/;{KEY};EntityPath=q", "NAME=VALUE"),
        (f"Endpoint=sb://ns1.servicebus.windows.net/;{KEY};{KEY}", "each once"),
        ("Endpoint=sb://ns1.servicebus.windows.net/;SharedAccessKeyName=send", "SharedAccessKey"),
        ("Endpoint=sb://ns1.servicebus.windows.net/;SharedAccessKeyName=;SharedAccessKey=x", "must hold"),
        (KEY, "Endpoint"),
        (f"Endpoint=sb://example.org/;{KEY}", "Endpoint"),
        (f"Endpoint=sb://servicebus.windows.net.example.org/;{KEY}", "Endpoint"),
        (f"Endpoint=sb://ns1.servicebus.windows.net:5671/;{KEY}", "Endpoint"),
        (f"Endpoint=sb://example.org/.servicebus.windows.net/;{KEY}", "Endpoint"),
        (f"Endpoint=https://ns1.servicebus.windows.net/;{KEY}", "Endpoint"),
        (f"Endpoint=sb://127.0.0.1:5690;{KEY}", "Endpoint"),
        (f"Endpoint=sb://ns1.servicebus.windows.net/;{KEY};{EMULATOR}", "this machine"),
        (f"Endpoint=sb://10.0.0.1;{KEY};{EMULATOR}", "this machine"),
        (f"Endpoint=sb://127.1;{KEY};{EMULATOR}", "this machine"),
        (f"Endpoint=sb://localhost;{KEY};UseDevelopmentEmulator=True", "true"),
        (f"Endpoint=sb://ns1.servicebus.windows.net/;{KEY}\n", "printable"),
        (f"Endpoint=sb://ns1.servicebus.windows.net/;{KEY}\u00e9", "printable"),
    ],
)  # fmt: skip
def test_p9_anything_else_is_told_without_what_was_given(text: str, told: str) -> None:
    fault = fault_of_connection_string(text, guard=OPENED)

    assert fault is not None
    assert told in fault
    assert "s3cret" not in fault
    assert "c2VjcmV0" not in fault


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_p9_the_emulator_is_reached_only_where_the_operator_allows_it(host: str) -> None:
    text = f"Endpoint=sb://{host};{KEY};{EMULATOR}"

    assert "this machine" in str(fault_of_connection_string(text, guard=AddressGuard()))
