"""A `tocsin broker` beside the stack of the demo: the Service Bus that it runs on."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from shared.cli.demo.child import Child
from shared.cli.demo.expectation import Found, UnmetExpectationError, wait_until
from shared.clock import Clock
from shared.host.server import HOST
from shared.messaging.entities import TOCSIN_QUEUES
from shared.served_broker.folder import BrokerFolder
from shared.served_broker.namespace_keys import load_keys
from shared.settings import CONNECTION

NAMESPACE = "tocsin"
LOCK_DURATION = "PT5S"
"""What a killed stack was working on comes again after that."""
READY_WITHIN = timedelta(seconds=60)


class StageBroker:
    """One process with a folder of its own; who starts it again finds what it had."""

    def __init__(self, folder: Path, port: int, *, clock: Clock) -> None:
        self._folder = BrokerFolder(folder / "broker")
        self._config = folder / "Config.json"
        self._port = port
        self._clock = clock
        self.child = Child(
            [
                *("broker", "--data", str(self._folder.path), "--listen", f"{HOST}:{port}"),
                *("--config", str(self._config)),
            ],
            log=folder / "broker.log",
            is_output_secret=True,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """What a stack needs to be told; it is there when the broker has started."""
        keys = load_keys(self._folder.keys, [NAMESPACE])
        [connection] = keys.connection_strings(NAMESPACE, host=HOST, port=self._port)
        return {CONNECTION: connection}

    async def start(self) -> None:
        """Start it and wait until it listens."""
        self._config.write_text(json.dumps(config(), indent=2))
        await self.child.start()

        async def look() -> bool | Found:
            if self.child.exit_code is not None:
                raise UnmetExpectationError(
                    f"`{self.child.command}` to start", f"exit code {self.child.exit_code}"
                )
            try:
                _, writer = await asyncio.open_connection(HOST, self._port)
            except OSError as error:
                return Found(str(error))
            writer.close()
            return True

        expected = f"`{self.child.command}` to listen"
        await wait_until(expected, look, within=READY_WITHIN, clock=self._clock)


def config() -> object:
    """Return the namespace that Tocsin needs, in the emulator's form, with locks that end soon."""
    queues = [
        {
            "Name": queue.name,
            "Properties": {
                "LockDuration": LOCK_DURATION,
                "MaxDeliveryCount": queue.max_delivery_count,
            },
        }
        for queue in TOCSIN_QUEUES
    ]
    return {"UserConfig": {"Namespaces": [{"Name": NAMESPACE, "Queues": queues}]}}
