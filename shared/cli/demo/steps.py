"""The steps of the demo in their order, each through the real components."""

from shared.cli.demo.closing import ended_executions, show_events, show_executions
from shared.cli.demo.stage import Stage
from shared.cli.demo.steps_connector import ConnectorSteps
from shared.cli.demo.steps_engine import EngineSteps
from shared.cli.demo.timeline import Timeline
from shared.cli.demo.watcher import Watcher
from shared.clock import Clock


class Steps:
    """Runs on a stage that has not been started."""

    def __init__(self, stage: Stage, *, timeline: Timeline, clock: Clock) -> None:
        self._stage = stage
        self._timeline = timeline
        self._clock = clock

    async def run(self) -> None:
        await self._start_everything()
        await self._show_everything()
        executions = ended_executions(self._stage.inbox, self._stage.actions)
        show_events(self._stage.inbox, self._timeline)
        show_executions(executions, self._timeline)

    async def _start_everything(self) -> None:
        self._timeline.step(1, "Start the Scheduler service, the local host and a webhook receiver")
        await self._stage.start_receiver()
        await self._stage.start_broker()
        await self._stage.start_stack()
        await self._stage.show_authentication()

    async def _show_everything(self) -> None:
        stage, timeline, clock = self._stage, self._timeline, self._clock
        watcher = Watcher(stage.inbox, stage.actions, timeline=timeline, clock=clock)
        async with stage.caller() as caller:
            connector = ConnectorSteps(stage, caller, watcher, timeline=timeline, clock=clock)
            engine = EngineSteps(stage, caller, watcher, timeline=timeline, clock=clock)
            timeline.step(2, "Create a cloud service and a job collection; register the webhook")
            await connector.create_collection()
            timeline.step(
                3,
                "Put examples/nightly-report.json, its URIs replaced, and a job that fails; delete another",
            )
            report = engine.nightly_report()
            await connector.put_nightly_report(report)
            await engine.put_broken_import()
            await connector.put_and_delete()
            timeline.step(4, "See both jobs fire at their startTime; run the report once more")
            await engine.watch_the_report_fire(report)
            await engine.watch_the_import_fail()
            await engine.run_the_report()
            timeline.step(5, "Send a malformed request, and a queue message that is no command")
            await connector.send_malformed_job()
            await connector.send_bad_message()
            timeline.step(6, "Kill the stack between accepting and executing; start it again")
            await connector.kill_before_executing()
            timeline.step(7, "Kill the stack while an action runs; start it again")
            await engine.kill_while_an_action_runs()
            timeline.step(8, "See the failing job: its retry, its error action and its end")
            await engine.watch_the_import_end()
            logged = (await caller.read("/api/events?limit=1000"))["value"]
            await watcher.everything([event["id"] for event in logged])
            timeline.say("demo", f"the log has {len(logged)} events, and all are at the webhook")
