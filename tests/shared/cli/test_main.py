"""The command line as a user sees it; each command in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLACE = ["--subscription", "--data", "--url", "--token-file", "--ca"]


def tocsin(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [ROOT / "tocsin", *arguments],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "COLUMNS": "100"},
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            (),
            [
                "up",
                "scheduler",
                "receive",
                "preview",
                "token",
                "demo",
                "jobs",
                "operations",
                "queues",
                "deadletters",
                "certificates",
                "keys",
            ],
        ),
        (("up",), ["--data-dir", "--port", "--scheduler-port"]),
        (
            ("scheduler",),
            [
                "--data",
                "--listen",
                "--subscription",
                "--clock",
                "--allow-network",
                "127.0.0.1:8443",
            ],
        ),
        (("receive",), ["--port", "--secret-file", "--output", "--actions"]),
        (("demo",), ["--data-dir"]),
        (("preview",), ["--start", "--now", "-n"]),
        (("queues",), ["send", "peek"]),
        (("queues", "send"), ["queue", "--body", "--file", "--message-id", "--session-id"]),
        (("queues", "peek"), ["queue", "--data-dir", "--port"]),
        (("token",), ["--data", "--subscription", "--lifetime"]),
        (("certificates",), ["create", "upload", "list", "revoke"]),
        (("certificates", "create"), ["name", "--out", "--days", "--subject", "--key"]),
        (("certificates", "upload"), ["file", *PLACE]),
        (("certificates", "list"), PLACE),
        (("certificates", "revoke"), ["thumbprint", *PLACE]),
        (("keys",), ["list", "rotate", "prune"]),
        (("keys", "list"), ["--data"]),
        (("keys", "rotate"), ["--data"]),
        (("keys", "prune"), ["--data"]),
    ],
)
def test_help_names_everything_there_is(arguments: tuple[str, ...], words: list[str]) -> None:
    shown = tocsin(*arguments, "--help")

    assert shown.returncode == 0
    for word in words:
        assert word in shown.stdout.decode(errors="replace")


def test_starts_from_any_folder_even_one_with_a_package_of_our_name(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("raise SystemExit('the wrong one')")

    shown = subprocess.run(
        [ROOT / "tocsin", "--help"], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )

    assert shown.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("queues", "peek", "rejected", "--data-dir", "{folder}"),
            2,
            "start the stack with `tocsin up` first, or name its folder with --data-dir",
        ),
        (("queues", "send", "commands", "--data-dir", "{folder}"), 2, "either --body or --file"),
        (("receive", "--secret-file", "{folder}/none", "--output", "x"), 2, "cannot read"),
        (("up", "--port", "0"), 2, "--port"),
        (("scheduler", "--listen", "127.0.0.1:0"), 2, "--data"),
        (
            ("scheduler", "--data", "{folder}", "--listen", "0.0.0.0:80", "--clock", "noon"),
            2,
            "loopback only\n--clock 'noon': must be an ISO 8601 instant",
        ),
        (("scheduler", "--data", "{folder}/thesis.txt"), 2, "thesis.txt: it is a file\n"),
        (
            ("certificates", "create", "x", "--out", "{folder}/thesis.txt"),
            2,
            ".txt: it is a file\n",
        ),
        (
            ("certificates", "create", "x", "--out", "{folder}", "--subject", "foo"),
            2,
            "'foo' is no subject such as CN=Nightly,O=Contoso\n",
        ),
        (("keys", "list", "--data", "{folder}"), 2, "data-key.json: No such file"),
        (("demo", "--data-dir", "{folder}"), 2, "is not empty"),
    ],
)
def test_what_cannot_work_is_told_in_a_line_without_a_traceback(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").touch()

    ended = tocsin(*(argument.format(folder=tmp_path) for argument in arguments))

    assert ended.returncode == code
    assert said in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()
