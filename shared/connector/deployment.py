"""The one Scheduler that a connector speaks to."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from shared.client.scheduler import RestRequest, RestResponse, SchedulerClient
from shared.errors import AuthenticationError, TransientError

Reply: TypeAlias = RestResponse | AuthenticationError | TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Its client, our subscription there, how long a call may take, and whether it knows a change that is repeated."""

    client: SchedulerClient
    subscription: str
    timeout: timedelta
    recognises_repeats: bool

    @property
    def source(self) -> str:
        """The source of our events."""
        return f"/subscriptions/{self.subscription}"

    async def ask(self, request: RestRequest) -> Reply:
        """Return the answer, or why there is none."""
        try:
            return await self.client.send(request, within=self.timeout)
        except (AuthenticationError, TransientError) as error:
            return error
