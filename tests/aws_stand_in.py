"""AWS on a loopback port, by moto: for tests of what it does when all is well. Of speed it says nothing."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def standing_in() -> Iterator[str]:
    """Run it in threads of this process; yields its endpoint."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
