import json
import os
import subprocess
import sys
from pathlib import Path

from shared.cli.listening import RunningService, listening, running_service

SERVICE = RunningService("https://127.0.0.1:8443", Path("/data/tls/ca.pem"))


def test_who_looks_finds_where_it_listens_while_it_does(tmp_path: Path) -> None:
    with listening(tmp_path, SERVICE):
        assert running_service(tmp_path) == SERVICE

    assert running_service(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_note_that_a_killed_process_left_is_none(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    note = {"url": SERVICE.url, "authority": str(SERVICE.authority), "process": gone.pid}
    (tmp_path / "listening.json").write_text(json.dumps(note))

    assert running_service(tmp_path) is None

    (tmp_path / "listening.json").write_text(json.dumps({**note, "process": os.getpid()}))
    assert running_service(tmp_path) == SERVICE


def test_what_is_no_note_is_none(tmp_path: Path) -> None:
    for content in ("", "{", "[]", "{}", '{"process": 1}'):
        (tmp_path / "listening.json").write_text(content)

        assert running_service(tmp_path) is None
