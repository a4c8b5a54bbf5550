"""What leaves inference: addressees, warning JSON and rows, the picture's columns, signals, and the documents' tables."""

import json
from pathlib import Path

import numpy as np
import pytest

from chelu.applications.common import EventParameters, JamParameters, LifeParameters, ReckoningParameters, WeatherParameters
from chelu.codec import columns
from chelu.codec.envelope import Envelope
from chelu.geo import LocalFrame
from chelu.messages import SPAT, Batch
from chelu.topics import Kind
from services.inference.outbox import WARNING_COLUMNS, Sent, documents, letter, warning_rows
from services.inference.parameters import table
from services.inference.register import Device, Register
from services.inference.signals import SignalTable
from services.inference.v2x.catalogue import APPLICATIONS
from tests.unit.inference.scenes import EPOCH_US, Car, drive, report, site

DOCS = Path(__file__).parents[3] / "docs"
PAGES = (
    ("events.md", EventParameters),
    ("fusion.md", ReckoningParameters),
    ("weather.md", WeatherParameters),
    ("applications/tjw.md", JamParameters),
)
FRAME = LocalFrame(29.5, 106.5, 250.0)


def _device(key, name, kind):
    return Device(key, name, kind, "north", Envelope.AUTO, 0)


def _register(*devices):
    return Register({one.device_id: one for one in devices}, {one.key: one for one in devices}, {}, {})


OBUS = [_device(101, "obu-1", Kind.OBU), _device(102, "obu-2", Kind.OBU)]
RSU = _device(900, "rsu-9", Kind.RSU)


@pytest.fixture(scope="module")
def notices():
    leader = Car(1, (0, 25, 0), 0, 15, lambda t: -7.0 if t >= 2 else 0.0)
    return [one for _, one in drive([leader, Car(2, (0, 0, 0), 0, 15)], 4)]


def _letter(notice, register):
    return letter(notice, documents([notice], register, FRAME)[0], register)


def test_a_warning_goes_to_the_vehicles_own_unit(notices) -> None:
    out = _letter(notices[0], _register(*OBUS, RSU))
    assert out is not None
    assert (out.topic, out.qos) == ("obu/obu-2/warning/down", 1)


def test_a_vehicle_that_only_a_roadside_unit_heard_is_warned_through_it_with_its_id(notices) -> None:
    from dataclasses import replace

    host = replace(notices[0].host, own_key=0, device_key=900)
    out = _letter(replace(notices[0], host=host), _register(*OBUS, RSU))
    assert out is not None
    assert out.topic == "rsu/rsu-9/warning/down"
    assert json.loads(out.payload)["host"]["vehicle_id"] == "0000000000000002"


def test_nobody_is_told_when_the_addressee_is_no_longer_registered(notices) -> None:
    assert _letter(notices[0], _register()) is None


def test_the_warning_names_its_cause_and_places(notices) -> None:
    found = documents(notices, _register(*OBUS), FRAME)[0]
    json.dumps(found, allow_nan=False)
    assert found["state"] == "raised"
    assert found["host"]["device_id"] == "obu-2"
    assert found["other"]["vehicle_id"] == "0000000000000001"
    assert found["cause"]["event_time_us"] <= found["event_time_us"] <= found["time_us"]
    assert found["host"]["latitude_deg"] == pytest.approx(29.5, abs=0.01)


def test_every_change_is_a_row_with_all_columns(notices) -> None:
    register = _register(*OBUS)
    told = documents(notices, register, FRAME)
    sent = [Sent(one, about, letter(one, about, register), 0) for one, about in zip(notices, told, strict=True)]
    rows = warning_rows(sent, "north")
    assert len(rows) == len(notices)
    assert {column.source for column in WARNING_COLUMNS} <= set(rows)
    assert not rows["published_us_valid"].any()


def test_the_picture_is_columns_with_signals_beside() -> None:
    place = site()
    rows = report([Car(1, (3, 4, 5), 10, 7), Car(2, (8, 9, 1), 20, 6, height_known=False)], 0.0)
    place.step(rows, EPOCH_US)
    place.signals.update(_spat([(0, 7, 3, 0, 3, 0.0, 12.0), (0, 7, 4, 0, 6, 0.0, np.nan), (0, 7, 3, 1, 6, 12.0, 30.0)]))
    found, header = columns.unpack(place.broadcast({"site": "north"}, EPOCH_US + 50_000))
    assert found["key"].tolist() == [1, 2]
    np.testing.assert_allclose(found["east_m"], [3, 8])
    np.testing.assert_allclose(found["up_m"], [5, np.nan])
    np.testing.assert_allclose(found["age_ms"], 50)
    assert header["site"] == "north"
    assert header["unjudged"] == {"unjudged": 0, "dark": 0, "contradicting": 0}
    signals = header["signals"]
    assert signals["phase"] == [3, 4]
    assert signals["light"] == [3, 6]
    assert signals["likely_end_s"] == [pytest.approx(11.95), None]


