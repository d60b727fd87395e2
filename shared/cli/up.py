"""`tocsin up`, first half: make the data folder ready, then become `shared.cli.stack`, which stays."""

from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict

from shared.cli.becoming import become, make_tables
from shared.cli.stack_folder import StackFolder
from shared.clock import SystemClock
from shared.errors import ConfigurationError
from shared.settings import BrokerKind, app_settings


class StackOptions(BaseModel):
    """What the command line asks for; what it leaves open the environment decides."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    port: int
    scheduler_port: int
    broker: BrokerKind | None = None
    is_strict: bool = False


def start(options: StackOptions) -> NoReturn:
    """Become the stack.

    Raises:
        ConfigurationError: the folder is in use or cannot be written.
    """
    folder = StackFolder(options.folder)
    is_new = not folder.database.exists()
    # The key comes before the database: a start that ends between the two goes on with it.
    folder.prepare(now=SystemClock().now(), makes_key=is_new)
    if is_new and "TOCSIN_DATABASE_URL" not in app_settings():
        make_tables(folder.path)
    become("shared.cli.stack", options.model_dump_json())


def read_broker(text: str) -> BrokerKind:
    """Raises ConfigurationError when there is no such broker."""
    if text not in tuple(BrokerKind):
        raise ConfigurationError(f"--broker {text!r}: must be {' or '.join(BrokerKind)}")
    return BrokerKind(text)
