"""Reads through the connector against the answers that a Scheduler may give."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from shared.client.scheduler import RestResponse
from shared.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermanentError,
    RequestError,
    TocsinError,
    TransientError,
)
from shared.wire.catalogue import CATALOGUE
from shared.wire.cloud_service import CloudServiceAnswer
from shared.wire.errors import json_error, rdfe_error
from shared.wire.xml_codec import encode_cloud_service_answer, encode_cloud_services
from tests.shared.connector.servers import answer, scripted
from tests.shared.connector.world import opened

CLOUD_SERVICE = CloudServiceAnswer(name="cs1", label="l", geo_region="West Europe")
JOB = {"cloud_service": "cs1", "job_collection": "jc1", "job": "a"}


async def test_xml_becomes_json(tmp_path: Path) -> None:
    _, client = scripted(
        answer(200, encode_cloud_service_answer(CLOUD_SERVICE)),
        answer(200, encode_cloud_services([CLOUD_SERVICE])),
    )
    async with opened(tmp_path, client) as world:
        read = world.connector.read
        one = await read(CATALOGUE["GetCloudService"], {"cloud_service": "cs1"}, {})
        many = await read(CATALOGUE["ListCloudServices"], {}, {})

    expected = {"name": "cs1", "label": "l", "description": "", "geoRegion": "West Europe"}
    assert one == (200, {**expected, "resources": []})
    assert many == (200, [{**expected, "resources": []}])


async def test_p8_json_passes_without_secrets(tmp_path: Path) -> None:
    _, client = scripted(answer(200, json.dumps({"id": "a", "secret": "geheim"}).encode()))
    async with opened(tmp_path, client) as world:
        assert await world.connector.read(CATALOGUE["GetJob"], JOB, {}) == (200, {"id": "a"})


async def test_query_is_sent_as_the_clients_of_microsoft_send_it(tmp_path: Path) -> None:
    server, client = scripted(answer(200, b"[]"))
    params = {"cloud_service": "cs1", "job_collection": "jc1"}
    async with opened(tmp_path, client) as world:
        query = {"$filter": "state eq enabled", "$top": "5"}
        await world.connector.read(CATALOGUE["ListJobs"], params, query)

    assert server.seen[0].target.endswith(
        "/jobs?api-version=2014-04-01&$filter=state%20eq%20enabled&$top=5"
    )


async def test_history_passes_as_it_is_with_its_page_and_filter(tmp_path: Path) -> None:
    records = [{"jobId": "a", "status": "failed", "message": "Body: {}"}, {"jobId": "a"}]
    server, client = scripted(answer(200, json.dumps(records).encode()))
    async with opened(tmp_path, client) as world:
        query = {"$filter": "status eq 'Failed' and state eq enabled", "$skip": "2", "$top": "2"}
        found = await world.connector.read(CATALOGUE["GetJobHistory"], JOB, query)

    assert found == (200, records)
    assert (server.seen[0].method, server.seen[0].body) == ("GET", b"")
    assert server.seen[0].target.endswith(
        "/jobs/a/history?api-version=2014-04-01"
        "&$filter=status%20eq%20%27Failed%27%20and%20state%20eq%20enabled&$skip=2&$top=2"
    )


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        (answer(404, json_error("NotFound", "m")), NotFoundError, "NotFound"),
        (answer(409, rdfe_error("Conflict", "m")), ConflictError, "Conflict"),
        (answer(400, json_error("BadRequest", "m")), RequestError, "BadRequest"),
        (answer(403, rdfe_error("ForbiddenError", "m")), RequestError, "ForbiddenError"),
        (answer(403, rdfe_error("AuthenticationFailed", "m")), TransientError, "ServerBusy"),
        (answer(401), TransientError, "ServerBusy"),
        (answer(429, rdfe_error("Busy", "m")), TransientError, "Busy"),
        (answer(500, b"<html>"), PermanentError, "Rejected"),
        (answer(307), PermanentError, "Rejected"),
        (answer(200, b"<html>"), PermanentError, "Rejected"),
        (ConnectionError("gone"), TransientError, "OutcomeUnknown"),
        (AuthenticationError("refused"), TransientError, "OutcomeUnknown"),
    ],
)
async def test_p10_errors_keep_the_words_of_the_service(
    tmp_path: Path, reply: RestResponse | Exception, error: type[TocsinError], code: str
) -> None:
    _, client = scripted(reply)
    async with opened(tmp_path, client) as world:
        with pytest.raises(error) as raised:
            await world.connector.read(CATALOGUE["GetJob"], JOB, {})

    assert raised.value.code == code


async def test_busy_service_says_when_to_come_back(tmp_path: Path) -> None:
    _, client = scripted(answer(503, retry_after="7"))
    async with opened(tmp_path, client) as world:
        with pytest.raises(TransientError) as raised:
            await world.connector.read(CATALOGUE["GetJob"], JOB, {})

    assert raised.value.retry_after == timedelta(seconds=7)
