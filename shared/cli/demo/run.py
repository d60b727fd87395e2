"""The demo from start to end: exit code 0 only if everything was really seen."""

import asyncio
import signal
from pathlib import Path

from shared.cli.demo.expectation import UnmetExpectationError
from shared.cli.demo.folder import demo_folder
from shared.cli.demo.ports import free_ports
from shared.cli.demo.stage import Stage, Transport
from shared.cli.demo.steps import Steps
from shared.cli.demo.timeline import Timeline, timeline_console
from shared.clock import SystemClock
from shared.errors import TocsinError
from shared.settings import export_environment

# The receiver listens on loopback, which the outbound guard refuses unless the operator allows it.
APP_SETTINGS = {"TOCSIN_ALLOWED_NETWORKS": "127.0.0.0/8"}


def run_demo(folder: Path, transport: Transport) -> int:
    """Show the whole path, keeping everything in `folder`; returns the exit code."""
    export_environment(APP_SETTINGS)
    with demo_folder(folder) as place:
        return asyncio.run(show(place, transport))


async def show(folder: Path, transport: Transport) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    clock = SystemClock()
    timeline = Timeline(timeline_console(), clock)
    stage = Stage(folder, free_ports(), transport, timeline=timeline, clock=clock)
    try:
        await Steps(stage, timeline=timeline, clock=clock).run()
    except TocsinError as error:
        tell_failure(error, stage, timeline)
        return 1
    finally:
        await stage.stop()
    timeline.text(
        f"\ndemo succeeded in {timeline.elapsed.total_seconds():.1f} s", style="bold green"
    )
    timeline.text(f"logs, database and events are in {shown(folder)}", style="dim")
    return 0


def shown(path: Path) -> Path:
    """Return the path as short as it can be given from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def tell_failure(error: TocsinError, stage: Stage, timeline: Timeline) -> None:
    """Print what was expected, what was found, and what the processes last said."""
    elapsed = timeline.elapsed.total_seconds()
    timeline.text(f"\ndemo failed after {elapsed:.1f} s", style="bold red")
    if isinstance(error, UnmetExpectationError):
        timeline.text(f"expected: {error.expected}")
        timeline.text(f"found:    {error.found}")
    else:
        timeline.text(error.message)
    for child in stage.children:
        timeline.text(f"\nend of {shown(child.log)}", style="bold")
        timeline.text(child.log_tail())
