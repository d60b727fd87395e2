"""Reading a file while it grows."""

import json
from pathlib import Path

from shared.cli.demo.growing_file import GrowingFile

CONTENT = b'{"id": "1"}\n{"id": "\xc3\xa9"}\n'
LINES = [json.loads(line) for line in CONTENT.splitlines()]


def test_each_line_is_returned_once(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    file = GrowingFile(path)
    path.write_bytes(CONTENT[:12])
    first = file.read_new()
    path.write_bytes(CONTENT)

    second = file.read_new()

    assert [first, second, file.read_new()] == [LINES[:1], LINES[1:], []]


def test_a_line_cut_at_any_position_waits_for_its_end(tmp_path: Path) -> None:
    for cut in range(len(CONTENT)):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(CONTENT[:cut])
        file = GrowingFile(path)
        before = file.read_new()
        path.write_bytes(CONTENT)

        after = file.read_new()

        assert before + after == LINES


def test_no_file_means_no_lines(tmp_path: Path) -> None:
    assert GrowingFile(tmp_path / "absent.jsonl").read_new() == []
