"""`tocsin broker`: its options, and the process that it becomes, with the unmodified SDK as its client."""

import asyncio
import json
import socket
import ssl
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import MessagingEntityNotFoundError, ServiceBusError

from shared.cli.broker import TOCSIN, BrokerOptions, read_options
from shared.clock import SystemClock
from shared.development_certificates import create_server_certificate
from shared.errors import ConfigurationError
from shared.settings import Durability
from tests.shared.cli.broker_process import running
from tests.shared.cli.in_process import tocsin
from tests.shared.cli.serving_process import ended, started

SASL_HEADER = b"AMQP\x03\x01\x00\x00"
SOON = timedelta(seconds=10).total_seconds()
CONFIG = {
    "UserConfig": {
        "Namespaces": [
            {"Name": "sbemulatorns", "Queues": [{"Name": "orders"}]},
            {"Name": "other", "Queues": [{"Name": "invoices"}]},
        ]
    }
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "Config.json"
    path.write_text(json.dumps(CONFIG))
    return path


def options_of(
    folder: Path,
    *,
    listen: str = "127.0.0.1:5672",
    durability: str = "power",
    config: Path | None = None,
    tls: tuple[Path | None, Path | None] = (None, None),
) -> BrokerOptions:
    return read_options(
        data=folder,
        listen=listen,
        config=config,
        durability=durability,
        tls_certificate=tls[0],
        tls_key=tls[1],
    )


def send(connection: str, queue: str, *bodies: str) -> None:
    with (
        ServiceBusClient.from_connection_string(connection, retry_total=0) as client,
        client.get_queue_sender(queue, keep_alive=None) as sender,
    ):
        sender.send_messages([ServiceBusMessage(body) for body in bodies])


def receive(client: ServiceBusClient, queue: str) -> Iterator[str]:
    with client.get_queue_receiver(queue, keep_alive=None, prefetch_count=1) as receiver:
        for message in receiver.receive_messages(10, max_wait_time=SOON):
            receiver.complete_message(message)
            yield str(message)


def test_without_a_file_it_is_tocsins_own_namespace(tmp_path: Path) -> None:
    options = options_of(tmp_path / "data")

    assert options.namespaces() == (TOCSIN,)
    assert options.durability is Durability.POWER
    assert options.folder.is_absolute()


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    config = tmp_path / "Config.json"
    config.write_text('{"UserConfig": {"Namespaces": [{"Name": "n", "Queues": [{"Nam": "q"}]}]}}')

    with pytest.raises(ConfigurationError) as caught:
        options_of(
            tmp_path,
            listen="0.0.0.0:1",
            durability="hope",
            config=config,
            tls=(tmp_path / "none.pem", None),
        )

    said = str(caught.value)
    assert "--listen '0.0.0.0:1': must be 127.0.0.1:PORT or localhost:PORT" in said
    assert f"--config {str(config)!r}:" in said
    assert "$.UserConfig.Namespaces[0].Queues[0]" in said
    assert "--durability 'hope': must be power or process" in said
    assert "--tls-certificate and --tls-key go together" in said


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("commands", "TOCSIN_REPLY_QUEUES: commands: replies must not go to Tocsin's own queues"),
        ("a b", "TOCSIN_REPLY_QUEUES: String should match pattern"),
    ],
)
def test_queues_that_replies_may_not_go_to_are_told_with_the_other_faults(
    tmp_path: Path, setting: str, said: str
) -> None:
    ended = tocsin(
        *("broker", "--data", str(tmp_path), "--listen", "x"),
        environment={"TOCSIN_REPLY_QUEUES": setting},
    )

    assert isinstance(ended.exception, ConfigurationError)
    assert said in ended.exception.message
    assert "--listen 'x'" in ended.exception.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json': No such file"):
        options_of(tmp_path, config=tmp_path / "none.json")
    with pytest.raises(ConfigurationError, match=r"none\.pem.*cannot be used with the key"):
        options_of(tmp_path, tls=(tmp_path / "none.pem", tmp_path / "none.key"))


