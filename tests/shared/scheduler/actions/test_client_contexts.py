import base64
import ssl

import pytest

from shared.errors import ConfigurationError
from shared.scheduler.actions.client_contexts import KEPT_CONTEXTS, ClientContexts
from shared.tls import client_context
from tests.client_certificates import TERRAFORM, name, pfx_of, self_signed

IDENTITY = self_signed(name(*TERRAFORM))
PFX = pfx_of(IDENTITY, "geheim")


def test_a_certificate_is_loaded_once() -> None:
    contexts = ClientContexts(client_context)

    context = contexts.context(PFX, "geheim")

    assert contexts.context(PFX, "geheim") is context
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_each_pfx_has_a_context_of_its_own() -> None:
    contexts = ClientContexts(client_context)

    first, second = contexts.context(PFX, "geheim"), contexts.context(pfx_of(IDENTITY), "")

    assert first is not second


def test_p8_the_pfx_alone_opens_nothing() -> None:
    contexts = ClientContexts(client_context)
    contexts.context(PFX, "geheim")

    with pytest.raises(ConfigurationError):
        contexts.context(PFX, "s3cret")


def test_the_number_of_kept_contexts_is_bounded_and_those_used_lately_stay() -> None:
    loaded: list[bytes] = []

    def load(pfx: bytes, password: str) -> ssl.SSLContext:
        loaded.append(pfx)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    contexts = ClientContexts(load)
    names = [base64.b64encode(b"%d" % number).decode() for number in range(KEPT_CONTEXTS + 1)]
    for one in names[:-1]:
        contexts.context(one, "")
    contexts.context(names[0], "")
    contexts.context(names[-1], "")

    contexts.context(names[0], "")
    assert len(loaded) == KEPT_CONTEXTS + 1
    contexts.context(names[1], "")
    assert len(loaded) == KEPT_CONTEXTS + 2
