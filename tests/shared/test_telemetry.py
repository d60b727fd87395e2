import json
import logging
import subprocess
import sys

from shared.telemetry import JsonFormatter


def rendered(record: logging.LogRecord) -> dict[str, object]:
    document = json.loads(JsonFormatter().format(record))
    assert isinstance(document, dict)
    return document


def test_a_record_is_one_line_of_json_with_its_extra_members() -> None:
    record = logging.getLogger("tocsin").makeRecord(
        "tocsin", logging.INFO, "f.py", 1, "accepted %s", ("x",), None, extra={"action": "accept"}
    )

    document = rendered(record)

    assert document["message"] == "accepted x"
    assert document["action"] == "accept"
    assert document["level"] == "INFO"
    assert "args" not in document


def test_an_exception_is_part_of_the_same_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        record = logging.getLogger("tocsin").makeRecord(
            "tocsin", logging.ERROR, "f.py", 1, "failed", (), sys.exc_info()
        )

    document = rendered(record)

    assert "ValueError: broken" in str(document["exception"])
    assert "\n" not in JsonFormatter().format(record)


def test_sdks_of_azure_are_heard_from_warnings_on() -> None:
    program = (
        "import logging; from shared.telemetry import configure_logging; configure_logging();"
        "sdk = logging.getLogger('azure.servicebus'); sdk.info('chatter'); sdk.warning('trouble');"
        "logging.getLogger('tocsin').info('news')"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )

    heard = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert heard == ["trouble", "news"]
