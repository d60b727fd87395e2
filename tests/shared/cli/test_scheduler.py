"""The options of `tocsin scheduler`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.cli.scheduler import SchedulerOptions, SubscriptionCertificate, read_options
from shared.errors import ConfigurationError
from tests.shared.cli.scheduler_process import make_client


def read(
    *,
    listen: str = "127.0.0.1:0",
    subscriptions: Sequence[str] = (),
    clock: str | None = None,
    networks: Sequence[str] = (),
) -> SchedulerOptions:
    return read_options(
        data=Path("data"),
        listen=listen,
        subscriptions=subscriptions,
        clock=clock,
        networks=networks,
    )


@pytest.mark.parametrize(
    ("listen", "port"),
    [("127.0.0.1:0", 0), ("127.0.0.1:8443", 8443), ("localhost:65535", 65535), ("LOCALHOST:0", 0)],
)
def test_loopback_addresses_are_taken(listen: str, port: int) -> None:
    assert read(listen=listen).port == port


@pytest.mark.parametrize(
    "listen",
    ["0.0.0.0:8443", "8443", "[::]:1", "example.org:1", ":1", ""],
)
def test_no_other_address_is(listen: str) -> None:
    with pytest.raises(ConfigurationError, match="--listen .*loopback only"):
        read(listen=listen)


@pytest.mark.parametrize(
    ("listen", "said"),
    [("127.0.0.1", "there is no port"), ("127.0.0.1:65536", "'65536' must be a number")],
)
def test_a_port_is_asked_for(listen: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--listen .*{said}"):
        read(listen=listen)


def test_a_subscription_may_have_several_certificates(tmp_path: Path) -> None:
    one, other = make_client(tmp_path / "one"), make_client(tmp_path / "other")

    options = read(
        subscriptions=[f"SUB-1={one.cer}", f"sub-1={other.cer}", f"sub-2={one.cer}"],
    )

    assert options.certificates == (
        SubscriptionCertificate(subscription="sub-1", path=one.cer),
        SubscriptionCertificate(subscription="sub-1", path=other.cer),
        SubscriptionCertificate(subscription="sub-2", path=one.cer),
    )


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "no.cer").write_text("no certificate")

    with pytest.raises(ConfigurationError) as caught:
        read(
            listen="10.0.0.1:1",
            subscriptions=[
                "no-file",
                f"a/b={tmp_path}",
                f"a={tmp_path / 'no.cer'}",
                f"a={tmp_path / 'none.cer'}",
            ],
            clock="yesterday",
            networks=["everywhere", "10.0.0.0/8"],
        )

    faults = caught.value.message.splitlines()
    assert [fault.split(" ")[0] for fault in faults] == [
        "--listen",
        *["--subscription"] * 4,
        "--clock",
        "--allow-network",
    ]
    assert "not a certificate in DER or PEM form" in faults[3]
    assert faults[4].endswith(
        f"cannot read the certificate {tmp_path / 'none.cer'}: No such file or directory"
    )


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2014-06-16T00:00:00Z", datetime(2014, 6, 16, tzinfo=UTC)),
        ("2014-06-16T02:00:00+02:00", datetime(2014, 6, 16, tzinfo=UTC)),
        ("2014-06-16T00:00:00", datetime(2014, 6, 16, tzinfo=UTC)),
    ],
)
def test_the_clock_is_an_instant(text: str, instant: datetime) -> None:
    assert read(clock=text).clock == instant


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z"])
def test_the_clock_stays_where_everything_can_be_computed(text: str) -> None:
    with pytest.raises(ConfigurationError, match="from 1970 on and before 9000"):
        read(clock=text)


def test_options_survive_their_way_into_the_program_that_stays(tmp_path: Path) -> None:
    client = make_client(tmp_path / "a client, with a comma = and an equals sign")
    options = read(
        subscriptions=[f"sub={client.cer}"], clock="2014-06-16T00:00:00.125Z", networks=["::1/128"]
    )

    assert SchedulerOptions.model_validate_json(options.model_dump_json()) == options
    assert options.folder.is_absolute()
