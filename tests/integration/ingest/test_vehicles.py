"""From vehicles' sockets to rows: gateway, broker, ingest and database together."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import psycopg

from chelu.clock import SystemClock
from edge.agent import Agent
from edge.settings import EdgeSettings
from edge.vehicles.server import VehicleGateway
from simulators.vehicle_load import Load, Plan, device_list
from tests.integration.ingest.conftest import Site
from tests.waiting import until

COUNT = 50
CLOCK = SystemClock()


def register(site: Site, text: str) -> None:
    with psycopg.connect(site.url) as connection:
        for row in csv.DictReader(io.StringIO(text)):
            connection.execute(
                "INSERT INTO register.device (device_id, kind, site_id, vin) VALUES (%s, 'vehicle', 's', %s)",
                (row["device_id"], row["vin"]),
            )


def test_what_vehicles_were_told_is_stored_once_and_receipts_empty_the_gateways_spool(site: Site, tmp_path: Path) -> None:
    text = device_list(COUNT, site="s", gateway="gw")
    (tmp_path / "vehicles.csv").write_text(text)
    register(site, text)
    source = {"type": "gbt32960", "listen": "127.0.0.1:0", "vehicles": tmp_path / "vehicles.csv"}
    values = {"kind": "gateway", "id": "gw", "broker": site.broker.url, "delivery": {"resend_s": 1}, "sources": [source]}
    settings = EdgeSettings.check({**values, "spool": {"directory": tmp_path / "edge"}}, source="test")
    agent = Agent(settings, CLOCK)
    assert agent.children is not None
    gateway = VehicleGateway(settings.sources[0], agent.children, agent.tally, CLOCK)  # type: ignore[arg-type]
    agent.start()
    gateway.start()
    try:
        first = Load(Plan("127.0.0.1", gateway.port, COUNT, 1.0, 3.0), CLOCK).run()
        site.kill()
        second = Load(Plan("127.0.0.1", gateway.port, COUNT, 1.0, 2.0, edition=2016), CLOCK).run()
        site.start()
        reports = first.acknowledged + second.acknowledged
        assert reports == first.sent + second.sent >= 4 * COUNT
        until(lambda: site.one("SELECT count(*) FROM stream.telemetry") == reports, 30, f"{reports} rows")
        until(lambda: agent.waiting["children"] == 0, 30, "receipts for everything")
    finally:
        gateway.stop()
        agent.stop()
    assert site.one("SELECT count(*) FROM stream.telemetry") == reports
    assert site.one("SELECT count(*) FROM stream.message WHERE kind = 'telemetry'") == 2 * COUNT  # the logins
    editions = site.rows("SELECT edition, count(*) FROM stream.telemetry GROUP BY edition ORDER BY edition")
    assert editions == [(2016, second.acknowledged), (2025, first.acknowledged)]
    named = """SELECT count(*) FROM stream.telemetry JOIN register.device USING (device_key)
        WHERE convert_from(substring(frame FROM 5 FOR 17), 'UTF8') <> vin"""
    assert site.one(named) == 0
