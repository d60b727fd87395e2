"""Calls of AWS in threads of their own.

One endpoint (a service in a region) has four of the sixteen threads at most, also while it answers nobody: what was
given up goes on in its thread until its socket's time is over, and only then is the place free. So an endpoint that
is down delays no other.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from shared.aws.connection import AwsConnection
from shared.aws.refusals import AwsCallError, is_too_large, shown_code

THREADS = 16
PER_ENDPOINT = 4
CONNECT_LIMIT = timedelta(seconds=3)

Parameters = Mapping[str, Any]


class AwsClients:
    """Keeps a client for each service and region; used on one event loop."""

    def __init__(
        self,
        connection: AwsConnection,
        *,
        time_limit: timedelta,
        session: Callable[[AwsConnection], Any] | None = None,
    ) -> None:
        """No answer of AWS is waited for longer than `time_limit`, whatever a caller allows; `session` makes boto3's,
        which reads a megabyte of descriptions, once.
        """
        self._connection = connection
        self._new_session = session or new_session
        self._time_limit = time_limit
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="aws")
        self._places: dict[tuple[str, str], asyncio.Semaphore] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: Any = None
        self._making = threading.Lock()
        self._is_closed = False

    async def call(
        self,
        service: str,
        region: str,
        operation: str,
        parameters: Parameters,
        *,
        within: timedelta | None = None,
    ) -> dict[str, Any]:
        """Call an operation, named as boto3 does, once, and return its answer.

        Raises:
            AwsCallError: it was refused, or got no answer in time; then nobody knows what became of it.
        """
        limit = min(within or self._time_limit, self._time_limit).total_seconds()
        endpoint = (service, region)
        place = self._places.setdefault(endpoint, asyncio.Semaphore(PER_ENDPOINT))
        try:
            async with asyncio.timeout(limit):
                await place.acquire()
                if self._is_closed:
                    place.release()
                    raise AwsCallError(named(endpoint), "Closed")
                answer = asyncio.get_running_loop().run_in_executor(
                    self._executor, self._call, endpoint, operation, parameters
                )
                answer.add_done_callback(lambda done: leave(place, done))
                return await asyncio.shield(answer)
        except TimeoutError as error:
            raise AwsCallError(named(endpoint), "Timeout") from error

    async def close(self) -> None:
        """Begin no more calls; those on their way end in their threads."""
        self._is_closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    def _call(
        self, endpoint: tuple[str, str], operation: str, parameters: Parameters
    ) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            call = getattr(self._client(endpoint), operation)
            answer: dict[str, Any] = call(**parameters)
        except ClientError as error:
            refusal = error.response.get("Error", {})
            code, message = refusal.get("Code"), refusal.get("Message")
            raise AwsCallError(
                named(endpoint), shown_code(code), is_too_large=is_too_large(code, message)
            ) from error
        except BotoCoreError as error:
            raise AwsCallError(named(endpoint), type(error).__name__) from error
        return answer

    def _client(self, endpoint: tuple[str, str]) -> Any:
        with self._making:
            if self._session is None:
                self._session = self._new_session(self._connection)
            if endpoint not in self._clients:
                service, region = endpoint
                self._clients[endpoint] = self._session.client(
                    service,
                    region_name=region,
                    endpoint_url=self._connection.endpoint,
                    config=config_of(self._time_limit),
                )
            return self._clients[endpoint]


def new_session(connection: AwsConnection) -> Any:
    import boto3

    return boto3.session.Session(
        aws_access_key_id=connection.access_key_id,
        aws_secret_access_key=connection.secret_access_key,
        aws_session_token=connection.session_token,
    )


def config_of(time_limit: timedelta) -> Any:
    """Return how clients are to be: they call once, since to try again is the business of schedules that others see."""
    from botocore.config import Config

    # Only ours leads elsewhere (P9): not AWS_ENDPOINT_URL, and no file of the machine.
    unknown_to_stubs: dict[str, Any] = {"ignore_configured_endpoint_urls": True}
    return Config(
        retries={"total_max_attempts": 1},
        connect_timeout=min(CONNECT_LIMIT, time_limit).total_seconds(),
        read_timeout=time_limit.total_seconds(),
        max_pool_connections=PER_ENDPOINT,
        **unknown_to_stubs,
    )


def leave(place: asyncio.Semaphore, done: "asyncio.Future[dict[str, Any]]") -> None:
    place.release()
    if not done.cancelled():
        done.exception()  # nobody may be left to take it


def named(endpoint: tuple[str, str]) -> str:
    service, region = endpoint
    return f"{service} in {region}"
