"""What every step on a running stack works with."""

from shared.cli.demo.caller import Caller
from shared.cli.demo.stage import Stage
from shared.cli.demo.timeline import Timeline
from shared.cli.demo.watcher import Watcher
from shared.clock import Clock

COLLECTION_PATH = "/api/cloudservices/demo/jobcollections/reports"
NIGHTLY_REPORT = f"{COLLECTION_PATH}/jobs/nightly-report"


class OnStage:
    """Steps that are called on a running stack and leave one behind."""

    def __init__(
        self, stage: Stage, caller: Caller, watcher: Watcher, *, timeline: Timeline, clock: Clock
    ) -> None:
        self._stage = stage
        self._caller = caller
        self._watcher = watcher
        self._timeline = timeline
        self._clock = clock
