"""How a command ends when it failed: a line, or one for each thing that is wrong; an exit code, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import ConfigurationError, TocsinError


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Exit with 2 for what the operator has to mend, with 1 for everything else that failed."""
    try:
        yield
    except TocsinError as error:
        print(f"tocsin: {error.message}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)
