"""TLS for requests that show a client certificate: one context for each pfx, so that connections are told apart."""

import base64
import hashlib
import ssl
from collections import OrderedDict
from collections.abc import Callable

KEPT_CONTEXTS = 64
# aiohttp speaks nothing else.
PROTOCOLS = ("http/1.1",)

Load = Callable[[bytes, str], ssl.SSLContext]


class ClientContexts:
    """Loads a pfx when it is first used, and keeps those that were used lately."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._contexts: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()

    def context(self, pfx: str, password: str) -> ssl.SSLContext:
        """Return the context of a pfx in base64.

        Raises:
            ConfigurationError: OpenSSL does not take key or certificate, as it does not take weak ones.
        """
        # Whoever has the pfx without its password gets nothing.
        key = hashlib.sha256(f"{len(pfx)} {pfx}{password}".encode()).digest()
        context = self._contexts.get(key)
        if context is None:
            context = self._load(base64.b64decode(pfx), password)
            context.set_alpn_protocols(PROTOCOLS)
            self._contexts[key] = context
            if len(self._contexts) > KEPT_CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(key)
        return context
