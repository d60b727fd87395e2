"""Every setting of Tocsin; the only module that sees the environment.

Names are those of Azure app settings: `TOCSIN_ROLE`, `TOCSIN_SCHEDULER_URL`, … A malformed one, and one that begins
with `TOCSIN_` and does not exist, raises ConfigurationError with its name.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.errors import ConfigurationError

PREFIX = "TOCSIN_"
CONNECTION = "ServiceBusConnection"
"""What triggers name; its app settings are those that Azure Functions reads."""
CONNECTION_SETTINGS = {
    CONNECTION: "service_bus_connection",
    f"{CONNECTION}__fullyQualifiedNamespace": "service_bus_namespace",
    f"{CONNECTION}__clientId": "service_bus_client_id",
}
AWS_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
    "AWS_SESSION_TOKEN": "aws_session_token",
    "AWS_REGION": "aws_default_region",
}
OTHERS_SETTINGS = CONNECTION_SETTINGS | AWS_SETTINGS
"""Those whose names are not ours."""
CONNECTOR_TOKEN = "TOCSIN_CONNECTOR_TOKEN"
"""What the command line brings to a connector that asks for tokens; nothing to whoever serves."""
NOT_OURS = frozenset({"TOCSIN_SERVICEBUS_CONNECTION", CONNECTOR_TOKEN})
"""Read by the tests and by commands, which may share an environment with what they start or ask."""
SUBSCRIPTION_ID = r"^[A-Za-z0-9-]{1,64}$"
ROLE_NAME = r"^[A-Za-z0-9._:/-]{1,120}$"
QUEUE_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?$"
MAX_RATE = 1_000_000
"""One in each microsecond; instants have no finer grain."""
Word = TypeVar("Word", bound=StrEnum)


class Role(StrEnum):
    """Which functions an app registers."""

    CONNECTOR = "connector"
    SCHEDULER = "scheduler"
    ALL = "all"


class Durability(StrEnum):
    """What an acknowledged write survives: the loss of power, or only the death of the process."""

    POWER = "power"
    PROCESS = "process"


class EngineMode(StrEnum):
    """What makes the engine look for what is due: itself, in a process that stays, or a timer function."""

    RESIDENT = "resident"
    TIMER = "timer"


class ConnectorAuth(StrEnum):
    """What the platform asks callers of the connector for: a function key, or nothing, so that the token decides."""

    KEY = "key"
    TOKEN = "token"


class SchedulerKind(StrEnum):
    """Whose Scheduler the connector speaks to: Tocsin's, or one that offers what the retired classic surface did."""

    TOCSIN = "tocsin"
    CLASSIC = "classic"


class BrokerKind(StrEnum):
    """Where queues and topics are: in the database of the data folder, or in a Service Bus namespace."""

    EMBEDDED = "embedded"
    SERVICEBUS = "servicebus"


