"""The embedded broker alone, served over AMQP 1.0 to whoever has a namespace's key.

`python -m shared.cli.broker_stack OPTIONS`, which is what `tocsin broker` becomes. It imports no more than it needs,
because this process stays.
"""

import sys

from shared.cli.broker import BrokerOptions
from shared.cli.program import keep_out_of_collections, run_program
from shared.cli.serving import end_asked
from shared.clock import SystemClock
from shared.errors import ConfigurationError
from shared.host.server import HOST
from shared.served_broker.folder import BrokerFolder
from shared.served_broker.service import ServedBroker, served_broker

EMULATOR_FLAG = ";UseDevelopmentEmulator=true"


async def run_broker(options: BrokerOptions) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: the folder or the port cannot be used.
    """
    asked = end_asked()
    opening = served_broker(
        BrokerFolder(options.folder),
        options.namespaces(),
        clock=SystemClock(),
        durability=options.durability,
    )
    async with opening as broker:
        port = await listen(broker, options)
        keep_out_of_collections()
        tell_ready(broker, options, port)
        await asked.wait()


async def listen(broker: ServedBroker, options: BrokerOptions) -> int:
    tls = None if options.tls is None else options.tls.context()
    try:
        return await broker.service.start(HOST, options.port, tls)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {HOST}:{options.port}: {error.strerror};"
            " choose another port with --listen"
        ) from error


def tell_ready(broker: ServedBroker, options: BrokerOptions, port: int) -> None:
    """Say where it listens, then each namespace with what SDKs connect with."""
    lines = [f"listening on {'amqp' if options.tls is None else 'amqps'}://{HOST}:{port}"]
    for namespace in broker.keys.by_namespace:
        for text in broker.keys.connection_strings(namespace, host=HOST, port=port):
            # The flag means no TLS.
            shown = text if options.tls is None else text.removesuffix(EMULATOR_FLAG)
            lines.append(f"{namespace}: {shown}")
    print(*lines, sep="\n", flush=True)


def main() -> None:
    (options,) = sys.argv[1:]
    run_program(run_broker(BrokerOptions.model_validate_json(options)))


if __name__ == "__main__":
    main()
