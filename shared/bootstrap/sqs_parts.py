"""The part that takes commands from SQS."""

from datetime import timedelta
from functools import cached_property

from shared.aws.clients import AwsClients
from shared.aws.connection import connection_of, region_of
from shared.aws.sqs_queue import SqsSourceQueue
from shared.bootstrap.foundation import Foundation
from shared.connector.sqs_commands import ATTRIBUTES, Accept, SqsCommands
from shared.errors import ConfigurationError

TIME_LIMIT = timedelta(seconds=10)


class SqsParts:
    """Each is built when it is first asked for; threads are not those of sinks, which may be busy."""

    def __init__(self, foundation: Foundation, accept: Accept) -> None:
        self._on = foundation
        self._accept = accept

    @cached_property
    def commands(self) -> SqsCommands:
        """Raises ConfigurationError where no queue is named."""
        settings = self._on.settings
        if settings.sqs_commands_url is None:
            raise ConfigurationError("the setting TOCSIN_SQS_COMMANDS_URL is missing")
        queue = SqsSourceQueue(
            settings.sqs_commands_url,
            self._clients,
            region=region_of(settings),
            attributes=ATTRIBUTES,
        )
        return SqsCommands(queue, accept=self._accept, clock=self._on.clock)

    async def close(self) -> None:
        """Close what was built."""
        if "_clients" in self.__dict__:
            await self._clients.close()

    @cached_property
    def _clients(self) -> AwsClients:
        return AwsClients(connection_of(self._on.settings), time_limit=TIME_LIMIT)