async def test_it_serves_the_sdk_and_keeps_what_it_was_sent(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with running(folder, environment={"TOCSIN_REPLY_QUEUES": "replies,acme/done"}) as first:
        send(first.connection["tocsin"], "commands", "one", "two")
        for queue in ("replies", "acme/done"):
            send(first.connection["tocsin"], queue, "an answer")
        assert await first.end() == ""

    async with running(folder, "--durability", "process") as second:
        with ServiceBusClient.from_connection_string(second.connection["tocsin"]) as client:
            received = [*receive(client, "commands")]

    assert first.url.startswith("amqp://127.0.0.1:")
    assert received[0] == "one"
    for name in ("keys.json", "tocsin.db", "entities.json", "lock"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


async def test_the_namespaces_of_a_config_have_keys_and_entities_of_their_own(
    tmp_path: Path, config: Path
) -> None:
    options = ("--config", str(config))
    # What a file says is all there is: the setting is not even looked at.
    environment = {"TOCSIN_REPLY_QUEUES": "commands"}
    async with running(
        tmp_path / "data", *options, namespaces=2, environment=environment
    ) as broker:
        send(broker.connection["other"], "invoices", "mine")
        with pytest.raises(MessagingEntityNotFoundError):
            send(broker.connection["sbemulatorns"], "invoices", "not mine")

    assert ";SharedAccessKey=SAS_KEY_VALUE;" in broker.connection["sbemulatorns"]
    assert ";SharedAccessKey=SAS_KEY_VALUE;" not in broker.connection["other"]


async def test_over_tls_it_answers_whoever_trusts_its_certificate(tmp_path: Path) -> None:
    files = create_server_certificate(tmp_path / "tls", now=SystemClock().now())
    options = ("--tls-certificate", str(files.server), "--tls-key", str(files.server))
    async with running(tmp_path / "data", *options) as broker:
        # The SDK takes no other port than 5671 with TLS, and another broker may have that one.
        context = ssl.create_default_context(cafile=str(files.authority))
        port = int(broker.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(SASL_HEADER)
        answer = await reader.readexactly(len(SASL_HEADER))
        writer.close()

    assert answer == SASL_HEADER
    assert broker.url.startswith("amqps://")
    assert "UseDevelopmentEmulator" not in broker.connection["tocsin"]


async def test_a_second_on_the_same_folder_is_told_who_has_it(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as first, started("broker", tmp_path / "data") as second:
        assert f"in use by process {first.process.pid}" in await ended(second, code=2)


def test_faults_of_a_file_are_told_one_a_line_by_their_paths(tmp_path: Path) -> None:
    config = tmp_path / "Config.json"
    queues = [{"Name": "q", "Properties": {"RequiresSession": "yes"}}, {"Name": "Q"}]
    config.write_text(json.dumps({"UserConfig": {"Namespaces": [{"Name": "n", "Queues": queues}]}}))

    with pytest.raises(ConfigurationError) as caught:
        options_of(tmp_path, config=config)

    place = "$.UserConfig.Namespaces[0]"
    assert caught.value.message.splitlines() == [
        f"--config {str(config)!r}:",
        f"  {place}.Queues[0].Properties.RequiresSession: must be true or false",
        f"  {place}.Queues[1].Name: is the name of Queues[0] too, ignoring case",
    ]


async def test_a_taken_port_is_named_and_how_to_choose_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        async with started("broker", tmp_path / "data", "--listen", listen) as process:
            said = await ended(process, code=2)
    assert f"cannot listen on {listen}" in said
    assert "choose another port with --listen" in said


async def test_p8_what_it_logs_of_a_wrong_key_has_no_key(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as broker:
        key = broker.connection["tocsin"].split("SharedAccessKey=")[1].split(";")[0]
        with pytest.raises(ServiceBusError):
            send(broker.connection["tocsin"].replace(key, "wrong"), "commands", "x")
        said = await broker.end()

    assert "not signed" in said
    assert key not in said
