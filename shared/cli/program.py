"""What programs that stay have in common: how they run, and how they stay small."""

import gc
import logging
from collections.abc import Coroutine
from typing import Any

from shared.cli.failures import told_in_one_line
from shared.host.server import run
from shared.telemetry import configure_logging

GC_OBJECTS = 20_000


def run_program(main: Coroutine[Any, Any, None]) -> None:
    """Run a program until it ends; what it logs goes to stderr, and what it fails with too, in a line."""
    configure_logging()
    # A line for each revision of each component, or for each step of each link, tells an operator nothing.
    for name in ("alembic", "azure"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with told_in_one_line():
        run(main)


def keep_out_of_collections() -> None:
    """Take what was made by now, which stays, out of every later garbage collection, and collect less often: each
    command leaves a few hundred objects, and next to none of them in cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 20, 20)
