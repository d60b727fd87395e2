"""A story in which each route of the connector succeeds in each way that its document names."""

from tests.conformance.connector_calls import ConnectorCalls

AT_ONCE = {"Prefer": "wait=20"}
"""Have the answer tell of the end."""
WEBHOOK = {"sink": {"type": "webhook", "url": "http://127.0.0.1:9/"}}
"""Nobody listens there."""
COLLECTION = "CreateJobCollection_UpdateJobCollection"
PROVIDER = {"provider": "scheduler"}


def tell(connector: ConnectorCalls) -> None:
    """Call everything at least once."""
    tell_of_providers(connector)
    tell_of_containers(connector)
    tell_of_jobs(connector)
    tell_of_operations(connector)
    tell_of_event_subscriptions(connector)
    tell_of_documents(connector)
    for name in ("DeleteJob", "DeleteJobCollection", "DeleteCloudService"):
        change(connector, name)


def change(connector: ConnectorCalls, name: str, names: dict[str, str] | None = None) -> None:
    """Ask for a change twice: to be told how it ended, and that it was accepted."""
    ended = connector.call(name, names, headers=AT_ONCE)
    accepted = connector.call(name, names)
    assert (accepted.status_code, ended.status_code) == (202, 200), ended.text


def tell_of_providers(connector: ConnectorCalls) -> None:
    change(connector, "EntitleResource")
    for name in ("UnregisterResourceProvider", "RegisterResourceProvider"):
        change(connector, name, PROVIDER)
    for name in ("GetResourceProvider", "GetResourceProviderProperties"):
        connector.call(name, PROVIDER)


def tell_of_containers(connector: ConnectorCalls) -> None:
    change(connector, "CreateOrUpdateCloudService")
    change(connector, COLLECTION)
    for name in ("PatchJobCollection", "DisableJobCollection", "EnableJobCollection"):
        change(connector, name)
    for name in ("GetCloudService", "ListCloudServices", "GetJobCollection", "ListJobCollections"):
        connector.call(name)
    connector.call("CheckJobCollectionName", query={"resourceName": "jc2"})


def tell_of_jobs(connector: ConnectorCalls) -> None:
    for name in ("CreateJob", "CreateOrUpdateJob", "PatchJob", "SetJobsState", "RunJob"):
        change(connector, name)
    for name in ("GetJob", "ListJobs", "GetJobHistory"):
        connector.call(name)


def tell_of_operations(connector: ConnectorCalls) -> None:
    change(connector, "SubmitCommands")
    command = {"command": "GetJob", "resource": "/cloudservices/cs1/jobcollections/jc1/jobs/job1"}
    many = connector.call("SubmitCommands", body=[command, command], headers=AT_ONCE)
    assert [one["status"] for one in many.json()["operations"]] == ["Succeeded", "Succeeded"]
    read = many.json()["operations"][0]["id"]
    for name in ("GetOperation", "GetOperationResult"):
        connector.call(name, {"id": read})
    # The second waits for the first, which is asynchronous, so it has not started.
    cloud_service = "/cloudservices/cs3"
    both = [
        {
            "command": "CreateOrUpdateCloudService",
            "resource": cloud_service,
            "body": {"label": "l", "geoRegion": "West Europe"},
        },
        {"command": "GetCloudService", "resource": cloud_service},
    ]
    waiting = connector.call("SubmitCommands", body=both).json()["operations"][1]["id"]
    connector.call("CancelOperation", {"id": waiting})
    connector.call("ListOperations", query={"limit": "2"})


def tell_of_event_subscriptions(connector: ConnectorCalls) -> None:
    made = connector.call("CreateEventSubscription", body=WEBHOOK).json()
    names = {"id": made["id"]}
    connector.call("ListEventSubscriptions")
    connector.call("GetEventSubscription", names)
    connector.call("PatchEventSubscription", names)
    connector.call("RotateSecret", names)
    assert connector.call("SendTestEvent", names).status_code == 202
    assert connector.call("SendTestEvent", names, headers=AT_ONCE).status_code == 200
    connector.call("ReplayEvents", names, query={"since": "2026-01-31T02:30:00Z"})
    connector.call("ListDeadLetters", names)
    connector.call("RedriveDeadLetters", names)
    for change_of_status in ("Pause", "Resume", "Enable", "Delete"):
        connector.call(f"{change_of_status}EventSubscription", names)


def tell_of_documents(connector: ConnectorCalls) -> None:
    connector.call("ListEvents", query={"limit": "1000"})
    connector.call("GetHealth")
    for name in ("GetOpenApi", "GetAsyncApi"):
        etag = connector.call(name).headers["etag"][0]
        again = connector.call(name, headers={"If-None-Match": etag})
        assert again.status_code == 304
