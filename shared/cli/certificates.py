"""`tocsin certificates`: make client certificates, and say which of them may manage a subscription."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.cli.certificate_access import Place, certificate_access
from shared.cli.terminal import UNBOUNDED, printable
from shared.client_certificates import KeyKind, create_client_certificate
from shared.clock import Clock
from shared.errors import ConfigurationError
from shared.scheduler.service.certificates import EXPIRES_SOON, read_certificate
from shared.tls import Certificate, parse_certificate, unusable
from shared.wire.management_certificate import SubscriptionCertificate

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SUBJECT = "Subject"
HEADERS = ("Subscription", "Thumbprint", SUBJECT, "Expires", "Days left", "State")
NARROWEST_SUBJECT = 12


def create(
    name: str, folder: Path, *, days: int, subject: str | None, kind: KeyKind, now: datetime
) -> None:
    """Make a client certificate and say where its files are."""
    if NAME.fullmatch(name) is None:
        raise ConfigurationError(f"{name!r} is no name for files: letters, digits, '.', '_', '-'")
    files = create_client_certificate(
        folder, name, subject=subject, lifetime=timedelta(days=days), kind=kind, now=now
    )
    certificate = parse_certificate(files.cer.read_bytes())
    print(
        f"{certificate.thumbprint} expires {certificate.not_after:%Y-%m-%d}\n"
        f"  for the service     {files.cer}\n"
        f"  with its key, PEM   {files.pem}\n"
        f"  with its key, PFX   {files.pfx} (no password)"
    )


async def upload(file: Path, place: Place, subscription: str, clock: Clock) -> None:
    """Upload a certificate and say so."""
    certificate = load(file)
    async with certificate_access(place, subscription, clock) as access:
        await access.upload(certificate)
    print(
        f"{certificate.thumbprint} may manage subscription {subscription}"
        f" until {certificate.not_after:%Y-%m-%d}"
    )
    if refusal := certificate.refusal(clock.now()):
        print(f"  but nobody passes with it now: it {refusal}")


async def revoke(thumbprint: str, place: Place, subscription: str, clock: Clock) -> None:
    """Revoke a certificate and say so."""
    if re.fullmatch("[0-9A-Fa-f]{40}", thumbprint) is None:
        raise ConfigurationError(f"{thumbprint!r} is no thumbprint: 40 hexadecimal digits")
    async with certificate_access(place, subscription, clock) as access:
        await access.revoke(thumbprint)
    print(f"{thumbprint.upper()} may no longer manage subscription {subscription}")


async def show(place: Place, subscriptions: Sequence[str], clock: Clock) -> None:
    """Print a table of the certificates of subscriptions, or that there are none."""
    rows = []
    for subscription in subscriptions:
        async with certificate_access(place, subscription, clock) as access:
            for one in await access.list():
                rows.append((subscription, *map(printable, row_of(one, clock.now()))))
    if not rows:
        named = ", ".join(subscriptions)
        print(f"there is no certificate of subscription {named}; --subscription names another")
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=UNBOUNDED)
    print_rows(rows, console)


def print_rows(rows: Sequence[tuple[str, ...]], console: Console) -> None:
    """Print a table; where the console is too narrow for one, a line for each cell. Only subjects are folded."""
    if not fits(rows, console.width):
        for row in rows:
            for name, cell in zip(HEADERS, row, strict=True):
                print(f"{name:14}{cell}", file=console.file)
            print(file=console.file)
        return
    table = Table()
    for name in HEADERS:
        table.add_column(name, no_wrap=name != SUBJECT, overflow="fold")
    for row in rows:
        # A subject is somebody else's text: no markup counts in it.
        table.add_row(*map(Text, row))
    console.print(table)


def fits(rows: Sequence[tuple[str, ...]], width: int) -> bool:
    """Whether a table fits with every cell in one line, subjects excepted."""
    columns = zip(HEADERS, *rows, strict=True)
    widths = {column[0]: max(map(cell_len, column)) for column in columns}
    widths[SUBJECT] = min(widths[SUBJECT], NARROWEST_SUBJECT)
    return sum(widths.values()) + 3 * len(HEADERS) + 1 <= width


def load(file: Path) -> Certificate:
    try:
        return read_certificate(file.read_bytes())
    except (OSError, ConfigurationError) as error:
        raise ConfigurationError(unusable(file, error)) from error


def row_of(one: SubscriptionCertificate, now: datetime) -> tuple[str, ...]:
    certificate = parse_certificate(one.data)
    days = (certificate.not_after - now).days
    return (
        one.thumbprint,
        certificate.subject,
        f"{certificate.not_after:%Y-%m-%d}",
        str(max(days, 0)),
        state_of(one, certificate, now),
    )


def state_of(one: SubscriptionCertificate, certificate: Certificate, now: datetime) -> str:
    """Return what has become of a certificate at `now`."""
    if one.revoked is not None:
        return f"revoked {one.revoked:%Y-%m-%d}"
    if now > certificate.not_after:
        return "expired"
    if now < certificate.not_before:
        return "not yet valid"
    return "expires soon" if certificate.not_after < now + EXPIRES_SOON else "valid"
