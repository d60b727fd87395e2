from functions.events import list_events
from shared.bootstrap import Application
from shared.sql.database import Transaction
from tests.functions.requests import document_of, request
from tests.shared.events.world import an_event


async def test_events_are_listed_after_a_number(app: Application) -> None:
    def insert(transaction: Transaction) -> None:
        for count in range(3):
            app.event_log.insert(transaction, an_event(f"e{count}"))

    await app._database.run(insert)
    await app.event_log.publish()

    first = document_of(await list_events(request("GET", "/events", params={"limit": "2"})))
    query = {"since": str(first["next"]), "wait": "20"}
    second = document_of(await list_events(request("GET", "/events", params=query)))

    assert [one["id"] for one in first["value"]] == ["e0", "e1"]
    assert [one["id"] for one in second["value"]] == ["e2"]
    assert second["next"] == 3


async def test_p10_every_fault_of_the_query_is_told(app: Application) -> None:
    query = {"since": "x", "limit": "0", "wait": "21", "type": "tocsin.*.b"}

    response = await list_events(request("GET", "/events", params=query))

    targets = [fault["target"] for fault in document_of(response)["error"]["details"]]
    assert response.status_code == 400
    assert sorted(targets) == ["?limit", "?since", "?type", "?wait"]
