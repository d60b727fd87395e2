"""Functions that break a whole app, and some that look as if they did: source text, to be written to a file each.

Our own verdict on them is asked for in test_signatures.py, that of Microsoft's worker library in tests/e2e/runtime.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

from shared.errors import ConfigurationError
from shared.host.indexing import index_functions
from shared.host.loading import only_app

HEADER = """\
import typing
from typing import List, Optional
import azure.functions as func

app = func.FunctionApp()
queue = app.service_bus_queue_trigger(arg_name="m", queue_name="q", connection="C")
queues = app.service_bus_queue_trigger(arg_name="m", queue_name="q", connection="C", cardinality="many")
output = app.service_bus_queue_output(arg_name="o", queue_name="q", connection="C")
route = app.route(route="r")
timer = app.timer_trigger(arg_name="t", schedule="0 * * * * *")

"""

ACCEPTED = {
    "http_response": "@route\ndef f(req: func.HttpRequest) -> func.HttpResponse: ...",
    "http_text": "@route\ndef f(req: func.HttpRequest) -> str: ...",
    "http_no_annotations": "@route\ndef f(req): ...",
    "http_context": "@route\ndef f(req: func.HttpRequest, context: func.Context) -> str: ...",
    "http_other_name": "@app.route(route='r', trigger_arg_name='request')\ndef f(request: func.HttpRequest): ...",
    "message": "@queue\nasync def f(m: func.ServiceBusMessage) -> None: ...",
    "message_no_annotation": "@queue\nasync def f(m): ...",
    "message_bytes": "@queue\nasync def f(m: bytes): ...",
    "message_text": "@queue\nasync def f(m: str): ...",
    "messages": "@queues\ndef f(m: List[func.ServiceBusMessage]): ...",
    "out_text": "@queue\n@output\ndef f(m: func.ServiceBusMessage, o: func.Out[str]): ...",
    "out_bytes": "@queue\n@output\ndef f(m: func.ServiceBusMessage, o: func.Out[bytes]): ...",
    "out_no_annotation": "@queue\n@output\ndef f(m, o): ...",
    "timer": "@timer\ndef f(t: func.TimerRequest) -> None: ...",
}

REFUSED = {
    "extra_parameter": "@route\ndef f(req: func.HttpRequest, more): ...",
    "default": "@route\ndef f(req: func.HttpRequest, more=1): ...",
    "keywords": "@route\ndef f(req: func.HttpRequest, **more): ...",
    "other_name": "@route\ndef f(_req: func.HttpRequest): ...",
    "missing_out": "@queue\n@output\ndef f(m: func.ServiceBusMessage): ...",
    "builtin_list": "@queues\ndef f(m: list[func.ServiceBusMessage]): ...",
    "union": "@queue\ndef f(m: Optional[func.ServiceBusMessage]): ...",
    "new_union": "@queue\ndef f(m: func.ServiceBusMessage | None): ...",
    "dict_message": "@queue\ndef f(m: dict): ...",
    "list_of_text": "@queues\ndef f(m: List[str]): ...",
    "text_annotation": "@queue\ndef f(m: 'Missing'): ...",
    "wrong_request": "@route\ndef f(req: func.ServiceBusMessage): ...",
    "returns_dict": "@route\ndef f(req: func.HttpRequest) -> dict: ...",
    "returns_bytes": "@route\ndef f(req: func.HttpRequest) -> bytes: ...",
    "returns_union": "@route\ndef f(req: func.HttpRequest) -> str | func.HttpResponse: ...",
    "returns_none": "@route\ndef f(req: func.HttpRequest) -> None: ...",
    "returns_out": "@route\ndef f(req: func.HttpRequest) -> func.Out[str]: ...",
    "bare_out": "@queue\n@output\ndef f(m: func.ServiceBusMessage, o: func.Out): ...",
    "out_of_list": "@queue\n@output\ndef f(m: func.ServiceBusMessage, o: func.Out[List[str]]): ...",
    "out_of_message": "@queue\n@output\ndef f(m, o: func.Out[func.ServiceBusMessage]): ...",
    "out_as_in": "@queue\n@output\ndef f(m: func.ServiceBusMessage, o: str): ...",
    "in_as_out": "@queue\ndef f(m: func.Out[func.ServiceBusMessage]): ...",
    "wrong_context": "@route\ndef f(req: func.HttpRequest, context: dict): ...",
    "wrong_timer": "@timer\ndef f(t: str | int): ...",
    "duplicate": "@route\ndef f(req): ...\n@app.route(route='s')\ndef f(req): ...",
    "alias": "@route\ndef f(req): ...\nsecond = app",
    "two_apps": "@route\ndef f(req): ...\nsecond = func.FunctionApp()",
    "import_error": "import nothing_of_this_name",
    "no_trigger": "@output\ndef f(o: func.Out[str]): ...",
}


def write_app(folder: Path, name: str, source: str) -> Path:
    path = folder / f"{name}_app.py"
    path.write_text(f"{HEADER}{source}\n")
    return path


def import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_accepted(path: Path) -> bool:
    """Say whether the local host takes the app."""
    try:
        index_functions(only_app(import_file(path)), environment={"C": "connection"})
    except (ConfigurationError, ImportError):
        return False
    return True
