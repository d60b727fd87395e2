from pathlib import Path

import pytest

from tests.shared.host.signatures import ACCEPTED, REFUSED, is_accepted, write_app


@pytest.mark.parametrize("name", ACCEPTED)
def test_signature_that_the_worker_takes_is_accepted(tmp_path: Path, name: str) -> None:
    assert is_accepted(write_app(tmp_path, name, ACCEPTED[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_signature_that_the_worker_refuses_is_refused(tmp_path: Path, name: str) -> None:
    assert not is_accepted(write_app(tmp_path, name, REFUSED[name]))
