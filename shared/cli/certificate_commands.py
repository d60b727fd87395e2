"""The commands of `./tocsin certificates`; like those of `main` each imports what it needs when it is called."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from shared.cli.stack_options import DEFAULT_FOLDER

if TYPE_CHECKING:
    from shared.cli.certificate_access import Place

certificates = typer.Typer(
    help="Make client certificates, and say which of them may manage a subscription.",
    no_args_is_help=True,
)

DEFAULT_DAYS = 365

Data = Annotated[
    Path, typer.Option("--data", help="Folder of the service, whether it runs or not.")
]
Subscription = Annotated[
    str | None, typer.Option(metavar="ID", help="Default: the setting TOCSIN_SUBSCRIPTION_ID.")
]
Url = Annotated[str | None, typer.Option(help="Another service than that of the folder.")]
TokenFile = Annotated[Path | None, typer.Option(help="File with a bearer token for --url.")]
Authority = Annotated[
    Path | None, typer.Option("--ca", help="PEM file of who signed the certificate of --url.")
]


@certificates.command()
def create(
    name: Annotated[str, typer.Argument(help="Of the three files, and of the subject.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.cer, NAME.pem and NAME.pfx.")],
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="How long it is valid.")
    ] = DEFAULT_DAYS,
    subject: Annotated[
        str | None, typer.Option(metavar="CN=…,O=…", help="Default: NAME as the common name.")
    ] = None,
    key: Annotated[Literal["rsa", "ec"], typer.Option(help="Old clients know RSA alone.")] = "rsa",
) -> None:
    """Make a self-signed client certificate; upload its .cer file."""
    from shared.cli.certificates import create as make
    from shared.client_certificates import KeyKind
    from shared.clock import SystemClock

    make(name, out, days=days, subject=subject, kind=KeyKind(key), now=SystemClock().now())


@certificates.command()
def upload(
    file: Annotated[Path, typer.Argument(help="A certificate, DER (.cer) or PEM.")],
    subscription: Subscription = None,
    data: Data = DEFAULT_FOLDER,
    url: Url = None,
    token_file: TokenFile = None,
    ca: Authority = None,
) -> None:
    """Let the holder of a certificate manage a subscription; also of one that was revoked."""
    from shared.cli.certificates import upload as add
    from shared.clock import SystemClock

    place = place_of(data, url, token_file, ca)
    asyncio.run(add(file, place, subscription_of(subscription), SystemClock()))


@certificates.command("list")
def show(
    subscription: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Repeatable; default: TOCSIN_SUBSCRIPTION_ID."),
    ] = None,
    data: Data = DEFAULT_FOLDER,
    url: Url = None,
    token_file: TokenFile = None,
    ca: Authority = None,
) -> None:
    """Show certificates with their expiry, the days left and their state."""
    from shared.cli.certificates import show as print_table
    from shared.clock import SystemClock

    chosen = (
        [subscription_of(one) for one in subscription] if subscription else [subscription_of(None)]
    )
    asyncio.run(print_table(place_of(data, url, token_file, ca), chosen, SystemClock()))


@certificates.command()
def revoke(
    thumbprint: Annotated[str, typer.Argument(help="SHA-1, 40 hexadecimal digits.")],
    subscription: Subscription = None,
    data: Data = DEFAULT_FOLDER,
    url: Url = None,
    token_file: TokenFile = None,
    ca: Authority = None,
) -> None:
    """Let nobody pass with a certificate from now on."""
    from shared.cli.certificates import revoke as remove
    from shared.clock import SystemClock

    place = place_of(data, url, token_file, ca)
    asyncio.run(remove(thumbprint, place, subscription_of(subscription), SystemClock()))


def place_of(
    data: Path, url: str | None, token_file: Path | None, authority: Path | None
) -> "Place":
    from shared.cli.certificate_access import Place

    return Place(folder=data.resolve(), url=url, token_file=token_file, authority=authority)


def subscription_of(given: str | None) -> str:
    from shared.cli.bearer_token import checked_subscription
    from shared.settings import load_settings

    return checked_subscription(load_settings().subscription_id if given is None else given)
