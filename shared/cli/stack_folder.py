"""What the local stack keeps in its data folder beside the database: keys, certificates, and the settings they make."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.cli.private_folder import PrivateFolder
from shared.development_certificates import DevelopmentCertificates, create_development_certificates
from shared.errors import ConfigurationError
from shared.host.keys import KEYS_FILE, read_keys


@dataclass(frozen=True, slots=True)
class StackFolder(PrivateFolder):
    """Where everything is; nothing is made before `prepare`."""

    @property
    def certificates(self) -> DevelopmentCertificates:
        return DevelopmentCertificates(self.path / "certificates")

    @property
    def host_keys(self) -> Path:
        return self.path / KEYS_FILE

    def prepare(self, *, now: datetime, makes_key: bool) -> None:
        """Make what is missing; what is there stays. A key must not be made for a database that has lost its own.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        with self.making(makes_key=makes_key):
            create_development_certificates(self.certificates.folder, now=now)

    def app_settings(self, *, port: int, scheduler_port: int) -> dict[str, str]:
        """Return the app settings of a stack on this folder and these ports."""
        return {
            "TOCSIN_DATA_DIR": str(self.path),
            "TOCSIN_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TOCSIN_SCHEDULER_URL": f"https://127.0.0.1:{scheduler_port}",
            "TOCSIN_SCHEDULER_CA": str(self.certificates.authority),
            "TOCSIN_CLIENT_CERTIFICATE": str(self.certificates.client),
            "TOCSIN_MANAGEMENT_CERTIFICATES": str(self.certificates.client_cer),
            "TOCSIN_DATA_KEY_FILE": str(self.data_key_file),
            # Of `tocsin token`, for whoever can read the folder.
            "TOCSIN_LOCAL_ISSUER": "true",
        }

    def host_key(self) -> str:
        """Return the key that opens every function.

        Raises:
            ConfigurationError: no stack was ever started here.
        """
        keys = read_keys(self.host_keys)
        if not keys:
            raise ConfigurationError(
                f"there is no {self.host_keys.resolve()}; start the stack with `tocsin up` first,"
                " or name its folder with --data-dir"
            )
        return str(next(iter(keys["hostKeys"].values())))
