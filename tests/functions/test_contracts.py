"""The documents over HTTP, and that they tell of every route that there is and of no other."""

import json
import re
import subprocess
import sys
from pathlib import Path

from functions.contracts import get_asyncapi, get_openapi
from shared.bootstrap import Application
from shared.contracts.openapi import routes
from tests.functions.requests import document_of, request

ROOT = Path(__file__).parents[2]
# Function by function, in a process of its own: what the app registers depends on the environment.
ROUTES = """
import json, function_app
triggers = [one.get_trigger().get_dict_repr() for one in function_app.app.get_functions()]
http = [one for one in triggers if one["type"] == "httpTrigger"]
print(json.dumps([(one["route"], [str(method) for method in one["methods"]]) for one in http]))
"""


def registered() -> set[tuple[str, str]]:
    """Return method and template of every route of the connector."""
    listed = subprocess.run(
        [sys.executable, "-c", ROUTES],
        env={"TOCSIN_ROLE": "connector"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        (str(method), f"/{template}")
        for template, methods in json.loads(listed.stdout)
        for method in methods
    }


def leads_to(template: str, path: str) -> bool:
    """Whether a request to a documented path would come to the function of this template."""
    if "{*" not in template:
        return template == path
    prefix = template.partition("{*")[0]
    return f"{path}/".startswith(prefix)


def test_every_documented_route_leads_to_one_function_and_every_function_has_one() -> None:
    found = registered()
    documented = {(one.method, one.path) for one in routes()}

    leading = {
        place: [one for one in found if one[0] == place[0] and leads_to(one[1], place[1])]
        for place in documented
    }

    assert {place: one for place, one in leading.items() if len(one) != 1} == {}
    assert found - {one for (one,) in leading.values()} == set()


async def test_each_document_is_served_and_known_by_its_etag(app: Application) -> None:
    for function, path, member in (
        (get_openapi, "/openapi.json", "openapi"),
        (get_asyncapi, "/asyncapi.json", "asyncapi"),
    ):
        first = await function(request("GET", path))
        again = await function(
            request("GET", path, headers={"if-none-match": f'"1", W/{first.headers["ETag"]}'})
        )
        other = await function(request("GET", path, headers={"if-none-match": '"1"'}))

        assert first.status_code == 200
        assert document_of(first)[member] in ("3.1.0", "3.0.0")
        assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["ETag"])
        assert (again.status_code, again.get_body()) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert other.get_body() == first.get_body()
