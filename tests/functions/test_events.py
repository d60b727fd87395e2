from functions.events import list_events
from shared.bootstrap import Application
from tests.functions.requests import document_of, request


async def test_events_are_listed_after_a_number(app: Application) -> None:
    response = await list_events(request("GET", "/events", params={"since": "3"}))

    assert document_of(response) == {"value": []}
