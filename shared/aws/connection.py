"""How a process enters AWS: by keys of the settings, or by what boto3 finds on the machine."""

from dataclasses import dataclass, field

from shared.errors import ConfigurationError
from shared.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsConnection:
    """Without keys the chain of boto3 finds an identity; `endpoint` takes the place of all of AWS."""

    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str | None = None
    endpoint: str | None = None


def connection_of(settings: Settings) -> AwsConnection:
    """Return what the settings say.

    Raises:
        ConfigurationError: one half of a key is there without the other.
    """
    if (settings.aws_access_key_id is None) != (settings.aws_secret_access_key is None):
        raise ConfigurationError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together")
    return AwsConnection(
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
        session_token=settings.aws_session_token,
        region=region_of(settings),
        endpoint=settings.aws_endpoint,
    )


def region_of(settings: Settings) -> str | None:
    """Return the region of what is named without one."""
    return settings.aws_region or settings.aws_default_region
