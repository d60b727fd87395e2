"""What each role registers. The worker's own library loads the app in tests/e2e/runtime."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = (
    "import json, function_app;"
    "print(json.dumps([f.get_function_name() for f in function_app.app.get_functions()]))"
)
CONNECTOR = {
    "accept_command",
    "accept_ordered_command",
    "cancel_operation",
    "change_provider",
    "change_resource",
    "create_event_subscription",
    "delete_event_subscription",
    "deliver_events",
    "enable_event_subscription",
    "entitle_resource",
    "execute_operation",
    "get_asyncapi",
    "get_event_subscription",
    "get_openapi",
    "get_operation",
    "get_operation_result",
    "health",
    "list_dead_letters",
    "list_event_subscriptions",
    "list_events",
    "list_operations",
    "patch_event_subscription",
    "pause_event_subscription",
    "poll_history",
    "prune_connector",
    "publish_history",
    "read_provider",
    "read_resource",
    "redrive_dead_letters",
    "replay_events",
    "resume_event_subscription",
    "rotate_secret",
    "send_test_event",
    "submit_commands",
    "sweep_connector",
}
SCHEDULER = {
    "prune_scheduler",
    "run_execution",
    "run_service_operation",
    "sweep_scheduler",
    "tick_engine",
}


def load(
    role: str, program: str = NAMES, *, auth: str = "key", **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"TOCSIN_ROLE": role, "TOCSIN_CONNECTOR_AUTH": auth, **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("connector", CONNECTOR),
        ("scheduler", SCHEDULER | {"serve_scheduler"}),
        # Beside the connector the service has a port of its own.
        ("all", CONNECTOR | SCHEDULER),
    ],
)
def test_a_role_registers_its_functions(role: str, names: set[str]) -> None:
    listed = json.loads(load(role).stdout)

    assert len(listed) == len(set(listed))
    assert set(listed) == names


LEVELS = (
    "import function_app;"
    "print({str(level) for f in function_app.app.get_functions()"
    " if (level := f.get_trigger().get_dict_repr().get('authLevel'))})"
)


def test_with_tokens_alone_no_function_asks_for_a_key() -> None:
    assert "FUNCTION" in load("connector", LEVELS).stdout
    assert load("connector", LEVELS, auth="token").stdout.strip() == "{'ANONYMOUS'}"
    assert "there is no connector_auth 'none'" in load("connector", auth="none").stderr


def test_commands_are_taken_from_sqs_where_a_queue_is_named() -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/commands"

    listed = json.loads(load("connector", TOCSIN_SQS_COMMANDS_URL=url).stdout)

    assert set(listed) == CONNECTOR | {"take_sqs_commands"}


def test_an_unknown_role_is_named() -> None:
    assert "there is no role 'conductor'" in load("conductor").stderr


def test_what_is_heavy_is_imported_by_who_needs_it() -> None:
    program = (
        "import sys, function_app;"
        "heavy = {'alembic', 'azure.servicebus', 'boto3', 'botocore', 'psycopg'};"
        "print(sorted(heavy & set(sys.modules)))"
    )

    assert load("all", program, TOCSIN_SQS_COMMANDS_URL="x").stdout.strip() == "[]"


def test_azure_gets_no_package_that_only_the_local_stack_needs() -> None:
    program = (
        "import sys, function_app;"
        "local = {'uvicorn', 'uvloop', 'httptools', 'OpenSSL', 'typer', 'rich'};"
        "print(sorted(local & set(sys.modules)))"
    )

    assert load("all", program).stdout.strip() == "[]"
