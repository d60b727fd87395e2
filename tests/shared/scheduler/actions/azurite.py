"""Azurite, Microsoft's own storage service for development, as a process."""

import base64
import hashlib
import hmac
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import requests
from defusedxml.ElementTree import fromstring

from tests.conformance.clients.languages import MODULES, SEARCH_PATH, absent

ACCOUNT = "tocsin"
KEY = base64.b64encode(b"key of the storage account").decode()
PROGRAM = MODULES / "azurite" / "dist" / "src" / "queue" / "main.js"
LISTENS = "listens on "
VERSION = "2019-12-12"
EXPIRY = "2099-01-01T00:00:00Z"
SECONDS = 30


@dataclass(frozen=True)
class Azurite:
    """One account; queues are made when they are asked for."""

    url: str
    queues: set[str] = field(default_factory=set)

    @property
    def endpoint(self) -> str:
        return f"{self.url}/{{account}}"

    def queue(self, name: str) -> str:
        """Make a queue and return its name."""
        answer = requests.put(self._url(name), timeout=SECONDS)
        assert answer.status_code == 201
        return name

    def messages(self, queue: str) -> list[str]:
        """Return the texts of up to 32 messages, decoded as CloudQueue of .NET does."""
        url = self._url(f"{queue}/messages", peekonly="true", numofmessages="32")
        return texts_in(requests.get(url, timeout=SECONDS).content)

    def sas(self, queue: str, *, permissions: str = "a", expiry: str = EXPIRY) -> str:
        """Return the SAS token of one queue
        (https://learn.microsoft.com/rest/api/storageservices/create-service-sas)."""
        resource = f"/queue/{ACCOUNT}/{queue}"
        signature = signed(permissions, "", expiry, resource, "", "", "", VERSION)
        return urlencode({"sv": VERSION, "sp": permissions, "se": expiry, "sig": signature})

    def _url(self, path: str, **query: str) -> str:
        """Return a URL with a SAS token of the account
        (https://learn.microsoft.com/rest/api/storageservices/create-account-sas)."""
        token = {"sp": "rwdlacup", "ss": "q", "srt": "sco", "se": EXPIRY, "sv": VERSION}
        words = (token["sp"], token["ss"], token["srt"], "", EXPIRY, "", "", VERSION, "")
        query |= token | {"sig": signed(ACCOUNT, *words)}
        return f"{self.url}/{ACCOUNT}/{path}?{urlencode(query)}"


def texts_in(content: bytes) -> list[str]:
    """Return the texts of the messages in the XML of a queue."""
    root: Element = fromstring(content)
    texts = [element.text or "" for element in root.iter("MessageText")]
    return [base64.b64decode(text, validate=True).decode() for text in texts]


def member_of(document: str, name: str) -> str:
    """Return a member of a StorageQueueMessage, read from a string as .NET does."""
    root: Element = fromstring(document.replace('encoding="utf-16"', 'encoding="utf-8"').encode())
    return root.findtext(name) or ""


def signed(*words: str) -> str:
    digest = hmac.digest(base64.b64decode(KEY), "\n".join(words).encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


@contextmanager
def running_azurite() -> Iterator[Azurite]:
    """Start it and wait until it listens; skipped where it is missing, but for CI."""
    node = shutil.which("node")
    if node is None or not PROGRAM.exists():
        absent("there is no node, or no azurite: `make tests/conformance/node/node_modules/.done`")
    options = ("--inMemoryPersistence", "--disableTelemetry", "--queuePort", "0")
    environment = {"PATH": SEARCH_PATH, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with subprocess.Popen(
        [node, PROGRAM, *options, "--queueHost", "127.0.0.1"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if LISTENS in line)
        # It logs each request, and a full pipe would stop it.
        thread = Thread(target=deque, args=(process.stdout, 0))
        thread.start()
        try:
            yield Azurite(line.partition(LISTENS)[2].strip())
        finally:
            process.terminate()
            thread.join()
