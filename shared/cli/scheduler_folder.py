"""What the Scheduler service alone keeps in its data folder beside the database: key, certificates, its address."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.cli.private_folder import PrivateFolder
from shared.development_certificates import DevelopmentCertificates, create_server_certificate
from shared.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SchedulerFolder(PrivateFolder):
    """Where everything is; nothing is made before `prepare`."""

    @property
    def tls(self) -> DevelopmentCertificates:
        """The authority to trust and the server's certificate; clients bring their own."""
        return DevelopmentCertificates(self.path / "tls")

    @property
    def listening_file(self) -> Path:
        return self.path / "listening.json"

    def prepare(self, *, now: datetime, makes_key: bool) -> None:
        """Make what is missing, as `making` does.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        with self.making(makes_key=makes_key):
            create_server_certificate(self.tls.folder, now=now)

    def app_settings(self) -> dict[str, str]:
        """Return the app settings of a service on this folder."""
        return {
            # Triggers name a connection; here it is this process's own broker.
            "ServiceBusConnection__fullyQualifiedNamespace": "localhost",
            "TOCSIN_DATA_DIR": str(self.path),
            "TOCSIN_DATA_KEY_FILE": str(self.data_key_file),
            # Of `tocsin token`, for whoever can read the folder.
            "TOCSIN_LOCAL_ISSUER": "true",
        }

    @contextmanager
    def listening(self, url: str) -> Iterator[None]:
        """Note while the block runs that this process listens at `url`, whole or not at all."""
        passing = self.listening_file.with_name(f"{self.listening_file.name}.new")
        passing.write_text(json.dumps({"url": url, "process": os.getpid()}))
        passing.replace(self.listening_file)
        try:
            yield
        finally:
            self.listening_file.unlink(missing_ok=True)

    def running_url(self) -> str:
        """Return where the service on this folder listens.

        Raises:
            ConfigurationError: none does.
        """
        try:
            note = json.loads(self.listening_file.read_bytes())
            # A process that was killed has left its note behind.
            os.kill(note["process"], 0)
        except (OSError, ValueError):
            raise ConfigurationError(
                f"no service runs on {self.path}; start it with"
                f" `tocsin scheduler --data {self.path} --listen 127.0.0.1:8443`"
            ) from None
        return str(note["url"])
