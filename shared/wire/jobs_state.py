"""What changes the state of all jobs of a collection at once (contract A.5, 19)."""

from typing import Annotated

from pydantic import Field

from shared.wire.job import SettableState
from shared.wire.model import WireModel


class JobsState(WireModel):
    """Completed and faulted jobs are passed over; the details are stored and never answered."""

    state: SettableState
    state_details: Annotated[str, Field(max_length=1024)] | None = None
