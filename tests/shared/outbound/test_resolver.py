import socket
from datetime import timedelta
from ipaddress import IPv4Network

import pytest

from shared.errors import NoAnswer, NoAnswerError
from shared.outbound.guard import AddressGuard
from shared.outbound.lookups import Found, Lookups
from shared.outbound.session import OutboundSession
from tests.shared.outbound.refused_addresses import REFUSED
from tests.target_server import serving

LIMIT = timedelta(seconds=5)
ONLY = AddressGuard([IPv4Network("127.0.0.1/32")])


async def get(session: OutboundSession, url: str) -> int:
    return (await session.request("GET", url, body=None, headers={}, time_limit=LIMIT)).status


def leading_to(*answers: list[str]) -> Lookups:
    """Names lead to these addresses, at each lookup to the next; there is one for each."""
    left = iter(answers)

    def look_up(host: str) -> Found:
        return tuple(
            (socket.AF_INET6 if ":" in address else socket.AF_INET, address)
            for address in next(left)
        )

    return Lookups(look_up)


async def test_p9_a_name_that_leads_to_what_is_not_public_leads_nowhere() -> None:
    session = OutboundSession(
        AddressGuard(), lookups=leading_to(*([one] for one in REFUSED.values()))
    )
    for number, what in enumerate(REFUSED):
        with pytest.raises(NoAnswerError) as caught:
            await get(session, f"http://name{number}.example/")

        assert (what, caught.value.kind) == (what, NoAnswer.NOT_ALLOWED)
    await session.close()


async def test_p9_the_address_that_was_checked_is_the_one_that_is_dialled() -> None:
    """The name leads elsewhere at the next look, as of one who wants to be checked as one and dialled as the other."""
    session = OutboundSession(ONLY, lookups=leading_to(["127.0.0.1"], ["127.0.0.2"]))
    async with serving(
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    ) as server:
        url = f"http://rebinding.example:{server.port}/"
        assert await get(session, url) == 200
        assert server.connections == 1

    # aiohttp keeps the answer of a lookup for ten seconds; another port is another name to it.
    with pytest.raises(NoAnswerError) as caught:
        await get(session, "http://rebinding.example:1/")
    assert caught.value.kind == NoAnswer.NOT_ALLOWED
    assert "127.0.0.2" in caught.value.message
    await session.close()


async def test_p9_of_several_addresses_the_private_ones_are_passed_over() -> None:
    session = OutboundSession(
        ONLY, lookups=leading_to(["10.0.0.1", "::1", "127.0.0.2", "127.0.0.1", "169.254.169.254"])
    )
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as server:
        assert await get(session, f"http://several.example:{server.port}/") == 200

    await session.close()
