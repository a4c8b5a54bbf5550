"""Options, devices, books, heartbeats, the comparison with the site's books, and the command's words."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from chelu.api import Account
from chelu.bus import packets, wire
from chelu.bus.topic_table import TopicTable
from chelu.clock import VirtualClock
from chelu.errors import CannotStartError, ConfigurationError
from chelu.topics import Kind
from simulators.cli import register
from simulators.load.books import Books
from simulators.load.bsm import BsmSource
from simulators.load.check import balance_table, balances
from simulators.load.command import complaints, need_files
from simulators.load.devices import Devices
from simulators.load.heartbeats import Heartbeats
from simulators.load.portion import joined
from simulators.load.report import LoadReport, StreamReport
from simulators.load.settings import LoadSettings, rate_of, read_mix

STREAM = StreamReport(
    asked_per_s=100, messages=1000, frames=1000, rows=1000, bytes=80_000, messages_per_s=100, unsent=0, skipped=0
)
REPORT = LoadReport(
    begun_us=1,
    ended_us=2,
    seconds=10.0,
    streams={"bsm": STREAM},
    lag_p50_ms=2.0,
    lag_p99_ms=5.0,
    lag_most_ms=7.0,
    cpu_s=0.5,
    sessions=1,
    reconnects=0,
    losses=0,
    heartbeats=10,
)


def account(stored: int, **dropped: int) -> Account:
    received = stored + sum(dropped.values())
    return Account(messages=received, frames=received, received=received, stored=stored, dropped=dropped)


@pytest.mark.parametrize(
    "option",
    [
        *(
            "--vehicles=0",
            "--vehicles=100001",
            "--rate=0",
            "--rate=nan",
            "--rate=101",
            "--seconds=0",
            "--seconds=inf",
            "--seed=-1",
        ),
        *("--mix=rsi", "--mix=core=0", "--mix=core=inf", "--mix=", "--stream=map", "--stream=bsm,bsm", "--via=air", "--qos=2"),
        *(
            "--rsus=0",
            "--frames=0",
            "--frames=256",
            "--connections=101",
            "--gateways=101",
            "--site=a b",
            "--total=0.5",
            "--fault=loss=2",
            "--patience=-1",
        ),
    ],
)
def test_an_option_that_means_nothing_is_refused_by_its_name(option: str) -> None:
    app = typer.Typer()
    register(app)
    refused = CliRunner().invoke(app, ["load", option]).exception
    assert isinstance(refused, ConfigurationError)
    assert refused.key == option.partition("=")[0]


def test_a_mix_and_a_total_are_read() -> None:
    assert read_mix("core,path") == {"core": 1.0, "path": 1.0}
    assert read_mix("core=5,optional=3") == {"core": 5.0, "optional": 3.0}
    assert rate_of(5000, 1000) == 5.0


def test_devices_hang_on_the_gateway_but_for_those_with_a_session_of_their_own() -> None:
    devices = Devices(LoadSettings(vehicles=5, streams=("bsm", "rsm"), rsus=2, connections=3))
    records = devices.records()
    assert [(record.device_id, record.kind, record.parent) for record in records] == [
        ("load-load-001", Kind.GATEWAY, None),
        *((f"load-own-obu-{number:05d}", Kind.OBU, None) for number in (1, 2, 3)),
        *((f"load-obu-{number:05d}", Kind.OBU, "load-load-001") for number in (4, 5)),
        *((f"load-rsu-{number:05d}", Kind.RSU, "load-load-001") for number in (1, 2)),
    ]
    heard = Devices(LoadSettings(vehicles=5, via="rsu", rsus=2, connections=2))
    assert [record.device_id for record in heard.records()] == ["load-own-rsu-00001", "load-own-rsu-00002"]


def test_a_heartbeat_says_what_its_device_has_sent() -> None:
    settings = LoadSettings(vehicles=4, seconds=3)
    devices, books = Devices(settings), Books(("bsm",), 4)
    source = BsmSource(devices)
    source.begin(0)
    books.sent(joined(source.until(1_000_000)), 1_000_000)
    heartbeats = Heartbeats(devices, books, start_us=5_000_000, every_s=10.0)
    assert list(heartbeats.due(7.5)) == [0, 1, 2]
    assert list(heartbeats.due(12.5)) == [3, 0]
    packet = heartbeats.packet(3, 12.5, 77)
    buffer = np.frombuffer(packet + bytes(wire.PADDING), np.uint8)
    read = wire.read(buffer, len(packet), version=packets.MQTT_5, topics=TopicTable(), most=1 << 20).messages
    document = json.loads(read.payload(0))
    assert read.topics[0] == "obu/load-obu-00004/heartbeat/up"
    assert (int(read.packet_id[0]), int(read.qos[0])) == (77, 1)
    assert (document["sent"], document["time_us"], document["kind"]) == ({"bsm": 10}, 17_500_000, "obu")


def test_lags_are_told_to_a_tenth_of_a_millisecond() -> None:
    books = Books(("bsm",), 100)
    source = BsmSource(Devices(LoadSettings(vehicles=100, rate_hz=10, seconds=1)))
    source.begin(0)
    books.sent(joined(source.until(100_000)), 100_000)  # due at 0, 1, 2 … 99 ms
    assert books.lag_ms(50) == pytest.approx(51, abs=1)
    assert books.lag_ms(99) == pytest.approx(100, abs=1.1)
    assert books.most_lag_us == 100_000
    assert np.array_equal(books.frames_of["bsm"], np.ones(100))


def test_the_site_is_asked_until_nothing_is_in_transit() -> None:
    answers = [{}, {"bsm": account(400)}, {"bsm": account(990, truncated=10)}, {"bsm": account(0)}]
    found = balances(REPORT, lambda: answers.pop(0), VirtualClock(0), patience_s=5)
    assert [(one.sent, one.stored, one.in_transit) for one in found] == [(1000, 990, 0)]
    assert len(answers) == 1


def test_rows_that_never_come_are_in_transit_and_complained_of() -> None:
    found = balances(REPORT, lambda: {"bsm": account(900, duplicate=50)}, VirtualClock(0), patience_s=5)
    assert found[0].in_transit == 100
    assert complaints(REPORT, found) == ["100 rows of bsm were sent and are neither stored nor dropped"]
    text = io.StringIO()
    Console(file=text, width=100).print(balance_table(found))
    assert "50 duplicate" in text.getvalue()


def test_a_load_that_did_not_keep_up_says_so() -> None:
    behind = replace(REPORT, lag_p99_ms=1500.0, lag_most_ms=4000.0)
    assert complaints(REPORT) == []
    assert "fell behind" in complaints(behind)[0]
    assert "1,500 ms" in complaints(behind)[0]
    skipped = replace(REPORT, streams={"bsm": replace(STREAM, skipped=7, unsent=3)}, unacknowledged=2)
    assert [sentence.split()[0] for sentence in complaints(skipped)] == ["7", "3", "the", "2"]
    asked_for = replace(REPORT, streams={"bsm": replace(STREAM, unsent=3)}, faults={"storm": 5})
    assert complaints(asked_for) == []


def test_more_files_than_the_system_allows_are_refused_beforehand() -> None:
    need_files(10)
    with pytest.raises(CannotStartError, match="ulimit"):
        need_files(1 << 40)
