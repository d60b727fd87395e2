import asyncio
import json
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from shared.errors import ConfigurationError
from shared.local_issuer import AUDIENCE, ISSUER, LocalIssuer, public_key_set
from tests.clocks import START

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)


def test_the_key_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    issuer = LocalIssuer(tmp_path / "data")

    issuer.prepare()
    first = issuer.key_file.read_bytes()
    issuer.prepare()

    assert issuer.key_file.read_bytes() == first
    assert stat.S_IMODE(issuer.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(issuer.key_file.parent.stat().st_mode) == 0o700


def test_a_token_says_what_it_is_for_and_is_signed_by_the_key_in_the_set(tmp_path: Path) -> None:
    issuer = LocalIssuer(tmp_path)

    token = issuer.issue("Sub", lifetime=HOUR, now=START)

    (key,) = json.loads(json.dumps(public_key_set(issuer.key_file.read_bytes())))["keys"]
    claims = jwt.decode(
        token,
        jwt.PyJWK(key),
        algorithms=["ES256"],
        audience=AUDIENCE,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["iss"] == ISSUER
    assert claims["subscriptions"] == ["sub"]
    assert claims["exp"] - claims["nbf"] == 3600
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    assert "d" not in key


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----",
        b"-----BEGIN RSA",
    ],
)
def test_p8_a_damaged_key_is_told_without_its_content(content: bytes, tmp_path: Path) -> None:
    issuer = LocalIssuer(tmp_path)
    issuer.key_file.parent.mkdir()
    issuer.key_file.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        issuer.issue("s", lifetime=HOUR, now=START)

    assert "s3cret" not in str(caught.value)
    assert "damaged" in str(caught.value)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "issuer").touch()

    with pytest.raises(ConfigurationError, match="issuer"):
        LocalIssuer(tmp_path).prepare()


async def test_processes_that_come_at_once_share_one_key(tmp_path: Path) -> None:
    command = "import pathlib, sys; from shared.local_issuer import LocalIssuer;"
    command += "LocalIssuer(pathlib.Path(sys.argv[1])).prepare()"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", command, tmp_path, cwd=ROOT)
        for _ in range(4)
    ]

    assert [await process.wait() for process in processes] == [0] * 4
    assert [file.name for file in (tmp_path / "issuer").iterdir()] == ["signing-key.pem"]


def test_nobody_pays_for_the_library_until_there_is_a_token() -> None:
    command = "import sys, shared.bootstrap; sys.exit('jwt' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=False).returncode == 0
