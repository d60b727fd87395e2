"""Each case in a process of its own: loading changes the path, the environment and the working directory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.host.loading import read_local_settings
from shared.settings import app_settings

ROOT = Path(__file__).parents[3]
APP = "import azure.functions as func\napp = func.FunctionApp()\n"
PROBE = """
import json, os, sys
from pathlib import Path
from shared.errors import ConfigurationError
from shared.host.loading import load_function_app
try:
    app = load_function_app(Path(sys.argv[1]))
except ConfigurationError as error:
    print(json.dumps({"fault": error.message}))
else:
    print(json.dumps({"cwd": os.getcwd(), "last": sys.path[-1], "level": app.auth_level.value,
        "values": {name: os.environ.get(name) for name in ("GIVEN", "ALREADY")}}))
"""


def load(folder: Path, **environment: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, folder],
        env={**app_settings(), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def write(folder: Path, **files: str) -> Path:
    for stem, content in files.items():
        suffix = "json" if stem.endswith("settings") else "py"
        (folder / f"{stem.replace('local_settings', 'local.settings')}.{suffix}").write_text(
            content
        )
    return folder


def test_app_is_loaded_as_func_does(tmp_path: Path) -> None:
    local = {"IsEncrypted": False, "Values": {"GIVEN": "file", "ALREADY": "file"}}
    source = APP + "import os, helper\nassert os.environ['GIVEN'] == 'file'\n"
    # Relative, and another name than function_app: the probe's own folder has one of that name.
    write(tmp_path, an_app=source, helper="", local_settings=json.dumps(local))

    loaded = load(tmp_path, ALREADY="environment", PYTHON_SCRIPT_FILE_NAME="an_app.py")

    assert loaded == {
        "cwd": str(tmp_path.resolve()),
        "last": str(tmp_path.resolve()),
        "level": "function",
        "values": {"GIVEN": "file", "ALREADY": "environment"},
    }


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "exactly one top-level FunctionApp; found: none"),
        (APP + "other = app\n", "found: app, other"),
        (APP + "other = func.FunctionApp()\n", "found: app, other"),
        ("raise KeyError('SETTING')\n", "cannot be imported: KeyError: 'SETTING'"),
        ("def broken(:\n", "cannot be imported: SyntaxError"),
        ("import nothing_of_this_name\n", "cannot be imported: ModuleNotFoundError"),
        (
            "import azure.functions as func\napp = func.FunctionApp(http_auth_level='anonymous')\n",
            "cannot be imported: KeyError",
        ),
    ],
)
def test_unusable_app_is_refused(tmp_path: Path, source: str, reason: str) -> None:
    write(tmp_path, an_app=source)

    assert reason in str(load(tmp_path, PYTHON_SCRIPT_FILE_NAME="an_app.py")["fault"])


@pytest.mark.parametrize("name", ["folder/an_app.py", "../an_app.py", "an app.py", "an_app"])
def test_script_must_stand_at_the_root(tmp_path: Path, name: str) -> None:
    assert "is no script at the root" in str(load(tmp_path, PYTHON_SCRIPT_FILE_NAME=name)["fault"])


def test_missing_script_is_named(tmp_path: Path) -> None:
    assert "there is no function_app.py in" in str(load(tmp_path)["fault"])


def test_script_hidden_by_another_of_its_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, json=APP)

    fault = load(tmp_path, PYTHON_SCRIPT_FILE_NAME="json.py")["fault"]

    assert "comes before it on sys.path" in str(fault)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no json", "is not JSON"),
        ("[]", "Values must be an object of strings"),
        ('{"Values": {"A": 1}}', "Values must be an object of strings"),
        ('{"Values": []}', "Values must be an object of strings"),
        ('{"IsEncrypted": true, "Values": {"A": "x"}}', "is encrypted"),
    ],
)
def test_malformed_local_settings_are_refused(tmp_path: Path, content: str, reason: str) -> None:
    write(tmp_path, local_settings=content)

    with pytest.raises(ConfigurationError, match=reason):
        read_local_settings(tmp_path / "local.settings.json")
