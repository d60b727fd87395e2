"""`tocsin scheduler`, first half: read the options and make the data folder ready.

Then it becomes `shared.cli.scheduler_stack`, which stays.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict

from shared.cli.becoming import become, make_tables
from shared.cli.options import Reading, read_port
from shared.cli.scheduler_folder import SchedulerFolder
from shared.clock import SystemClock
from shared.settings import SUBSCRIPTION_ID
from shared.tls import load_certificates
from shared.wire.times import parse_instant

FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(9000, 1, 1, tzinfo=UTC)
"""There is room behind it for everything that is planned ahead."""


class SubscriptionCertificate(BaseModel):
    """A management certificate to be uploaded at the start unless it was revoked, and the subscription whose it is."""

    model_config = ConfigDict(frozen=True)

    subscription: str
    path: Path


class SchedulerOptions(BaseModel):
    """What the command line asks for; `clock` is where the service's clock starts, None for the machine's own."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    port: int
    certificates: tuple[SubscriptionCertificate, ...] = ()
    clock: datetime | None = None
    networks: tuple[str, ...] = ()


def start(options: SchedulerOptions) -> NoReturn:
    """Become the service.

    Raises:
        ConfigurationError: the folder is in use or cannot be written.
    """
    folder = SchedulerFolder(options.folder)
    is_new = not folder.database.exists()
    # The key comes before the database: a start that ends between the two goes on with it.
    folder.prepare(now=SystemClock().now(), makes_key=is_new)
    if is_new:
        make_tables(folder.path)
    become("shared.cli.scheduler_stack", options.model_dump_json())


def read_options(
    *,
    data: Path,
    listen: str,
    subscriptions: Sequence[str],
    clock: str | None,
    networks: Sequence[str],
) -> SchedulerOptions:
    """Return what the options say; paths become absolute.

    Raises:
        ConfigurationError: with everything that is wrong with them.
    """
    reading = Reading()
    port = reading.take("--listen", listen, read_port)
    certificates = [
        reading.take("--subscription", each, read_certificate) for each in subscriptions
    ]
    starts_at = None if clock is None else reading.take("--clock", clock, read_clock)
    for each in networks:
        reading.take("--allow-network", each, ip_network)
    reading.check()
    assert port is not None
    return SchedulerOptions(
        folder=data.resolve(),
        port=port,
        certificates=tuple(each for each in certificates if each is not None),
        clock=starts_at,
        networks=tuple(networks),
    )


def read_certificate(text: str) -> SubscriptionCertificate:
    subscription, _, file = text.partition("=")
    if re.fullmatch(SUBSCRIPTION_ID, subscription) is None or not file:
        raise ValueError("must be ID=FILE, the id of letters, digits and dashes, 64 at most")
    path = Path(file).resolve()
    load_certificates((path,))
    return SubscriptionCertificate(subscription=subscription.lower(), path=path)


def read_clock(text: str) -> datetime:
    instant = parse_instant(text)
    if not FIRST_INSTANT <= instant < END_OF_TIME:
        raise ValueError(f"must be from {FIRST_INSTANT.year} on and before {END_OF_TIME.year}")
    return instant
