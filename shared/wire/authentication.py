"""How an HTTP action says who it is; what proves it goes in and never comes out (contract/MODEL.md §2)."""

import re
from enum import StrEnum
from typing import Annotated, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.wire.client_certificate import open_pfx
from shared.wire.json_types import JsonObject
from shared.wire.model import (
    CONTROL,
    STORED,
    Ignored,
    Secret,
    WireModel,
    check_plain,
    validated,
)
from shared.wire.times import Instant
from shared.wire.words import word_reader

# A tenant is a step of the path of the token request: a GUID or a domain.
TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")
# Derived from the pfx: answered, and of no effect when they are sent back.
DERIVED = ("certificateThumbprint", "certificateExpiration", "certificateSubjectName")


class AuthenticationType(StrEnum):
    """Answered in this spelling on every surface."""

    BASIC = "Basic"
    CLIENT_CERTIFICATE = "ClientCertificate"
    ACTIVE_DIRECTORY_OAUTH = "ActiveDirectoryOAuth"


read_type = word_reader(AuthenticationType)


def _check_user_name(name: str) -> str:
    # RFC 7617: what follows the first colon is the password.
    if ":" in name or CONTROL.search(name):
        raise PydanticCustomError("username", "must not contain a colon or control characters")
    return name


def _check_tenant(tenant: str) -> str:
    if TENANT.fullmatch(tenant) is None or ".." in tenant:
        raise PydanticCustomError("tenant", "must be a GUID or a domain")
    return tenant


TypeWord = Annotated[AuthenticationType, BeforeValidator(read_type)]
UserName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_user_name)]
Tenant = Annotated[str, AfterValidator(_check_tenant)]
PlainText = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(check_plain)]


class BasicAuthentication(WireModel):
    """Answers hold user name and type only."""

    username: UserName
    password: Secret
    type: TypeWord


class ClientCertificateAuthentication(WireModel):
    """The certificate members are told by the pfx, which its password opens; without one that is empty."""

    certificate_thumbprint: str | None = None
    certificate_expiration: Instant | None = None
    certificate_subject_name: str | None = None
    pfx: Secret
    password: Secret | None = None
    type: TypeWord

    @model_validator(mode="before")
    @classmethod
    def _forget_derived(cls, value: object, info: ValidationInfo) -> object:
        if info.context == STORED or not isinstance(value, dict):
            return value
        return {name: member for name, member in value.items() if name not in DERIVED}

    @model_validator(mode="after")
    def _open(self, info: ValidationInfo) -> Self:
        if info.context is not None:
            return self
        password = self.password.get_secret_value() if self.password else ""
        try:
            told = open_pfx(self.pfx.get_secret_value(), password)
        except ValueError as error:
            raise ValidationError.from_exception_data("pfx", [_fault_of_pfx(error)]) from None
        return self.model_copy(
            update={
                "certificate_thumbprint": told.thumbprint,
                "certificate_expiration": told.expires_at,
                "certificate_subject_name": told.subject_name,
            }
        )


class ActiveDirectoryOAuthAuthentication(WireModel):
    """A token for the audience is asked for with the client's id and secret."""

    tenant: Tenant
    audience: PlainText
    client_id: PlainText
    secret: Secret
    type: TypeWord


class AnyAuthentication(WireModel):
    """The members of all types: what a patch may name without the type, and what is told of one whose type is wrong."""

    username: UserName | None = None
    certificate_thumbprint: Ignored = None
    certificate_expiration: Ignored = None
    certificate_subject_name: Ignored = None
    pfx: Secret | None = None
    password: Secret | None = None
    tenant: Tenant | None = None
    audience: PlainText | None = None
    client_id: PlainText | None = None
    secret: Secret | None = None
    type: TypeWord


Authentication: TypeAlias = (
    BasicAuthentication | ClientCertificateAuthentication | ActiveDirectoryOAuthAuthentication
)
MODELS: dict[AuthenticationType, type[Authentication]] = {
    AuthenticationType.BASIC: BasicAuthentication,
    AuthenticationType.CLIENT_CERTIFICATE: ClientCertificateAuthentication,
    AuthenticationType.ACTIVE_DIRECTORY_OAUTH: ActiveDirectoryOAuthAuthentication,
}


def authentication_type(document: JsonObject) -> AuthenticationType | None:
    """Return the type that a document of an authentication names; None for none and for one that does not exist."""
    try:
        return read_type(document.get("type"))
    except PydanticCustomError:
        return None


def _fault_of_pfx(error: ValueError) -> InitErrorDetails:
    reason = PydanticCustomError("pfx", "{reason}", {"reason": str(error)})
    return InitErrorDetails(type=reason, loc=("pfx",), input=None)


def _read_authentication(value: object, info: ValidationInfo) -> WireModel:
    """Validate by the one model that fits: a union would tell the faults of all."""
    if isinstance(value, WireModel):
        return value
    named = authentication_type(value) if isinstance(value, dict) else None
    return validated(MODELS[named] if named else AnyAuthentication, value, context=info.context)


AnAuthentication = Annotated[Authentication, BeforeValidator(_read_authentication)]
