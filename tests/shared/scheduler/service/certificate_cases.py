"""Certificates that tests upload."""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding

from shared.client_certificates import KeyKind, new_key, read_subject, sign
from tests.clocks import START

# `openssl x509 -req` made it from a request without extensions; the key is gone.
VERSION_1 = b"""-----BEGIN CERTIFICATE-----
MIIBGDCBvwIUVfKrp8Ex5ldjeusEn6t2esXCz5gwCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDb2xkMCAXDTI2MTEyMjIyMzYyNVoYDzIxMjYxMDI5MjIzNjI1WjAOMQww
CgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAStDkvxSa5FlU4d
9NZlkytlqE/4+yv41iBHSlCS0USNTwuf6JMk441CA/0GlZ/chqqJppgvxryZgevz
p7pIhYwuMAoGCCqGSM49BAMCA0gAMEUCIC2BRC+uFS3EsuhIqw0XK7valHdtpJ1o
93Vk4fEkqYvNAiEA/Zpw9L7S3LFL1B1B1O0WrYE7i9gqZqIxPT+w5Nq/qno=
-----END CERTIFICATE-----
"""


def made(
    name: str = "client",
    *,
    begins: datetime = START - timedelta(hours=1),
    ends: datetime = START + timedelta(days=365),
) -> bytes:
    """Return a self-signed certificate of version 3 in DER form."""
    key = new_key(KeyKind.EC)
    certificate = sign(key, read_subject(None, name), begins=begins, ends=ends)
    return certificate.public_bytes(Encoding.DER)
