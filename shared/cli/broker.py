"""`tocsin broker`, first half: read the options and make the data folder ready.

Then it becomes `shared.cli.broker_stack`, which stays.
"""

import os
import ssl
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict

from shared.cli.becoming import become
from shared.cli.options import Reading, read_port
from shared.errors import ConfigurationError
from shared.messaging.emulator_config import read_config
from shared.messaging.entities import TOCSIN_QUEUES, NamespaceDescription, QueueDescription
from shared.served_broker.folder import BrokerFolder
from shared.settings import Durability, load_settings

TOCSIN = NamespaceDescription(name="tocsin", queues=TOCSIN_QUEUES)
"""What is served without a file that says what to serve, but for the queues of replies."""


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
    """What the command line asks for; without `config` it is Tocsin's own namespace, with queues for replies."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    port: int
    config: Path | None = None
    reply_queues: tuple[str, ...] = ()
    durability: Durability = Durability.POWER
    tls: TlsFiles | None = None

    def namespaces(self) -> tuple[NamespaceDescription, ...]:
        """Raises what `read_namespaces` does."""
        if self.config is not None:
            return read_namespaces(str(self.config))
        replies = (QueueDescription(name=name) for name in self.reply_queues)
        return (replace(TOCSIN, queues=(*TOCSIN.queues, *replies)),)


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
    replies = read_reply_queues(reading) if config is None else ()
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
        reply_queues=replies,
        durability=survives,
        tls=tls,
    )


def read_namespaces(path: str) -> tuple[NamespaceDescription, ...]:
    """Return what an emulator's Config.json describes; raises ValueError and TocsinError."""
    try:
        return read_config(Path(path).read_text())
    except OSError as error:
        raise ValueError(error.strerror) from error


def read_reply_queues(reading: Reading) -> tuple[str, ...]:
    """Return what the setting TOCSIN_REPLY_QUEUES names; what is wrong with the settings is a fault."""
    # The half that stays does without what this needs.
    from shared.connector.replies import allowed_queues

    try:
        return tuple(allowed_queues(load_settings().reply_queues).values())
    except ConfigurationError as error:
        reading.faults.append(error.message)
        return ()


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
