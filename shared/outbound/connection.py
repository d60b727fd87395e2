"""Connections that end an answer without end.

aiohttp skips interim responses (1xx) without counting them and queues whatever else arrives, however fast it comes: a
target that sends nothing but `100 Continue` would take a whole core and a gigabyte. Here an answer has bounds.
"""

from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

INTERIM_RESPONSES = 16
HEAD_BYTES = 65_536  # up to the end of the final head, interim responses included
ANSWER_BYTES = 1_048_576  # in all; what we read of a body is less, but chunks may be framed by more than they hold
# Until the final head is there, aiohttp gets no more than this at once: what it parses it also queues.
PIECE_BYTES = 4_096


class EndlessAnswerError(aiohttp.ClientError):
    """A target sent more than an answer may have."""


class BoundedConnection(ResponseHandler):
    """Counts what arrives for a request; beyond the bounds the connection is gone, and the error says why."""

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._received = 0
        self._interim_responses = 0
        self._is_answered = False
        self._is_broken_off = False

    def set_response_params(self, **parameters: Any) -> None:
        """aiohttp calls this at the beginning of each request; the parameters are its own affair."""
        self._received = 0
        self._interim_responses = 0
        self._is_answered = False
        super().set_response_params(**parameters)

    def data_received(self, data: bytes) -> None:
        if not data:  # aiohttp goes on with what it has
            super().data_received(data)
        while data and not self._is_broken_off:
            length = len(data) if self._is_answered else PIECE_BYTES
            piece, data = data[:length], data[length:]
            self._received += len(piece)
            super().data_received(piece)
            self._check_length()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """aiohttp calls this with each head that it has parsed."""
        if self._is_broken_off:
            return
        if self._is_answered:
            self._break_off("more than one response")
            return
        code = data[0].code
        self._is_answered = code == 101 or not 100 <= code <= 199
        self._interim_responses += not self._is_answered
        if self._interim_responses > INTERIM_RESPONSES:
            self._break_off(f"more than {INTERIM_RESPONSES} interim responses")
        else:
            super().feed_data(data, size)

    def _check_length(self) -> None:
        if self._is_broken_off:
            return
        if self._is_answered and self._received > ANSWER_BYTES:
            self._break_off(f"a response of more than {ANSWER_BYTES} bytes")
        elif not self._is_answered and self._received > HEAD_BYTES:
            self._break_off(f"no response in the first {HEAD_BYTES} bytes")

    def _break_off(self, fault: str) -> None:
        self._is_broken_off = True
        error = EndlessAnswerError(fault)
        body = self._payload
        self.abort()  # not close: over TLS that would go on reading; and it drops an exception that is set before
        self.set_exception(error)
        if body is not None and not body.is_eof():
            body.set_exception(error)


class BoundedConnector(aiohttp.TCPConnector):
    """Makes `BoundedConnection`s."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        made: type[ResponseHandler] = BoundedConnection
        # aiohttp offers no other way; tests tell when this one ends.
        self._factory = partial(made, self._loop)
