"""What a deployment takes at its door, whoever asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Fault, NotSupportedError
from shared.wire.commands import Command
from shared.wire.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`is_ours` says that the Scheduler is Tocsin's, which answers on the classic path what only ARM had."""

    is_ours: bool

    def check(self, commands: Sequence[Command]) -> None:
        """Raises NotSupportedError with each command that the Scheduler does not know."""
        places = ["$"] if len(commands) == 1 else [f"$[{place}]" for place in range(len(commands))]
        faults = [
            fault
            for place, command in zip(places, commands, strict=True)
            if (fault := self._fault(command.endpoint, f"{place}.command"))
        ]
        if faults:
            raise NotSupportedError(faults)

    def check_read(self, endpoint: Endpoint) -> None:
        """Raises NotSupportedError when the Scheduler does not know it."""
        if fault := self._fault(endpoint, "method"):
            raise NotSupportedError([fault])

    def _fault(self, endpoint: Endpoint, path: str) -> Fault | None:
        if self.is_ours or not endpoint.arm_only:
            return None
        return Fault(path, f"{endpoint.name} is offered by Tocsin's Scheduler only")
