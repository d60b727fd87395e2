"""What the Scheduler service alone keeps in its data folder beside the database: key and certificates."""

from dataclasses import dataclass
from datetime import datetime

from shared.cli.private_folder import PrivateFolder
from shared.development_certificates import DevelopmentCertificates, create_server_certificate


@dataclass(frozen=True, slots=True)
class SchedulerFolder(PrivateFolder):
    """Where everything is; nothing is made before `prepare`."""

    @property
    def tls(self) -> DevelopmentCertificates:
        """The authority to trust and the server's certificate; clients bring their own."""
        return DevelopmentCertificates(self.path / "tls")

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
            "TOCSIN_DATA_DIR": str(self.path),
            "TOCSIN_DATA_KEY_FILE": str(self.data_key_file),
            # Of `tocsin token`, for whoever can read the folder.
            "TOCSIN_LOCAL_ISSUER": "true",
        }
