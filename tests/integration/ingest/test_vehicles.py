"""From vehicles' sockets to rows: gateway, broker, ingest and database together."""

from __future__ import annotations

import csv
import io
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chelu.clock import SystemClock
from chelu.codec.gbt32960_frame import encode_time
from chelu.codec.jt808_frame import Message, Splitter, read
from chelu.codec.jt808_parts import split
from chelu.codec.jt808_talk import (
    Registration,
    Result,
    Say,
    encode_authentication,
    read_general_answer,
    read_registration_answer,
)
from edge.adapters import build
from edge.agent import Agent
from edge.settings import EdgeSettings
from edge.vehicles.server import VehicleGateway
from simulators.vehicle_load import Load, Plan
from simulators.vehicle_names import device_list, phone_of, vin_of
from tests.integration.ingest.conftest import Site
from tests.waiting import until

COUNT = 50
CLOCK = SystemClock()
# At one instant, since the gateway may be sending something a second time just now.
BOOKS = """WITH refused AS (SELECT reason, sum(rows) AS rows FROM stream.drop WHERE stream = 'telemetry' GROUP BY reason)
    SELECT sum(received), sum(stored), (SELECT jsonb_object_agg(reason, rows) FROM refused)
    FROM stream.account WHERE stream = 'telemetry'"""


class Gateway:
    """An agent that speaks both protocols, on two ports; its vehicles are registered."""

    def __init__(self, site: Site, directory: Path) -> None:
        text = device_list(COUNT, site="s", gateway="gw")
        (directory / "vehicles.csv").write_text(text)
        register(site, text)
        files = {"listen": "127.0.0.1:0", "vehicles": directory / "vehicles.csv", "max_connections": 1000}
        sources = [{"type": protocol, **files} for protocol in ("gbt32960", "jt808")]
        values = {"kind": "gateway", "id": "gw", "broker": site.broker.url, "delivery": {"resend_s": 1}, "sources": sources}
        settings = EdgeSettings.check({**values, "spool": {"directory": directory / "edge"}}, source="test")
        self.agent = Agent(settings, CLOCK)
        self.sources = build(self.agent, CLOCK)
        electric, terminals = self.sources
        assert isinstance(electric, VehicleGateway)
        assert isinstance(terminals, VehicleGateway)
        self.ports = {"gbt32960": electric.port, "jt808": terminals.port}
        self.agent.start()
        for source in self.sources:
            source.start()

    def drive(self, protocol: str, seconds: float, edition: int) -> int:
        """How many reports it acknowledged, which is all of them."""
        outcome = Load(Plan("127.0.0.1", self.ports[protocol], COUNT, 1.0, seconds, protocol, edition), CLOCK).run()
        assert outcome.acknowledged == outcome.sent >= COUNT
        return outcome.acknowledged

    def stop(self) -> None:
        for source in self.sources:
            source.stop()
        self.agent.stop()


