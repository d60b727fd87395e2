"""Loading `function_app.py` the way the Functions host does."""

import importlib
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import azure.functions as func

from shared.errors import ConfigurationError
from shared.settings import app_settings, export_environment

SCRIPT_NAME = re.compile(r"[a-zA-Z0-9_][\w-]*\.py", re.ASCII)


def load_function_app(root: Path) -> func.FunctionRegister:
    """Import the app of the folder `root` and return its one top-level FunctionApp.

    Changes this process, as `func` does: the values of `local.settings.json` are put into the environment (what is
    set already wins), `root` becomes the last place of `sys.path` and the working directory, so that relative paths
    in settings are the app's. PYTHON_SCRIPT_FILE_NAME names another script than `function_app.py`.

    Raises:
        ConfigurationError: there is no app, more than one, or it cannot be imported.
    """
    root = root.resolve()
    export_environment(read_local_settings(root / "local.settings.json"))
    script = app_settings().get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not SCRIPT_NAME.fullmatch(script):
        raise ConfigurationError(f"PYTHON_SCRIPT_FILE_NAME: {script!r} is no script at the root")
    if not (root / script).is_file():
        raise ConfigurationError(f"there is no {script} in {root}")
    if str(root) not in sys.path:
        sys.path.append(str(root))
    os.chdir(root)
    return only_app(import_script(root / script))


def read_local_settings(path: Path) -> dict[str, str]:
    """Return the `Values` of a local.settings.json; none when there is no such file. Raises ConfigurationError."""
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigurationError(f"{path.name} is not JSON: {error}") from error
    values = document.get("Values", {}) if isinstance(document, dict) else None
    if not isinstance(values, dict) or not all(isinstance(each, str) for each in values.values()):
        raise ConfigurationError(f"{path.name}: Values must be an object of strings")
    if document.get("IsEncrypted"):
        raise ConfigurationError(f"{path.name} is encrypted; decrypt it with `func settings`")
    return values


def import_script(script: Path) -> ModuleType:
    try:
        module = importlib.import_module(script.stem)
    except Exception as error:  # the app's own code runs here and may raise anything
        raise ConfigurationError(
            f"{script.name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if Path(str(module.__file__)).resolve() != script:
        # sys.path is searched in order and the app's root is its last entry.
        raise ConfigurationError(f"{script.name}: {module.__file__} comes before it on sys.path")
    return module


def only_app(module: ModuleType) -> func.FunctionRegister:
    apps = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, func.FunctionRegister)
    }
    if len(apps) != 1:
        # The worker counts names, not objects: an alias is a second app.
        found = ", ".join(sorted(apps)) or "none"
        raise ConfigurationError(
            f"{module.__name__} must have exactly one top-level FunctionApp; found: {found}"
        )
    return next(iter(apps.values()))
