"""`tocsin scheduler` as a process: what it prints, whom it answers, how it ends, and what it finds again."""

import asyncio
import json
import re
import signal
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.shared.cli.scheduler_process import Client, Service, make_client, running
from tests.shared.cli.serving_process import ended, started
from tests.shared.scheduler.scheduler_stack import CLOUD_SERVICE, job_collection
from tests.target_server import serving

LIST = "/cloudservices"
CS = "/cloudservices/cs1"
JC = f"{CS}/resources/scheduler/JobCollections/jc1"
JOB = f"{CS}/resources/scheduler/~/JobCollections/jc1/jobs/daily"
DAILY = {
    "action": {"type": "http", "request": {"uri": "http://127.0.0.1:9/", "method": "GET"}},
    "recurrence": {"frequency": "day", "interval": 1},
}
START = datetime(2014, 6, 16, tzinfo=UTC)
AT_START = ("--clock", "2014-06-16T00:00:00Z")


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return make_client(tmp_path / "client")


async def make_collection(service: Service, client: Client) -> None:
    for path, body in ((CS, CLOUD_SERVICE), (JC, job_collection())):
        accepted = await service.call(client, "PUT", path, data=body)
        assert accepted.status_code == 202
        operation = f"/operations/{accepted.headers['x-ms-request-id']}"
        async with asyncio.timeout(30):
            while "InProgress" in (answer := await service.call(client, "GET", operation)).text:
                pass
        assert "<Status>Succeeded</Status>" in answer.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_tells_where_it_listens_serves_and_ends_by_a_signal(
    number: signal.Signals, tmp_path: Path, client: Client
) -> None:
    folder = tmp_path / "data"
    async with running(folder, *client.option()) as service:
        assert re.fullmatch(r"https://127\.0\.0\.1:[1-9]\d+", service.url)
        noted = json.loads((folder / "listening.json").read_bytes())

        answer = await service.call(client, "GET", LIST)

        assert answer.status_code == 200
        assert noted == {
            "url": service.url,
            "authority": str(folder / "tls" / "ca.pem"),
            "process": service.process.pid,
        }
        service.process.send_signal(number)
        await ended(service.process, code=0)
        assert not (folder / "listening.json").exists()


@pytest.mark.parametrize("form", [Encoding.DER, Encoding.PEM])
async def test_a_certificate_is_taken_in_either_form_and_no_other_one(
    form: Encoding, tmp_path: Path
) -> None:
    known = make_client(tmp_path / "known", form=form)
    expired = make_client(tmp_path / "expired", age=timedelta(days=4000))
    stranger = make_client(tmp_path / "stranger")
    async with running(tmp_path / "data", *known.option(), *expired.option()) as service:
        answers = [
            await service.call(who, "GET", LIST) for who in (known, expired, stranger, known)
        ]

        assert [answer.status_code for answer in answers] == [200, 403, 403, 200]
        assert "<Code>AuthenticationFailed</Code>" in answers[1].text


async def test_subscriptions_see_nothing_of_each_other(tmp_path: Path) -> None:
    one, other = make_client(tmp_path / "one"), make_client(tmp_path / "other")
    options = (*one.option("sub-1"), *other.option("sub-2"), *other.option("sub-3"))
    async with running(tmp_path / "data", *options) as service:
        await service.call(one, "PUT", CS, data=CLOUD_SERVICE, subscription="sub-1")

        answers = [
            await service.call(who, "GET", LIST, subscription=subscription)
            for subscription in ("sub-1", "sub-2", "sub-3")
            for who in (one, other)
        ]

        assert [answer.status_code for answer in answers] == [200, 403, 403, 200, 403, 200]
        assert ["<Name>cs1</Name>" in answer.text for answer in answers] == [True, *[False] * 5]


async def test_a_second_start_finds_what_was_made(tmp_path: Path, client: Client) -> None:
    async with running(tmp_path / "data", *client.option()) as service:
        await make_collection(service, client)
        authority = (tmp_path / "data" / "tls" / "ca.pem").read_bytes()
        await service.end()

    async with running(tmp_path / "data") as service:
        found = await service.call(client, "GET", CS)

    assert "<Name>jc1</Name>" in found.text
    assert (tmp_path / "data" / "tls" / "ca.pem").read_bytes() == authority


