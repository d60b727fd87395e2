from socket import create_server

from shared.cli.demo.ports import LISTENABLE, Ports, free_ports
from tests import ports


def test_ports_in_use_are_passed_over() -> None:
    first = ports.free_port()
    others = [ports.free_port() for _ in range(4)]
    with create_server(("127.0.0.1", first)):
        found = free_ports([first, *others])

    assert found == Ports(host=others[0], scheduler=others[1], receiver=others[2], broker=others[3])


def test_ports_are_none_that_a_system_hands_to_outgoing_connections() -> None:
    found = free_ports()
    numbers = {found.host, found.scheduler, found.receiver, found.broker}

    assert len(numbers) == 4
    assert numbers <= set(LISTENABLE)
