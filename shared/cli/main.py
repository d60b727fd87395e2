"""The commands of `./tocsin`; each imports what it needs when it is called, so that `--help` answers at once."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.certificate_commands import certificates
from shared.cli.deadletter_commands import deadletters
from shared.cli.failures import told_in_one_line
from shared.cli.job_commands import jobs
from shared.cli.key_commands import keys
from shared.cli.operation_commands import operations
from shared.cli.queue_commands import queues
from shared.cli.stack_options import DEFAULT_FOLDER, DEFAULT_PORT, DataDirectory, Port
from shared.cli.usage import run

app = typer.Typer(
    name="tocsin",
    help="Azure Scheduler's API, back and event-driven.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(jobs, name="jobs")
app.add_typer(operations, name="operations")
app.add_typer(queues, name="queues")
app.add_typer(deadletters, name="deadletters")
app.add_typer(keys, name="keys")
app.add_typer(certificates, name="certificates")


def main() -> None:
    """Run the command line. What its commands write is for its user alone."""
    os.umask(0o077)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that has no arrow gets a question mark and not a traceback.
        sys.stdout.reconfigure(errors="replace")
    with told_in_one_line():
        sys.exit(run(app))


@app.command()
def up(
    data_dir: DataDirectory = DEFAULT_FOLDER,
    port: Port = DEFAULT_PORT,
    scheduler_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Scheduler service (TLS).")
    ] = 8443,
    broker: Annotated[
        str | None,
        typer.Option(
            metavar="embedded|servicebus",
            help="Where queues are; servicebus is the namespace of ServiceBusConnection.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Deliver messages as unkindly as Service Bus may.")
    ] = False,
) -> None:
    """Start the stack: Scheduler service, connector, queues and events in one process; Ctrl-C ends it."""
    from shared.cli.up import StackOptions, read_broker, start

    options = StackOptions(
        folder=data_dir.resolve(),
        port=port,
        scheduler_port=scheduler_port,
        broker=None if broker is None else read_broker(broker),
        is_strict=strict,
    )
    start(options)


@app.command()
def scheduler(
    data: Annotated[Path, typer.Option(help="Folder with database, keys and certificates.")],
    listen: Annotated[
        str, typer.Option(help="Loopback address; port 0 takes a free one.")
    ] = "127.0.0.1:8443",
    subscription: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=CERT.cer", help="A certificate that may manage a subscription; repeatable."
        ),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Where the service's clock starts, to run on there."),
    ] = None,
    allow_network: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="A private network jobs may lead to; repeatable."),
    ] = None,
) -> None:
    """Start the Scheduler service alone, over TLS; Ctrl-C ends it."""
    from shared.cli.scheduler import read_options, start

    options = read_options(
        data=data,
        listen=listen,
        subscriptions=subscription or (),
        clock=clock,
        networks=allow_network or (),
    )
    start(options)


@app.command()
def broker(
    data: Annotated[Path, typer.Option(help="Folder with the databases and keys.")],
    listen: Annotated[
        str, typer.Option(help="Loopback address; port 0 takes a free one.")
    ] = "127.0.0.1:5672",
    config: Annotated[
        Path | None,
        typer.Option(help="The emulator's Config.json; without it Tocsin's own namespace."),
    ] = None,
    durability: Annotated[
        str,
        typer.Option(metavar="power|process", help="What an acknowledged message survives."),
    ] = "power",
    tls_certificate: Annotated[
        Path | None, typer.Option(help="PEM file of the server's certificate.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
) -> None:
    """Start the broker alone: a Service Bus for any SDK, over AMQP; Ctrl-C ends it."""
    from shared.cli.broker import read_options, start

    options = read_options(
        data=data,
        listen=listen,
        config=config,
        durability=durability,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
    )
    start(options)


@app.command()
def entities(
    data: Annotated[Path, typer.Option(help="Folder of `tocsin broker`, whether it runs or not.")],
) -> None:
    """Show the queues, topics and subscriptions of a broker and how much is in them."""
    from shared.cli.entities import show_entities

    show_entities(data.resolve())


@app.command()
def receive(
    secret_file: Annotated[Path, typer.Option(help="File with the webhook's secret (whsec_…).")],
    output: Annotated[Path, typer.Option(help="File to which verified events are added.")],
    actions: Annotated[
        Path | None,
        typer.Option(help="File for what jobs send to /actions/…; without it that is refused."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 9000,
) -> None:
    """Receive webhooks: verify each signature and write each event down once."""
    from shared.cli.receive import serve

    serve(port=port, secret_file=secret_file, output=output, actions=actions)


@app.command()
def preview(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="A job, classic or ARM; - is stdin.")
    ],
    start: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Replaces the job's startTime.")
    ] = None,
    now: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="When it is created; default: now.")
    ] = None,
    number: Annotated[int, typer.Option("-n", min=1, help="So many at most.")] = 20,
) -> None:
    """Print the next occurrences of a definition, one instant a line."""
    from shared.cli.preview import print_preview

    print_preview(file.read(), start_time=start, now=now, number=number)


@app.command()
def token(
    subscription: Annotated[str, typer.Option(metavar="ID", help="The one that it opens.")],
    data: Annotated[Path, typer.Option(help="Folder of the service, whether it runs or not.")],
    lifetime: Annotated[str, typer.Option(help="Such as 90s, 30m, 1h or 7d.")] = "1h",
) -> None:
    """Print a bearer token for the ARM surface of the service on a folder."""
    from shared.cli.bearer_token import print_token

    print_token(data.resolve(), subscription, lifetime=lifetime)


@app.command()
def demo(
    data_dir: Annotated[
        Path, typer.Option("--data-dir", help="Folder that the demo makes, or made.")
    ] = DEFAULT_FOLDER / "demo",
    broker: Annotated[
        str,
        typer.Option(
            metavar="embedded|servicebus",
            help="What the stack runs on; servicebus is a `tocsin broker` beside it.",
        ),
    ] = "embedded",
    strict: Annotated[
        bool, typer.Option("--strict", help="Deliver messages as unkindly as Service Bus may.")
    ] = False,
) -> None:
    """Show the whole path: accept, execute, fire, publish, refuse, kill and recover."""
    from shared.cli.demo.run import run_demo
    from shared.cli.demo.stage import Transport
    from shared.cli.up import read_broker

    transport = Transport(broker=read_broker(broker), is_strict=strict)
    raise typer.Exit(run_demo(data_dir, transport))