async def test_the_clock_starts_where_it_is_told_to_and_runs_on(
    tmp_path: Path, client: Client
) -> None:
    async with running(tmp_path / "data", *client.option(), *AT_START) as service:
        await make_collection(service, client)

        created = await service.call(client, "PUT", JOB, json=DAILY)

        assert created.status_code == 201
        assert created.headers["Date"].count("GMT") == 1
        assert START <= parsedate_to_datetime(created.headers["Date"]) < START + timedelta(hours=1)
        upcoming = datetime.fromisoformat(created.json()["status"]["nextExecutionTime"])
        assert START + timedelta(seconds=20) < upcoming < START + timedelta(hours=1)
        async with asyncio.timeout(30):
            while (await service.call(client, "GET", LIST)).headers["Date"] == created.headers[
                "Date"
            ]:
                pass


async def test_a_folder_is_used_again_with_an_earlier_clock(tmp_path: Path, client: Client) -> None:
    async with running(tmp_path / "data", *client.option()) as service:
        await make_collection(service, client)
        created = await service.call(client, "PUT", JOB, json=DAILY)
        await service.end()

    async with running(tmp_path / "data", *client.option(), *AT_START) as service:
        found = await service.call(client, "GET", JOB)
        accepted = await service.call(client, "PUT", f"{CS[:-1]}2", data=CLOUD_SERVICE)

        assert found.json()["status"] == created.json()["status"]
        assert parsedate_to_datetime(found.headers["Date"]).year == 2014
        assert accepted.status_code == 202


async def test_jobs_run_and_reach_only_the_networks_that_are_allowed(
    tmp_path: Path, client: Client
) -> None:
    async with serving() as target:
        job = {"action": {"type": "http", "request": {"uri": target.url, "method": "GET"}}}
        at_once = {"TOCSIN_RUN_NOW_DELAY": "0"}
        allowed = ("--allow-network", "10.0.0.0/8", "--allow-network", "127.0.0.0/8")
        for options, expected in (((), "failed"), (allowed, "completed")):
            async with running(
                tmp_path / expected, *client.option(), *options, environment=at_once
            ) as service:
                await make_collection(service, client)
                await service.call(client, "PUT", JOB, json=job)
                async with asyncio.timeout(30):
                    while not (records := await history(service, client)):
                        pass
                    # What failed waits to be tried again.
                    while expected == "completed" and messages_left(tmp_path / expected):
                        pass
            assert [record["status"] for record in records] == [expected]

    assert [asked.line for asked in target.requests] == ["GET / HTTP/1.1"]


def messages_left(folder: Path) -> int:
    """Return what is in the queues; a message is still there when its record is already in the history."""
    with closing(sqlite3.connect(folder / "tocsin.db")) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM message")
    return int(count)


async def history(service: Service, client: Client) -> list[dict[str, str]]:
    answer = await service.call(client, "GET", f"{JOB}/history")
    records: list[dict[str, str]] = answer.json()
    return records


async def test_a_taken_port_is_named_and_how_to_choose_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with started("scheduler", tmp_path / "data", "--listen", address) as process:
            said = await ended(process, code=2)

    assert f"cannot listen on {address}" in said
    assert "with --listen" in said


async def test_a_second_on_the_same_folder_is_told_who_has_it(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "data") as first,
        started("scheduler", tmp_path / "data") as second,
    ):
        said = await ended(second, code=2)

        assert f"in use by process {first.process.pid}" in said


@pytest.mark.parametrize(
    ("name", "value"), [("TOCSIN_ROLE", "connector"), ("TOCSIN_COLOUR", "blue")]
)
async def test_a_bad_setting_is_named(name: str, value: str, tmp_path: Path) -> None:
    async with started("scheduler", tmp_path / "data", environment={name: value}) as process:
        assert name in await ended(process, code=2)
