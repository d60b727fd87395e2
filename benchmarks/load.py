"""The load generator, in a process of its own: HTTP/1.1 on kept-alive connections, by plain asyncio streams.

`saturated`: each connection sends its next request as soon as it has the answer. `open`: requests are due at a fixed
rate whether or not the server keeps up, and latency counts from when each was due, so that waiting is not left out.
"""

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import uvloop

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
LIMIT = 16 * 1024 * 1024


@dataclass(slots=True)
class Result:
    """What was seen: latencies in seconds, and how often each status was answered."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    began: float = 0.0
    ended: float = 0.0

    def to_json(self) -> dict[str, object]:
        ordered = sorted(self.latencies)
        return {
            "requests": len(ordered),
            "per_second": len(ordered) / (self.ended - self.began),
            "p50_ms": quantile(ordered, 0.50) * 1000,
            "p99_ms": quantile(ordered, 0.99) * 1000,
            "max_ms": ordered[-1] * 1000,
            "statuses": dict(self.statuses),
        }


def quantile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Requests:
    """Requests written out beforehand: making them costs the measured machine nothing."""

    def __init__(self, plan: dict[str, Any]) -> None:
        body = b"" if plan["body"] is None else json.dumps(plan["body"]).encode()
        headers = {
            "host": f"127.0.0.1:{plan['port']}",
            "content-type": "application/json",
            "content-length": str(len(body)),
            **plan["headers"],
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._requests = [
            f"{plan['method']} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
            for path in plan["paths"]
        ]
        self._number = count()

    def next(self) -> bytes:
        return self._requests[next(self._number) % len(self._requests)]


class Connection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def exchange(self, request: bytes) -> int:
        """Send and read one answer to its end; returns the status."""
        self._writer.write(request)
        head = (await self._reader.readuntil(HEAD_END)).lower()
        at = head.find(LENGTH) + len(LENGTH)
        length = int(head[at : head.index(b"\r\n", at)])
        if length:
            await self._reader.readexactly(length)
        return int(head[9:12])

    def close(self) -> None:
        self._writer.close()


async def saturate(
    connections: list[Connection], requests: Requests, *, warm_up: float, seconds: float
) -> Result:
    result = Result()
    result.began = time.perf_counter() + warm_up
    result.ended = result.began + seconds

    async def loop(connection: Connection) -> None:
        while (sent := time.perf_counter()) < result.ended:
            status = await connection.exchange(requests.next())
            if sent >= result.began:
                result.latencies.append(time.perf_counter() - sent)
                result.statuses[status] += 1

    await asyncio.gather(*map(loop, connections))
    result.ended = time.perf_counter()
    return result


async def offer(
    connections: list[Connection], requests: Requests, *, rate: float, seconds: float
) -> Result:
    result = Result()
    due: asyncio.Queue[float | None] = asyncio.Queue()

    async def loop(connection: Connection) -> None:
        while (instant := await due.get()) is not None:
            status = await connection.exchange(requests.next())
            result.latencies.append(time.perf_counter() - instant)
            result.statuses[status] += 1

    workers = [asyncio.create_task(loop(connection)) for connection in connections]
    result.began = time.perf_counter()
    async for instant in arrivals(result.began, rate=rate, number=int(rate * seconds)):
        due.put_nowait(instant)
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    result.ended = time.perf_counter()
    return result


async def arrivals(began: float, *, rate: float, number: int) -> AsyncIterator[float]:
    """Yield each instant at or after it; never skips one."""
    loop = asyncio.get_running_loop()
    for instant in evenly(began, rate=rate, number=number):
        if (wait := instant - time.perf_counter()) > 0:
            woken = loop.create_future()
            loop.call_later(wait, woken.set_result, None)
            await woken
        yield instant


def evenly(began: float, *, rate: float, number: int) -> Iterator[float]:
    return (began + index / rate for index in range(number))


async def send_all(connections: list[Connection], requests: Requests, *, number: int) -> Result:
    """Send a fixed number as fast as the connections allow."""
    result = Result(began=time.perf_counter())
    left = iter(range(number))

    async def loop(connection: Connection) -> None:
        for _ in left:
            sent = time.perf_counter()
            status = await connection.exchange(requests.next())
            result.latencies.append(time.perf_counter() - sent)
            result.statuses[status] += 1

    await asyncio.gather(*map(loop, connections))
    result.ended = time.perf_counter()
    return result


async def run(options: argparse.Namespace, plan: dict[str, Any]) -> Result:
    requests = Requests(plan)
    tls = client_context(plan["tls"]) if plan["tls"] else None
    connections = [
        Connection(*await asyncio.open_connection("127.0.0.1", plan["port"], ssl=tls, limit=LIMIT))
        for _ in range(options.connections)
    ]
    try:
        if options.number:
            return await send_all(connections, requests, number=options.number)
        if options.rate:
            return await offer(connections, requests, rate=options.rate, seconds=options.seconds)
        return await saturate(connections, requests, warm_up=1.0, seconds=options.seconds)
    finally:
        for connection in connections:
            connection.close()


def client_context(tls: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls["ca"])
    context.load_cert_chain(tls["certificate"])
    return context


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", help="JSON file: port, tls, method, headers, paths, body")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, help="requests a second, due evenly")
    parser.add_argument("--number", type=int, help="requests in all, as fast as possible")
    return parser.parse_args()


if __name__ == "__main__":
    given = parse_options()
    result = uvloop.run(run(given, json.loads(Path(given.plan).read_text())))
    json.dump(result.to_json(), sys.stdout)
