"""How the command line ends: what was called wrongly is told in a line, as every other failure is."""

import os
import sys

import typer

OF_NOTHING_SPECIAL = "Invalid value: "


def run(app: typer.Typer) -> int:
    """Run the command that the arguments name, to its end; returns the exit code."""
    try:
        code = app(prog_name="tocsin", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return tell(error)
    except typer.Abort:
        print("tocsin: aborted", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read has seen enough; Python would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return int(code or 0)


def tell(error: typer.TyperException) -> int:
    """Say what was called wrongly and where it is told how to; returns the exit code."""
    said = error.format_message().removeprefix(OF_NOTHING_SPECIAL).rstrip(".")
    context = getattr(error, "ctx", None)
    if said:  # Where help was shown instead there is nothing to say.
        where = "" if context is None else f"; see {context.command_path} --help"
        print(f"tocsin: {said}{where}", file=sys.stderr)
    return error.exit_code
