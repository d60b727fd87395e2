from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from tests.shared.bootstrap.test_wiring import scheduler


async def test_without_a_queue_of_sqs_nothing_can_be_taken_from_it(tmp_path: Path) -> None:
    app = scheduler(tmp_path)
    await app.open()

    with pytest.raises(ConfigurationError, match="TOCSIN_SQS_COMMANDS_URL is missing"):
        _ = app.sqs_commands

    await app.close()
