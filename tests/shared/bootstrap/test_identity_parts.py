import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.bootstrap import Application
from shared.bootstrap.identity_parts import IdentityParts
from shared.bootstrap.stored_certificates import stored_certificates
from shared.clock import SystemClock
from shared.errors import AuthenticationError, ConfigurationError, TokenError, TransientError
from shared.key_ring import create_key_file
from shared.outbound.guard import AddressGuard
from shared.scheduler.service.credentials import Credentials
from shared.settings import Role, Settings
from shared.sql.inline import InlineDatabase
from shared.tls import parse_certificate
from tests.clocks import START, FakeClock
from tests.shared.bearer_tokens.token_cases import KEYS, NAME, token
from tests.shared.scheduler.engine_stack import migrated
from tests.shared.scheduler.service.certificate_cases import VERSION_1, made

HOUR = timedelta(hours=1)


@asynccontextmanager
async def identity(folder: Path, **settings: Any) -> AsyncIterator[IdentityParts]:
    database = InlineDatabase(migrated(folder))
    clock = FakeClock()
    parts = IdentityParts(
        Settings(data_dir=folder, **settings), database, AddressGuard(()), clock=clock
    )
    yield parts
    await parts.close()
    await database.close()


def bearer(**changes: Any) -> Credentials:
    return Credentials(authorization=f"Bearer {token(**changes)}".encode())


@pytest.fixture
def key_set(tmp_path: Path) -> Path:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": KEYS}))
    return tmp_path / "keys.json"


async def test_tokens_of_the_issuer_that_is_named_are_taken(tmp_path: Path, key_set: Path) -> None:
    async with identity(tmp_path, token_issuer=NAME, token_key_set=str(key_set)) as parts:
        await parts.authentication.check_token(bearer(), "s1")

        with pytest.raises(AuthenticationError, match="does not have authorization"):
            await parts.authentication.check_token(bearer(), "s3")
        with pytest.raises(TokenError) as caught:
            await parts.authentication.check_token(bearer(iss="other"), "s1")

    assert f'authorization_uri="{NAME}"' in caught.value.headers["www-authenticate"]


async def test_audience_and_claim_are_the_operators(tmp_path: Path, key_set: Path) -> None:
    async with identity(
        tmp_path,
        token_issuer=NAME,
        token_key_set=str(key_set),
        token_audience="api://tocsin",
        token_subscriptions_claim="roles",
    ) as parts:
        shown = bearer(aud="api://tocsin", roles=["S9"])
        await parts.authentication.check_token(shown, "s9")

        with pytest.raises(TokenError):
            await parts.authentication.check_token(bearer(roles=["S9"]), "s9")


async def test_without_an_issuer_no_token_is_taken_and_no_key_made(tmp_path: Path) -> None:
    async with identity(tmp_path) as parts:
        with pytest.raises(TokenError):
            await parts.authentication.check_token(bearer(), "s1")

    assert not issuer_of(tmp_path).exists()


async def test_the_local_issuer_has_its_key_from_the_start(tmp_path: Path) -> None:
    async with identity(tmp_path, local_issuer=True) as parts:
        _ = parts.authentication

    assert issuer_of(tmp_path).exists()


def issuer_of(folder: Path) -> Path:
    return folder / "issuer" / "signing-key.pem"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"token_issuer": NAME}, "go together"),
        ({"token_key_set": "keys.json"}, "go together"),
        (
            {"token_issuer": NAME, "token_key_set": "http://issuer.example/keys"},
            "must be one of https",
        ),
    ],
)
async def test_half_an_issuer_is_told(
    settings: dict[str, str], message: str, tmp_path: Path
) -> None:
    async with identity(tmp_path, **settings) as parts:
        with pytest.raises(ConfigurationError, match=message):
            _ = parts.authentication


async def test_p9_keys_are_fetched_from_allowed_networks_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    location = "https://127.0.0.1:1/keys"
    async with identity(tmp_path, token_issuer=NAME, token_key_set=location) as parts:
        with pytest.raises(TransientError, match="cannot be fetched"):
            await parts.authentication.check_token(bearer(), "s1")

    assert "not allowed" in caplog.text


@pytest.mark.parametrize("content", [None, b"x", VERSION_1])
async def test_a_file_that_cannot_be_introduced_is_named(
    content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "bad.cer"
    if content is not None:
        file.write_bytes(content)

    async with identity(tmp_path) as parts:
        with pytest.raises(ConfigurationError, match=str(file)):
            await parts.introduce("s1", file)


async def test_the_operator_is_told_at_each_start_of_what_ends_soon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = SystemClock().now()
    (tmp_path / "soon.cer").write_bytes(made(begins=now - HOUR, ends=now + 24 * HOUR))
    create_key_file(tmp_path / "data-key.json")
    settings = Settings(
        role=Role.SCHEDULER,
        data_dir=tmp_path,
        data_key_file=tmp_path / "data-key.json",
        management_certificates=(tmp_path / "soon.cer",),
    )

    for _ in range(2):
        caplog.clear()
        app = Application(settings)
        await app.open()
        await app.sweep_scheduler()
        await app.close()

        assert caplog.text.count("expires at") == 1


async def test_the_operator_is_told_at_the_start_of_what_lets_nobody_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "a file.cer"
    async with identity(tmp_path) as parts:
        for begins, ends, said in ((-2, -1, "expired at"), (1, 2, "is not valid before")):
            caplog.clear()
            file.write_bytes(made(begins=START + begins * HOUR, ends=START + ends * HOUR))
            await parts.introduce("s1", file)
            assert caplog.text.count(said) == 1
            assert "tocsin certificates upload" not in caplog.text

        caplog.clear()
        file.write_bytes(made())
        await parts.introduce("s1", file)
        assert caplog.text == ""


async def test_the_operator_is_told_how_what_was_revoked_is_made_valid_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, der = tmp_path / "a file.cer", made()
    file.write_bytes(der)
    async with identity(tmp_path) as parts:
        await parts.introduce("s1", file)
        thumbprint = parse_certificate(der).thumbprint
        async with stored_certificates(tmp_path, clock=FakeClock()) as stored:
            revoke = partial(stored.certificates.revoke, subscription="s1", thumbprint=thumbprint)
            await stored.database.run(revoke)
        await parts.introduce("s1", file)

    advice = f"tocsin certificates upload '{file}' --data {tmp_path} --subscription s1"
    assert caplog.text.count(advice) == 1


async def test_a_file_that_is_introduced_lets_its_holder_in(tmp_path: Path) -> None:
    file, der = tmp_path / "good.cer", made()
    file.write_bytes(der)

    async with identity(tmp_path) as parts:
        await parts.introduce("S1", file)
        await parts.authentication.check_certificate(Credentials(certificate=der), "s1")
