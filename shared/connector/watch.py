"""What is seen of operations: one, a page of them, and how they end."""

from shared.connector.listing import OperationFilter, OperationPage
from shared.connector.operations import Operation
from shared.connector.store import OperationList
from shared.errors import NotFoundError


class Watch:
    """Answers whoever asks how far operations are."""

    def __init__(self, operations: OperationList) -> None:
        self._operations = operations

    async def operation(self, operation_id: str) -> Operation:
        """Raises NotFoundError; operations that ended more than seven days ago are forgotten."""
        operation = await self._operations.get(operation_id)
        if operation is None:
            raise NotFoundError(f"there is no operation {operation_id!r}")
        return operation

    async def page(self, wanted: OperationFilter) -> OperationPage:
        """Return the operations that `wanted` describes, those that were asked for last first."""
        return await self._operations.page(wanted)