def test_the_picture_has_the_warnings_that_are_up_with_the_ways_of_both() -> None:
    place = site()
    cars = [Car(1, (0, 25, 0), 0, 15, lambda t: -7.0 if t >= 1 else 0.0), Car(2, (0, 0, 0), 0, 15)]
    for tick in range(25):
        place.step(report(cars, tick * 0.1), EPOCH_US + tick * 100_000)
    now_us = EPOCH_US + 2_450_000
    found, header = columns.unpack(place.broadcast({}, now_us))
    slot_of = dict(zip(found["key"].tolist(), found["slot"].tolist(), strict=True))
    told = next(one for one in header["warnings"] if one["application"] == "fcw")
    assert (told["host"], told["other"], told["subject"]) == (slot_of[2], slot_of[1], None)
    assert told["level"] == found["level"][found["key"] == 2].tolist()[0] > 0
    assert EPOCH_US < told["raised_us"] <= now_us
    host, other = (np.array(way).reshape(-1, 2) for way in told["futures"])
    place_of = {key: found["north_m"][found["key"] == key][0] for key in (1, 2)}
    assert host[0, 1] == pytest.approx(place_of[2], abs=0.1)
    assert other[0, 1] == pytest.approx(place_of[1], abs=0.1)
    assert (np.diff(host[:, 1]) >= 0).all()
    assert header["more_warnings"] == len(place.life.up(place.twins.seats)) - len(header["warnings"]) == 0
    place.step(report([], 0.0), now_us + 5_000_000)
    assert columns.unpack(place.broadcast({}, now_us + 5_000_000))[1]["warnings"] == []


def test_without_roads_nobodys_deck_is_known() -> None:
    place = site()
    place.step(report([Car(1, (3, 4, 5), 10, 7)], 0.0), EPOCH_US)
    assert columns.unpack(place.broadcast({}, EPOCH_US))[0]["deck"].tolist() == [-1]


def test_the_picture_says_whose_tracks_are_of_one_road_user() -> None:
    place, cars = site(), [Car(1, (0, 0, 0), 0, 10), Car(7, (0.3, 0, 0), 0, 10, is_seen=True), Car(2, (50, 0, 0), 0, 10)]
    for tick in range(5):
        place.step(report(cars, tick * 0.1), EPOCH_US + tick * 100_000)
    found, _ = columns.unpack(place.broadcast({}, EPOCH_US + 450_000))
    own, other, view = found["slot"].tolist()
    assert found["kind"].tolist() == [1, 1, 2]
    assert found["twin"].tolist() == [-1, -1, own]
    assert found["user"][0] == found["user"][2] != found["user"][1]
    assert (found["user"] > 0).all(), (other, view)


def _spat(rows):
    base = {name: np.zeros(len(rows), dtype) for name, dtype in SPAT.dtypes().items()}
    names = ("region_id", "intersection_id", "phase_id", "state_index", "light", "start_s", "likely_end_s")
    base |= {name: np.array(column, base[name].dtype) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    base["region_id_valid"] = np.ones(len(rows), bool)
    base["time_us"] = np.full(len(rows), EPOCH_US, np.int64)
    return Batch(base)


def test_the_newest_state_of_a_phase_counts() -> None:
    table_ = SignalTable()
    table_.update(_spat([(1, 7, 3, 0, 3, 0.0, 5.0)]))
    newer = _spat([(1, 7, 3, 0, 6, 0.0, 20.0)]).with_columns(time_us=np.array([EPOCH_US + 100_000]))
    table_.update(newer)
    table_.update(_spat([(1, 7, 3, 0, 3, 0.0, 5.0)]))
    now = table_.now(EPOCH_US + 200_000)
    assert (now.region.tolist(), now.intersection.tolist(), now.light.tolist()) == ([1], [7], [6])
    assert len(table_.now(EPOCH_US + 60_000_000).light) == 0


@pytest.mark.parametrize(
    ("page", "kind"),
    [*((f"applications/{one.name}.md", one.parameters) for one in APPLICATIONS), ("inference.md", LifeParameters), *PAGES],
)
def test_the_documents_show_the_parameters_as_they_are(page, kind) -> None:
    assert table(kind) in (DOCS / page).read_text(encoding="utf-8")