@pytest.fixture
def gateway(site: Site, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(site, tmp_path)
    yield made
    made.stop()


def register(site: Site, text: str) -> None:
    with psycopg.connect(site.url) as connection:
        for row in csv.DictReader(io.StringIO(text)):
            connection.execute(
                "INSERT INTO register.device (device_id, kind, site_id, vin) VALUES (%s, 'vehicle', 's', %s)",
                (row["device_id"], row["vin"]),
            )


def test_what_vehicles_were_told_is_stored_once_and_receipts_empty_the_gateways_spool(site: Site, gateway: Gateway) -> None:
    stored = {2025: gateway.drive("gbt32960", 3.0, 2025), 2019: gateway.drive("jt808", 2.0, 2019)}
    site.kill()
    stored |= {2016: gateway.drive("gbt32960", 2.0, 2016), 2013: gateway.drive("jt808", 2.0, 2013)}
    site.start()
    reports = sum(stored.values())
    until(lambda: site.one("SELECT count(*) FROM stream.telemetry") == reports, 30, f"{reports} rows")
    until(lambda: gateway.agent.waiting["children"] == 0, 30, "receipts for everything")
    assert site.one("SELECT count(*) FROM stream.telemetry") == reports
    assert site.one("SELECT count(*) FROM stream.message WHERE kind = 'telemetry'") == 4 * COUNT  # logins and registrations
    assert dict(site.rows("SELECT edition, count(*) FROM stream.telemetry GROUP BY edition")) == stored
    named = """SELECT count(*) FROM stream.telemetry JOIN register.device USING (device_key)
        WHERE edition IN (2016, 2025) AND convert_from(substring(frame FROM 5 FOR 17), 'UTF8') <> vin"""
    assert site.one(named) == 0
    told = (
        "SELECT device_id, details->>'phone' FROM stream.telemetry JOIN register.device USING (device_key) WHERE edition = 2019"
    )
    assert {phone for _, phone in site.rows(told)} == {phone_of(number, 2019) for number in range(COUNT)}
    assert all(phone_of(int(device.rpartition("-")[2]), 2019) == phone for device, phone in site.rows(told))


def test_a_batch_in_parts_becomes_a_row_for_each_location_and_the_books_balance(site: Site, gateway: Gateway) -> None:
    times = [1_700_000_000_000_000 + second * 1_000_000 for second in range(60)]
    places = [struct.pack(">IIIIHHH", 0, 3, 29_560_000 + n, 106_550_000, 240, 360, 90) + decimals(t) for n, t in enumerate(times)]
    body = struct.pack(">HB", 61, 1) + b"".join(b"\0\x1c" + place for place in places) + b"\0\x03abc"  # the last is no location
    with socket.create_connection(("127.0.0.1", gateway.ports["jt808"]), timeout=10) as line:
        terminal = Terminal(line)
        terminal.log_in()
        parts = split(Message(2019, Say.BATCH, phone_of(0, 2019), 100, body, version=1))
        line.sendall(b"".join(part.encode() for part in parts))
        assert [read_general_answer(terminal.answer().body)[2] for _ in parts] == [Result.OK] * len(parts)
    until(lambda: site.one("SELECT count(*) FROM stream.telemetry") == 60, 30, "a row for each location")
    rows = site.rows("SELECT latitude_deg, is_reissued, length(frame) FROM stream.telemetry ORDER BY time")
    assert [row[0] for row in rows] == [pytest.approx(29.56 + n / 1e6) for n in range(60)]
    assert all(row[1] for row in rows)
    assert max(row[2] for row in rows) < 80  # each its own location, not the whole batch
    ((received, stored, dropped),) = site.rows(BOOKS)
    assert (stored, dropped["truncated"]) == (61, 1)  # with the registration
    assert received == stored + sum(dropped.values())
    assert dropped.keys() <= {"truncated", "duplicate"}


def decimals(time_us: int) -> bytes:
    """Beijing time, binary-coded."""
    return bytes(value // 10 << 4 | value % 10 for value in encode_time(time_us))


class Terminal:
    """The first vehicle's, on a line."""

    def __init__(self, line: socket.socket) -> None:
        self.line, self.splitter, self.answers = line, Splitter(), list[Message]()

    def answer(self) -> Message:
        while not self.answers:
            self.answers += map(read, self.splitter.feed(self.line.recv(4096)))
        return self.answers.pop(0)

    def log_in(self) -> None:
        who = Registration(50, 112, "CHELU", "X1", "T1", 0, vin_of(0)).encode(2019)
        self.line.sendall(Message(2019, Say.REGISTER, phone_of(0, 2019), 1, who, version=1).encode())
        code = read_registration_answer(self.answer().body)[2]
        body = encode_authentication(2019, code)
        self.line.sendall(Message(2019, Say.AUTHENTICATE, phone_of(0, 2019), 2, body, version=1).encode())
        assert read_general_answer(self.answer().body)[2] == Result.OK