def split_list(value: object) -> object:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def read_seconds(value: object) -> object:
    """A bare number is one of seconds; pydantic takes that from a number alone, and settings are text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def read_blank(value: object) -> object:
    """An app setting without a value is one that is not there."""
    return None if value == "" else value


OptionalText = Annotated[str | None, BeforeValidator(read_blank)]
Duration = Annotated[timedelta, BeforeValidator(read_seconds)]


class Settings(BaseModel):
    """What the operator decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role = Role.ALL
    data_dir: Path = Path(".tocsin")
    database_url: OptionalText = Field(
        default=None,
        repr=False,
        # One @: what follows a second one would be taken for the host, and told when that is not found.
        pattern=r"^postgres(ql)?://([^@/\s]*@)?[^@/\s]*/[^@/?\s]+(\?\S*)?$",
        description="a PostgreSQL database in place of the file in the data folder",
    )
    durability: Durability = Durability.POWER
    broker: BrokerKind = BrokerKind.EMBEDDED
    service_bus_connection: OptionalText = Field(default=None, repr=False)
    service_bus_namespace: OptionalText = None
    service_bus_client_id: OptionalText = None
    aws_access_key_id: OptionalText = None
    aws_secret_access_key: OptionalText = Field(default=None, repr=False)
    aws_session_token: OptionalText = Field(default=None, repr=False)
    aws_default_region: OptionalText = None
    aws_region: OptionalText = Field(
        default=None, description="of what is named without one; else AWS_REGION"
    )
    aws_endpoint: OptionalText = Field(
        default=None,
        pattern=r"^https?://[^/?#@\s]+$",
        description="takes the place of all of AWS: LocalStack, moto",
    )
    sqs_commands_url: OptionalText = Field(
        default=None,
        pattern=r"^https?://[^/?#@\s]+/[0-9]{12}/[A-Za-z0-9_.-]{1,80}$",
        description="the SQS queue that commands are taken from",
    )
    events_topic: OptionalText = Field(
        default=None,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?$",
        description="the topic of our namespace that gets every event",
    )
    events_kept: Duration = Field(
        default=timedelta(days=30),
        ge=timedelta(hours=48),
        le=timedelta(days=3650),
        description="events and their deliveries; what is told again within a day must be known by its id",
    )
    operations_kept: Duration = Field(
        default=timedelta(days=7),
        ge=timedelta(hours=48),
        le=timedelta(days=3650),
        description="those that ended; a repeat of their request is answered with them for a day",
    )
    subscription_id: Annotated[str, AfterValidator(str.lower)] = Field(
        default="00000000-0000-0000-0000-000000000001",
        pattern=SUBSCRIPTION_ID,
        description="case does not matter; answers and events have it in lower case",
    )
    public_url: str | None = Field(
        default=None, description="where callers reach the connector; used in Operation-Location"
    )
    reply_queues: Annotated[
        tuple[Annotated[str, Field(pattern=QUEUE_NAME)], ...], BeforeValidator(split_list)
    ] = Field(default=(), description="where command messages may have completion events sent to")
    scheduler_url: str = "https://127.0.0.1:8443"
    scheduler_kind: SchedulerKind = SchedulerKind.TOCSIN
    scheduler_ca: Path | None = None
    client_certificate: Path | None = None
    client_certificate_password: str | None = Field(default=None, repr=False)
    management_certificates: Annotated[tuple[Path, ...], BeforeValidator(split_list)] = ()
    behind_app_service: bool = Field(
        default=False,
        description="client certificates are those in X-ARR-ClientCert, which the platform sets or removes",
    )
    token_issuer: str | None = None
    token_key_set: str | None = Field(
        default=None, description="where the issuer's keys are: a file, or a URL of https"
    )
    token_audience: str = "https://management.azure.com/"
    token_subscriptions_claim: str = Field(
        default="subscriptions", description="lists what a token opens; `roles` with Entra ID"
    )
    local_issuer: bool = Field(
        default=False, description="take tokens of the issuer in the data folder too"
    )
    connector_auth: ConnectorAuth = Field(
        default=ConnectorAuth.KEY,
        description="with `token`, which needs an issuer, functions ask for no key",
    )
    connector_token_issuer: str | None = Field(
        default=None, description="whose bearer tokens callers of the connector must bring"
    )
    connector_token_audience: str | None = None
    connector_token_key_set: str | None = Field(
        default=None, description="where the issuer's keys are: a file, or a URL of https"
    )
    connector_token_read_role: str = Field(
        default="Tocsin.Read",
        pattern=ROLE_NAME,
        description="an app role or scope that opens reads",
    )
    connector_token_write_role: str = Field(
        default="Tocsin.Write", pattern=ROLE_NAME, description="one that opens changes, and reads"
    )
    polled_collections: Annotated[tuple[str, ...], BeforeValidator(split_list)] = Field(
        default=(),
        description="of a Scheduler that does not push its history: /cloudservices/{cs}/jobcollections/{jc}",
    )
    max_requests_per_second: int | None = Field(
        default=None,
        ge=1,
        le=MAX_RATE,
        description="of HTTP, that one instance of the connector takes; none: as many as come",
    )
    data_key_file: Path | None = None
    data_keys: str | None = Field(
        default=None,
        repr=False,
        description="the content of such a file, where the platform puts a secret into a setting",
    )
    allowed_networks: Annotated[
        tuple[IPv4Network | IPv6Network, ...], BeforeValidator(split_list)
    ] = Field(default=(), description="private networks that outbound HTTP may reach")
    webhook_timeout: Duration = Field(
        default=timedelta(seconds=15),
        gt=timedelta(0),
        le=timedelta(seconds=25),
        description="with the 30 s of a stretch it must stay within the lease of an event subscription, 60 s",
    )
    rest_timeout: Duration = Field(
        default=timedelta(seconds=60),
        gt=timedelta(0),
        le=timedelta(seconds=75),
        description="a call of the Scheduler must end within the lease of its operation, 90 s",
    )
    max_attempts: int = Field(
        default=224,
        ge=1,
        description="of jobs at once in a process; below maxConcurrentCalls of host.json, 256",
    )
    max_attempts_per_host: int = Field(
        default=32, ge=1, le=MAX_RATE, description="attempts of one process that run at once"
    )
    max_starts_per_second: int = Field(
        default=100, ge=1, le=MAX_RATE, description="of each job collection, in one process"
    )
    oauth_authority: str = Field(
        default="https://login.microsoftonline.com",
        pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
        description="where actions with ActiveDirectoryOAuth get their tokens: {authority}/{tenant}/oauth2/token",
    )
    storage_queue_endpoint: str = Field(
        default="https://{account}.queue.core.windows.net",
        pattern=r"^https?://[^?#@\s]*\{account\}[^?#@\s]*$",
        description="where jobs put messages into storage queues; Azurite has accounts in the path",
    )
    service_bus_endpoint: str = Field(
        default="amqps://{namespace}.servicebus.windows.net",
        pattern=r"^(amqps://[^/?#@:\s]+|amqp://[^/?#@\s]+)$",
        description="where jobs send to queues and topics; the SDK speaks TLS on no other port than 5671",
    )
    engine: EngineMode = EngineMode.TIMER
    host_strict: bool = Field(
        default=False,
        description="the local host is as unkind to functions as Service Bus and Azure may be",
    )
    default_retry_count: int = Field(
        default=4, ge=0, le=20, description="of jobs without a retry policy; 30 s apart"
    )
    run_now_delay: Duration = Field(
        default=timedelta(seconds=20),
        ge=timedelta(0),
        description="how far ahead a job without a start time runs first, as the retired service did it",
    )


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `environment` (default: the process's).

    Raises:
        ConfigurationError: names every setting that is unknown or malformed; never shows a value.
    """
    source = os.environ if environment is None else environment
    given = {name: value for name, value in source.items() if is_ours(name)}
    known = {name.upper(): field for field, name in setting_names().items()}
    unknown = sorted(name for name in given if name.upper() not in known)
    if unknown:
        raise ConfigurationError(f"unknown settings: {', '.join(unknown)}")
    values = {known[name.upper()]: value for name, value in given.items()}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        names = setting_names()
        faults = (f"{names[str(fault['loc'][0])]}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError("; ".join(faults)) from None


def is_ours(name: str) -> bool:
    return (name.startswith(PREFIX) and name not in NOT_OURS) or name in OTHERS_SETTINGS


def setting_names() -> Mapping[str, str]:
    """Return the name in the environment of each field."""
    names = {field: f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    return names | {field: name for name, field in OTHERS_SETTINGS.items()}


def load_role(environment: Mapping[str, str] | None = None) -> Role:
    """Return the role alone: a function app must be indexed even while another setting is missing or malformed.

    Raises:
        ConfigurationError: there is no such role.
    """
    return load_word("ROLE", Role.ALL, environment)


def load_engine_mode(environment: Mapping[str, str] | None = None) -> EngineMode:
    """Return the engine's mode alone, as `load_role` does the role.

    Raises:
        ConfigurationError: there is no such mode.
    """
    return load_word("ENGINE", EngineMode.TIMER, environment)


def takes_sqs_commands(environment: Mapping[str, str] | None = None) -> bool:
    """Whether commands come from SQS too, as `load_role` does the role."""
    source = os.environ if environment is None else environment
    return bool(source.get(f"{PREFIX}SQS_COMMANDS_URL"))


def load_connector_auth(environment: Mapping[str, str] | None = None) -> ConnectorAuth:
    """Return what the platform asks callers for alone, as `load_role` does the role.

    Raises:
        ConfigurationError: there is no such word.
    """
    return load_word("CONNECTOR_AUTH", ConnectorAuth.KEY, environment)


def load_connector_token(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the bearer token that commands bring to the connector of a running stack, if there is one."""
    source = os.environ if environment is None else environment
    return source.get(CONNECTOR_TOKEN) or None


def load_word(name: str, default: Word, environment: Mapping[str, str] | None) -> Word:
    source = os.environ if environment is None else environment
    kind = type(default)
    word = source.get(f"{PREFIX}{name}", default)
    try:
        return kind(word)
    except ValueError:
        raise ConfigurationError(
            f"{PREFIX}{name}: there is no {name.lower()} {word!r}; {', '.join(kind)} are offered"
        ) from None


def export_environment(values: Mapping[str, str]) -> None:
    """Put app settings into the process's environment, as the Functions host does; what is there already wins."""
    for name, value in values.items():
        os.environ.setdefault(name, value)


def app_settings() -> Mapping[str, str]:
    """The process's environment, read-only: what a function app and the host that runs it are configured by."""
    return MappingProxyType(os.environ)
