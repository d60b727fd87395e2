"""The certificates of a service that runs: what `tocsin certificates` and `tocsin token` do to it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import requests

from shared.cli.certificate_access import Place, certificate_access
from shared.cli.certificates import load
from shared.clock import SystemClock
from shared.errors import ConfigurationError, NotFoundError, PermanentError
from tests.shared.cli.scheduler_process import Client, Service, make_client, running
from tests.shared.cli.test_main import tocsin

LIST = "/cloudservices"
CLOCK = SystemClock()
# A rehearsal: the service's clock is years behind the machine's.
IN_2014 = ("--clock", "2014-06-16T00:00:00Z")


async def run(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return await asyncio.to_thread(tocsin, *map(str, arguments))


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return make_client(tmp_path / "client")


@pytest.fixture
async def service(tmp_path: Path, client: Client) -> AsyncIterator[Service]:
    async with running(tmp_path / "data", *client.option("s1"), *IN_2014) as service:
        yield service


async def arm(service: Service, token: str, subscription: str) -> requests.Response:
    path = f"/subscriptions/{subscription}/providers/Microsoft.Scheduler/jobCollections"

    def call() -> requests.Response:
        return requests.get(
            f"{service.url}{path}?api-version=2016-03-01",
            headers={"Authorization": f"Bearer {token}"},
            verify=str(service.folder / "tls" / "ca.pem"),
            timeout=20,
        )

    return await asyncio.to_thread(call)


async def test_a_second_client_comes_in_and_goes_while_the_service_runs(
    service: Service, tmp_path: Path
) -> None:
    made = await run("certificates", "create", "second", "--out", tmp_path)
    thumbprint = made.stdout.decode().split()[0]
    second = Client(tmp_path / "second.pem", tmp_path / "second.cer")
    where = ("--data", service.folder, "--subscription", "S1")
    assert (await service.call(second, "GET", LIST, subscription="s1")).status_code == 403

    uploaded = await run("certificates", "upload", second.cer, *where)
    assert (uploaded.returncode, uploaded.stderr) == (0, b"")
    assert (await service.call(second, "GET", LIST, subscription="s1")).status_code == 200

    revoked = await run("certificates", "revoke", thumbprint, *where)
    assert (revoked.returncode, revoked.stderr) == (0, b"")
    assert (await service.call(second, "GET", LIST, subscription="s1")).status_code == 403
    listed = await run("certificates", "list", *where)
    lines = [line for line in listed.stdout.decode().splitlines() if thumbprint in line]
    assert len(lines) == 1
    assert "revoked" in lines[0]


async def test_what_is_named_at_the_start_stays_revoked_across_restarts(
    tmp_path: Path, client: Client
) -> None:
    folder = tmp_path / "data"
    async with running(folder, *client.option("s1")) as service:
        thumbprint = load(client.cer).thumbprint
        await run("certificates", "revoke", thumbprint, "--data", folder, "--subscription", "s1")
        await service.end()

    async with running(folder, *client.option("s1")) as service:
        assert (await service.call(client, "GET", LIST, subscription="s1")).status_code == 403
        await run("certificates", "upload", client.cer, "--data", folder, "--subscription", "s1")
        assert (await service.call(client, "GET", LIST, subscription="s1")).status_code == 200
        said = await service.end()

    upload = f"tocsin certificates upload {client.cer} --data {folder} --subscription s1"
    assert upload in said


async def test_tokens_from_before_and_after_the_start_open_their_subscription_alone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    before = await run("token", "--data", folder, "--subscription", "s1")
    async with running(folder, *IN_2014) as service:
        after = await run("token", "--data", folder, "--subscription", "S1", "--lifetime", "5m")
        tokens = [one.stdout.decode().strip() for one in (before, after)]

        assert [(await arm(service, token, "s1")).status_code for token in tokens] == [200, 200]
        other = await arm(service, tokens[0], "s2")
        assert (other.status_code, other.json()["error"]["code"]) == (403, "AuthorizationFailed")
        errors = await service.end()

    assert tokens[0] not in errors
    assert tokens[0].rpartition(".")[2] not in errors


async def test_another_service_is_reached_by_its_url_with_a_token_of_its_own(
    service: Service, tmp_path: Path
) -> None:
    printed = await run("token", "--data", service.folder, "--subscription", "s1")
    (tmp_path / "token").write_bytes(printed.stdout)
    authority = service.folder / "tls" / "ca.pem"
    where = Place(
        folder=tmp_path / "none",
        url=f"{service.url}/",
        token_file=tmp_path / "token",
        authority=authority,
    )

    async with certificate_access(where, "s1", CLOCK) as access:
        assert len(await access.list()) == 1
        with pytest.raises(NotFoundError, match="was not found"):
            await access.revoke("A" * 40)
    async with certificate_access(where, "s2", CLOCK) as access:
        with pytest.raises(PermanentError, match="failed to authenticate"):
            await access.list()


async def test_a_service_that_nobody_trusts_is_told_nothing(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("s3cret")
    where = Place(folder=tmp_path, url=service.url, token_file=tmp_path / "token")

    async with certificate_access(where, "s1", CLOCK) as access:
        with pytest.raises(ConfigurationError, match="is not trusted: .+; .* --ca FILE$") as caught:
            await access.list()

    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "token", "authority", "reason"),
    [
        ("http://127.0.0.1:1", "t", None, "must be one of https"),
        ("https://127.0.0.1:1", None, None, "needs --token-file"),
        ("https://127.0.0.1:1", "missing", None, "cannot read the token"),
        ("https://127.0.0.1:1", "t", "missing", "cannot load the authority"),
        ("https://127.0.0.1:1", "t", "t", "cannot load the authority"),
    ],
)
async def test_a_place_that_cannot_be_used_is_told(
    url: str, token: str | None, authority: str | None, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "t").write_text("token")
    place = Place(
        folder=tmp_path,
        url=url,
        token_file=None if token is None else tmp_path / token,
        authority=None if authority is None else tmp_path / authority,
    )

    with pytest.raises(ConfigurationError, match=reason):
        async with certificate_access(place, "s1", CLOCK):
            pass
