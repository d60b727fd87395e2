"""The composition root: the one place that names adapters.

Nothing is opened at import, and a part is built when it is first asked for, so that a missing setting fails the first
call and not the indexing of every function.
"""

from shared.bootstrap.data_folder import DATABASE_FILE, migrate_data_folder
from shared.bootstrap.data_keys import count_sealed_values
from shared.bootstrap.wiring import Application
from shared.clock import Clock, SystemClock
from shared.random_ids import new_id
from shared.settings import load_settings

__all__ = [
    "DATABASE_FILE",
    "Application",
    "application",
    "clock",
    "count_sealed_values",
    "migrate_data_folder",
    "new_id",
    "use",
]

_application: Application | None = None


def clock() -> Clock:
    """Return this process's clock, also while its application cannot be opened."""
    return SystemClock() if _application is None else _application.clock


def use(application: Application) -> None:
    """Make `application` this process's; for a program that builds its own before the functions ask for it."""
    global _application
    _application = application


async def application() -> Application:
    """Return this process's application, opened; in a Functions worker it is built at the first call."""
    if _application is None:
        use(Application(load_settings()))
    assert _application is not None
    await _application.open()
    return _application
