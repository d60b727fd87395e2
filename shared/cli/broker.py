"""`tocsin broker`, first half: read the options and make the data folder ready.

Then it becomes `shared.cli.broker_stack`, which stays.
"""

import os
import ssl
from functools import partial
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict

from shared.cli.becoming import become
from shared.cli.options import Reading, read_port
from shared.errors import ConfigurationError
from shared.messaging.emulator_config import read_config
from shared.messaging.entities import TOCSIN_QUEUES, NamespaceDescription
from shared.served_broker.folder import BrokerFolder
from shared.settings import Durability

TOCSIN = NamespaceDescription(name="tocsin", queues=TOCSIN_QUEUES)
"""What is served without a file that says what to serve."""


class TlsFiles(BaseModel):
    """PEM files of the server's certificate, with those that signed it, and of its key."""

    model_config = ConfigDict(frozen=True)

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Raises OSError, of which ssl.SSLError is one, when they cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # Without a password, OpenSSL asks the terminal for that of an encrypted key.
        context.load_cert_chain(self.certificate, self.key, password="")
        return context


class BrokerOptions(BaseModel):
    """What the command line asks for; without `config` it is Tocsin's own namespace."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    port: int
    config: Path | None = None
    durability: Durability = Durability.POWER
    tls: TlsFiles | None = None

    def namespaces(self) -> tuple[NamespaceDescription, ...]:
        """Raises what `read_namespaces` does."""
        return (TOCSIN,) if self.config is None else read_namespaces(str(self.config))


def start(options: BrokerOptions) -> NoReturn:
    """Become the broker.

    Raises:
        ConfigurationError: the folder is in use or cannot be written.
    """
    BrokerFolder(options.folder).prepare(options.namespaces(), random_bytes=os.urandom)
    become("shared.cli.broker_stack", options.model_dump_json())


def read_options(
    *,
    data: Path,
    listen: str,
    config: Path | None,
    durability: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
) -> BrokerOptions:
    """Return what the options say; paths become absolute.

    Raises:
        ConfigurationError: with everything that is wrong with them.
    """
    reading = Reading()
    port = reading.take("--listen", listen, read_port)
    if config is not None:
        reading.take("--config", str(config), read_namespaces)
    survives = reading.take("--durability", durability, read_durability)
    tls = None
    if tls_certificate is not None and tls_key is not None:
        read = partial(read_tls, key=tls_key.resolve())
        tls = reading.take("--tls-certificate", str(tls_certificate.resolve()), read)
    elif tls_certificate is not None or tls_key is not None:
        reading.faults.append("--tls-certificate and --tls-key go together")
    reading.check()
    assert port is not None
    assert survives is not None
    return BrokerOptions(
        folder=data.resolve(),
        port=port,
        config=None if config is None else config.resolve(),
        durability=survives,
        tls=tls,
    )


def read_namespaces(path: str) -> tuple[NamespaceDescription, ...]:
    """Return what an emulator's Config.json describes; raises ValueError and TocsinError."""
    try:
        return read_config(Path(path).read_text())
    except OSError as error:
        raise ValueError(error.strerror) from error


def read_durability(text: str) -> Durability:
    if text not in tuple(Durability):
        raise ValueError(f"must be {' or '.join(Durability)}")
    return Durability(text)


def read_tls(certificate: str, *, key: Path) -> TlsFiles:
    files = TlsFiles(certificate=Path(certificate), key=key)
    try:
        files.context()
    except OSError as error:
        raise ConfigurationError(
            f"cannot be used with the key {str(key)!r}: {error.strerror or error}"
        ) from error
    return files
