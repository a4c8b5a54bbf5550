"""The city's data for others: views for who reads the database, entities for who asks the API, and days as Parquet."""

from __future__ import annotations

import datetime
import gzip
import io
import json
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from chelu.api import Client
from chelu.errors import RefusedError
from chelu.quantities import by_name
from chelu.store import Database
from chelu.topics import Kind
from services.inference.storage import prepare as prepare_city
from services.ingest.tables import prepare_schema
from services.registry.database import Register
from services.registry.entities.kinds import kinds
from services.registry.entities.views import SPANS, Views, definitions
from tests.integration.registry.conftest import SITE, AddDevice, Place, chelu
from tests.unit.roads.networks import edge, net

DAY = datetime.date(2026, 5, 1)
BEGIN = datetime.datetime(2026, 5, 1, 23, 0, tzinfo=datetime.UTC)
READINGS = (  # minutes after 23:00, quantity, value in SI, quality
    (0, "pm2_5", 40e-9, 0),
    (0, "pm10", 60e-9, 0),
    (20, "pm2_5", 50e-9, None),
    (40, "pm2_5", 900e-9, 2),  # bad, as the sensor says itself
    (59, "air_temperature", 293.15, 0),
    (60, "pm2_5", 70e-9, 0),  # of the next day
)

NEEDED = """SELECT attname FROM pg_attribute WHERE attrelid = 'city.state'::regclass AND attnum > 0 AND attnotnull
    AND attname <> ALL(%s)"""


@pytest.fixture(scope="module")
def stored(place: Place, client: Client, add_device: AddDevice) -> None:
    """Readings of one sensor about midnight, a minute of traffic, a road, and the views of it all."""
    key = add_device("street-1", Kind.SENSOR, latitude_deg=29.53, longitude_deg=106.5, subtype="air").device_key
    client.put_roads(SITE, gzip.compress(net(edge("quay", "0.00,0.00,5.00 100.00,0.00,5.00"))))
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        prepare_schema(connection)
        prepare_city(connection)
        for minutes, name, value, quality in READINGS:
            at = BEGIN + datetime.timedelta(minutes=minutes)
            connection.execute(
                "INSERT INTO stream.observation (time, arrival, device_key, quantity, value, quality, flags, batch_id)"
                " VALUES (%s, %s, %s, %s, %s, %s, 0, 1)",
                (at, at, key, by_name()[name].code, value, quality),
            )
        needed = connection.execute(NEEDED, (["time", "site_id", "scope", "place", "period_s", "faults", "flow_vph"],)).fetchall()
        others, zeros = ", ".join(row[0] for row in needed), ", ".join("0" for _ in needed)
        for flow, speed in ((600.0, 10.0), (200.0, 20.0)):
            connection.execute(
                f"""INSERT INTO city.state (time, site_id, scope, place, period_s, faults, flow_vph, mean_speed_mps, {others})
                    VALUES (%s, %s, 'segment', 'quay', 60, '{{}}', %s, %s, {zeros})""".encode(),
                (BEGIN + datetime.timedelta(seconds=flow), SITE, flow, speed),
            )
    Views(Register(Database(place.database_url))).look()


