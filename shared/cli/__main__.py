"""`python -m shared.cli`, which is what `./tocsin` starts."""

import sys

try:
    from shared.cli.main import main
except ModuleNotFoundError as error:
    sys.exit(f"tocsin: {error.name} is not installed; `make environment` makes .venv with it")

main()
