"""The connection that holds the lock of a session; it ends with the lock, and is not opened again."""

from datetime import datetime

from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError

from shared.clock import Clock
from shared.errors import SessionCannotBeLockedError
from shared.messaging.servicebus.errors import translated
from shared.messaging.servicebus.paths import SourcePath
from shared.messaging.servicebus.reader import EntityReader


class SessionReader(EntityReader):
    """Asks for one message at a time: what the SDK releases must not overtake (see EntityReader)."""

    def __init__(self, sdk: ServiceBusReceiver, *, path: SourcePath, clock: Clock) -> None:
        super().__init__(sdk, path=path, clock=clock, largest_batch=1)

    @property
    def session_id(self) -> str:
        """The session whose lock is held."""
        return str(self.sdk.session.session_id)

    @property
    def locked_until(self) -> datetime:
        """When the lock ends, as was last heard."""
        return self.sdk.session.locked_until_utc or self._clock.now()

    async def accept(self) -> None:
        """Take the lock.

        Raises:
            SessionCannotBeLockedError: somebody else holds it, or no session came in time.
        """
        subject = f"queue or subscription {str(self._path)!r} to receive sessions from"
        with translated(subject):
            try:
                await self.sdk.__aenter__()
            except OperationTimeoutError as error:
                raise SessionCannotBeLockedError(f"{subject}: no session came in time") from error

    async def renew_session(self) -> datetime:
        """Renew the lock and return its end."""
        return await self.call(self.sdk.session.renew_lock)

    async def get_state(self) -> bytes | None:
        """Return the session's state."""
        state = await self.call(self.sdk.session.get_state)
        return None if state is None else bytes(state)

    async def set_state(self, state: bytes | None) -> None:
        """Set the session's state."""
        await self.call(lambda: self.sdk.session.set_state(state))

    async def open(self) -> None:
        """Do nothing: a lock that is lost is not taken again."""

    def session_end(self) -> datetime | None:
        return self.locked_until