def rows(place: Place, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(place.database_url) as connection:
        return connection.execute(sql.encode()).fetchall()


def test_entities_have_fiwares_names_and_units_and_leave_out_what_is_bad(client: Client, stored: None) -> None:
    found = list(client.entities("AirQualityObserved", site=SITE))
    assert [(one.get("pm25"), one.get("pm10")) for one in found] == [
        (pytest.approx(40.0), pytest.approx(60.0)), (pytest.approx(50.0), None), (pytest.approx(70.0), None),
    ]  # fmt: skip
    first = found[0]
    assert first["id"].startswith("urn:ngsi-ld:AirQualityObserved:street-1:")
    assert (first["type"], first["dateObserved"]) == ("AirQualityObserved", "2026-05-01T23:00:00+00:00")
    assert first["location"] == {
        "type": "Point",
        "coordinates": [106.5, 29.53, pytest.approx(first["location"]["coordinates"][2])],
    }
    (weather,) = client.entities("WeatherObserved")
    assert weather["temperature"] == pytest.approx(20.0)
    assert list(client.entities("AirQualityObserved", site="nowhere")) == []
    after = int(BEGIN.timestamp() * 1e6) + 1
    assert len(list(client.entities("AirQualityObserved", from_us=after))) == 2


def test_traffic_refers_to_its_road_which_is_an_entity_too(client: Client, stored: None) -> None:
    flows = list(client.entities("TrafficFlowObserved"))
    assert [one["averageVehicleSpeed"] for one in flows] == pytest.approx([72.0, 36.0])
    (road,) = client.entities("RoadSegment", site=SITE)
    assert flows[0]["refRoadSegment"] == road["id"] == f"urn:ngsi-ld:RoadSegment:{SITE}:quay"
    assert (road["totalLaneNumber"], road["maximumAllowedSpeed"], road["length"]) == (1, pytest.approx(50.0, abs=0.1), 100.0)
    assert "street-1" in {one["id"].rpartition(":")[2] for one in client.entities("Device")}


def test_a_kind_that_there_is_not_is_refused(client: Client, stored: None) -> None:
    with pytest.raises(RefusedError, match="kind of entity"):
        list(client.entities("MoonObserved"))
    with pytest.raises(RefusedError, match="kind of entity"):
        client.entity_day("Device", str(DAY))


def test_a_day_is_a_parquet_file_with_units(place: Place, client: Client, stored: None, tmp_path: Path) -> None:
    table = pq.read_table(io.BytesIO(client.entity_day("AirQualityObserved", str(DAY))))
    assert table.column("pm25").to_pylist() == [pytest.approx(40.0), pytest.approx(50.0)]
    assert table.schema.field("pm25").metadata == {b"unit": b"ug/m^3", b"chelu": b"pm2_5"}
    done = chelu(place, "city", "export", str(DAY), "--directory", str(tmp_path))
    assert done.returncode == 0, done.stderr
    observed = {one.name for one in kinds().values() if one.name not in {"Device", "RoadSegment"}}
    assert {file.parent.name for file in tmp_path.glob(f"*/{DAY}.parquet")} == observed
    assert pq.read_table(tmp_path / "NoiseLevelObserved" / f"{DAY}.parquet").num_rows == 0
    listed = json.loads(chelu(place, "city", "entities", "--json").stdout)
    assert {one["name"] for one in listed} == set(kinds())
    assert chelu(place, "city", "export", "yesterday").returncode != 0
    assert pq.read_table(io.BytesIO(client.entity_day("AirQualityObserved", "9999-12-31"))).num_rows == 0


def test_sums_by_hour_and_day_are_views_or_continuous_aggregates_with_the_same_columns(place: Place, stored: None) -> None:
    hours = rows(
        place,
        f"SELECT readings, mean, least, most FROM open.observation_hour WHERE quantity = {by_name()['pm2_5'].code} ORDER BY time",
    )
    assert hours == [(2, pytest.approx(45e-9), 40e-9, 50e-9), (1, 70e-9, 70e-9, 70e-9)]
    days = rows(
        place, f"SELECT time, readings FROM open.observation_day WHERE quantity = {by_name()['pm2_5'].code} ORDER BY time"
    )
    assert [count for _, count in days] == [2, 1]
    ((flow, speed),) = rows(place, "SELECT flow_vph, mean_speed_mps FROM open.traffic_hour")
    assert (flow, speed) == (pytest.approx(400.0), pytest.approx((600 * 10 + 200 * 20) / 800))
    has_timescale = rows(place, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
    if has_timescale:
        found = rows(place, "SELECT view_name FROM timescaledb_information.continuous_aggregates")
        assert {name for (name,) in found} == {f"{of}_{span}" for of in ("observation", "traffic") for span in SPANS}


def test_views_are_made_once_and_anew_when_their_words_change(place: Place, stored: None) -> None:
    before = rows(place, "SELECT oid FROM pg_class WHERE relnamespace = 'open'::regnamespace AND relkind = 'v' ORDER BY 1")
    assert len(before) >= len(list(definitions()))
    Views(Register(Database(place.database_url))).look()
    assert (
        rows(place, "SELECT oid FROM pg_class WHERE relnamespace = 'open'::regnamespace AND relkind = 'v' ORDER BY 1") == before
    )
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("COMMENT ON VIEW open.weather_observed IS 'of another version'")
    Views(Register(Database(place.database_url))).look()
    after = rows(place, "SELECT oid FROM pg_class WHERE relnamespace = 'open'::regnamespace AND relkind = 'v' ORDER BY 1")
    assert len(after) == len(before)
    assert after != before


def test_the_page_names_every_view_and_kind() -> None:
    page = (Path(__file__).parents[3] / "docs" / "city" / "data.md").read_text(encoding="utf-8")
    assert [one.name for one in definitions() if f"`{one.name}`" not in page] == []
    assert [name for name in kinds() if f"`{name}`" not in page] == []
