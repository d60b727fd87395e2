"""The endpoints of management certificates: those of the retired Service Management API, by which they are kept."""

from urllib.parse import parse_qs

from sqlalchemy import Connection

from shared.errors import ConfigurationError, Fault, InvalidRequestError
from shared.scheduler.service.certificates import (
    ManagementCertificate,
    ManagementCertificates,
    read_certificate,
)
from shared.scheduler.service.changes import Effect
from shared.scheduler.service.exchange import Answer, Query, Request
from shared.sql.database import Transaction
from shared.tls import Certificate
from shared.wire.management_certificate import (
    DATA,
    THUMBPRINT,
    SubscriptionCertificate,
    decode_upload,
    encode_certificate,
    encode_certificates,
)

STATES = ("valid", "all")


class CertificateEndpoints:
    """Lists, shows, adds and deletes; to delete one is to revoke it."""

    def __init__(self, certificates: ManagementCertificates) -> None:
        self._certificates = certificates

    def list(self, request: Request) -> Query:
        state = read_state(request.query)

        def query(connection: Connection) -> Answer:
            shown = [
                shape(one)
                for one in self._certificates.list(connection, request.subscription)
                if state == "all" or one.stored.revoked_at is None
            ]
            return Answer(status=200, body=encode_certificates(shown))

        return query

    def get(self, request: Request) -> Query:
        def query(connection: Connection) -> Answer:
            thumbprint = request.params["thumbprint"]
            found = self._certificates.find(connection, request.subscription, thumbprint)
            return Answer(status=200, body=encode_certificate(shape(found)))

        return query

    def add(self, request: Request) -> Effect:
        certificate = read_upload(request.body)

        def effect(transaction: Transaction) -> Answer:
            self._certificates.upload(transaction, request.subscription, certificate)
            return Answer(status=201)

        return effect

    def delete(self, request: Request) -> Effect:
        def effect(transaction: Transaction) -> Answer:
            thumbprint = request.params["thumbprint"]
            self._certificates.revoke(transaction, request.subscription, thumbprint)
            return Answer(status=200)

        return effect


def read_state(query: str) -> str:
    """Return which certificates a list asks for. Raises InvalidRequestError."""
    state = parse_qs(query).get("state", ["valid"])[-1].lower()
    if state not in STATES:
        raise InvalidRequestError([Fault("state", f"must be one of {', '.join(STATES)}")])
    return state


def read_upload(body: bytes) -> Certificate:
    """Return the certificate in the body of an upload. Raises InvalidRequestError."""
    uploaded = decode_upload(body)
    try:
        certificate = read_certificate(uploaded.data)
    except ConfigurationError as error:
        raise InvalidRequestError([Fault(DATA, error.message)]) from None
    said = uploaded.thumbprint
    if said is not None and said.upper() != certificate.thumbprint:
        found = f"is {said[:100]}; that of the data is {certificate.thumbprint}"
        raise InvalidRequestError([Fault(THUMBPRINT, found)])
    return certificate


def shape(one: ManagementCertificate) -> SubscriptionCertificate:
    return SubscriptionCertificate(
        public_key=one.certificate.public_key,
        thumbprint=one.stored.thumbprint,
        data=one.stored.der,
        created=one.stored.uploaded_at,
        revoked=one.stored.revoked_at,
    )
