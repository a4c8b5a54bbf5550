"""From messages to reports: routing by register, strangers, wrong kinds, other people's ids, rubbish."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chelu import topics
from chelu.bus import Received, messages_of
from chelu.codec import cv2x
from chelu.codec.envelope import Envelope, pack
from chelu.codec.roadside import AS_WRITTEN, Reading
from chelu.geo import LocalFrame
from chelu.messages import BSM, Batch
from chelu.topics import Kind
from services.inference.inbox import Inbox, subscriptions
from services.inference.register import Device, Register, SiteEntry
from services.inference.reports import Track
from services.inference.routes import PATTERNS
from services.inference.signals import Light
from tests.unit.inference.rsis import event, rsi, spot
from tests.unit.inference.signal_roads import spat

NOW_US = 1_700_000_012_300_000
FRAME = LocalFrame(29.55, 106.57, 250.0)
PLACE = {"latitude_deg": 29.55, "longitude_deg": 106.57}
CASE = Path(__file__).parents[2] / "data" / "cv2x" / "rsi_event_and_sign"
MAP_CASE = Path(__file__).parents[2] / "data" / "cv2x" / "map_one_link"


def _register(owner_of=None):
    devices = [
        Device(1, "obu-1", Kind.OBU, "north", Envelope.AUTO, 0),
        Device(2, "rsu-1", Kind.RSU, "north", Envelope.AUTO, 0),
        Device(3, "obu-3", Kind.OBU, "south", Envelope.BARE, 0),
    ]
    sites = {name: SiteEntry(name, FRAME, None, 0) for name in ("north", "south")}
    return Register({one.device_id: one for one in devices}, {one.key: one for one in devices}, sites, owner_of or {})


@pytest.fixture(scope="module")
def frame():
    base = {name: np.full(1, np.nan) if dtype.kind == "f" else np.zeros(1, dtype) for name, dtype in BSM.dtypes().items()}
    motion = dict.fromkeys(("acceleration_longitudinal_mps2", "acceleration_lateral_mps2", "acceleration_vertical_mps2"), 0.0)
    values = {"latitude_deg": 29.551, "longitude_deg": 106.571, "elevation_m": 260.0, "speed_mps": 12.0, "heading_deg": 45.0}
    sizes = {"length_m": 4.6, "width_m": 1.8, "yaw_rate_dps": 0.0}
    batch = Batch(base).with_columns(
        time_us=np.array([NOW_US]),
        sec_mark_ms=np.array([NOW_US // 1000 % 60000], np.uint16),
        vehicle_id=np.array([0xABC], np.uint64),
        vehicle_class=np.array([10], np.uint8),
        vehicle_class_valid=np.array([True]),
        transmission_valid=np.array([True]),
        **{name: np.array([value]) for name, value in (motion | values | sizes).items()},
    )
    return cv2x.encode_bsm(batch).frame(0)


def _received(topic, payload):
    return Received(topic, payload, 0, NOW_US + 20_000, 0, None, retained=False)


def test_what_a_vehicle_says_becomes_a_report_in_its_sites_frame(frame) -> None:
    found = Inbox(_register()).read(messages_of([_received("obu/obu-1/bsm/up", frame), _received("obu/obu-3/bsm/up", frame)]))
    assert set(found) == {"north", "south"}
    row = found["north"].reports
    assert (row.key[0], row.kind[0], row.own_key[0], row.device_key[0]) == (0xABC, Track.SPEAKS, 1, 1)
    assert (row.time_us[0], row.arrival_us[0]) == (NOW_US, NOW_US + 20_000)
    np.testing.assert_allclose(row.xyz[0], FRAME.to_local(29.551, 106.571, 260.0)[0], atol=0.1)
    assert (row.speed_mps[0], row.heading_deg[0]) == (12.0, 45.0)


def test_a_vehicle_that_a_roadside_unit_heard_has_no_own_unit(frame) -> None:
    row = Inbox(_register()).read(messages_of([_received("rsu/rsu-1/bsm/up", frame)]))["north"].reports
    assert (row.own_key[0], row.device_key[0]) == (0, 2)


@pytest.mark.parametrize(
    "topic",
    ["obu/stranger/bsm/up", "rsu/obu-1/bsm/up", "obu/rsu-1/bsm/up", "obu/obu-1/info/up", "nonsense", "obu/obu-1/bsm/up/x"],
)
def test_strangers_wrong_kinds_and_other_topics_are_counted_and_left(topic, frame) -> None:
    inbox = Inbox(_register())
    assert inbox.read(messages_of([_received(topic, frame)])) == {}
    assert inbox.counts["unregistered"] == 1


def test_anothers_vehicle_id_is_not_believed(frame) -> None:
    inbox = Inbox(_register(owner_of={0xABC: 77}))
    assert len(inbox.read(messages_of([_received("obu/obu-1/bsm/up", frame)]))["north"].reports) == 0
    assert inbox.counts["foreign_id"] == 1
    assert (
        len(Inbox(_register(owner_of={0xABC: 1})).read(messages_of([_received("obu/obu-1/bsm/up", frame)]))["north"].reports) == 1
    )


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff" * 300, bytes(range(256))])
def test_rubbish_costs_only_itself(payload, frame) -> None:
    inbox = Inbox(_register())
    topics_ = ("obu/obu-1/bsm/up", "rsu/rsu-1/spat/up", "obu/obu-1/bsm/up")
    found = inbox.read(messages_of([_received(*one) for one in zip(topics_, (payload, payload, frame), strict=True)]))
    assert len(found["north"].reports) == 1
    assert inbox.counts["refused"] >= 1


def test_a_device_registered_later_is_heard(frame) -> None:
    inbox = Inbox(Register({}, {}, {}, {}))
    assert inbox.read(messages_of([_received("obu/obu-1/bsm/up", frame)])) == {}
    inbox.use(_register())
    assert len(inbox.read(messages_of([_received("obu/obu-1/bsm/up", frame)]))["north"].reports) == 1


def test_subscriptions_come_from_the_topic_table() -> None:
    filters = dict(subscriptions())
    framed = {"rsu/+/bsm/up", "obu/+/bsm/up", "rsu/+/rsm/up", "rsu/+/spat/up", "signal/+/spat/up", "rsu/+/rsi/up", "rsu/+/map/up"}
    read = {"rscu/+/participant/up", "rscu/+/lamp/up", "rscu/+/event/up", "rscu/+/traffic/up", "sensor/+/observation/up"}
    assert set(filters) == framed | read | {"V2X/RSU/+/RSM/UP", "V2X/RSU/+/RSI/UP"}
    assert all(topics.row(pattern) for pattern in PATTERNS)


def _document(**fields) -> bytes:
    return json.dumps({"timeStamp": NOW_US // 1000, "rscuSn": "R1", **fields}).encode()


CAR = {
    "timestamp": NOW_US // 1000,
    "ptcType": 1,
    "ptcId": 5,
    "longitude": 106.571,
    "latitude": 29.551,
    "speed": 12.0,
    "heading": 45.0,
}


def _with_computer(reading=AS_WRITTEN):
    register = _register()
    computer = Device(4, "rscu-1", Kind.RSCU, "north", Envelope.AUTO, 0, reading=reading)
    return replace(register, devices={**register.devices, "rscu-1": computer}, by_key={**register.by_key, 4: computer})


def test_a_roadside_computer_s_participants_stand_beside_what_vehicles_say(frame) -> None:
    inbox = Inbox(_with_computer())
    came = [
        _received("rscu/rscu-1/participant/up", _document(ptcList=[CAR, {**CAR, "speed": -1}])),
        _received("obu/obu-1/bsm/up", frame),
    ]
    found = inbox.read(messages_of(came))["north"].reports
    assert found.kind.tolist() == [Track.SPEAKS, Track.SEEN]
    assert found.key.tolist() == [0xABC, 4 * 65536 + 5]
    assert found.own_key.tolist() == [1, 0]
    np.testing.assert_allclose(found.xyz[1, :2], found.xyz[0, :2], atol=0.1)
    assert inbox.counts["refused"] == 1


def test_a_roadside_computer_s_lamps_are_phases_of_its_site() -> None:
    lamps = [{"phaseId": "1", "lightStatus": 6, "countDown": 12}]
    found = Inbox(_with_computer()).read(
        messages_of([_received("rscu/rscu-1/lamp/up", _document(crossId="3", lampRealInfos=lamps))])
    )
    assert found["north"].spat["phase_id"].tolist() == [1]
    assert len(found["north"].reports) == 0


def test_a_computer_s_peculiarities_are_those_of_the_register() -> None:
    inbox = Inbox(_with_computer(Reading(speed_factor=1 / 3.6)))
    found = inbox.read(messages_of([_received("rscu/rscu-1/participant/up", _document(ptcList=[{**CAR, "speed": 36}]))]))
    assert found["north"].reports.speed_mps[0] == pytest.approx(10.0)


def test_what_a_stranger_or_another_kind_says_as_a_computer_is_not_read() -> None:
    inbox = Inbox(_with_computer())
    for name in ("nobody", "rsu-1"):
        assert inbox.read(messages_of([_received(f"rscu/{name}/participant/up", _document(ptcList=[CAR]))])) == {}
    assert inbox.counts["unregistered"] == 2


def test_a_computer_whose_clock_is_an_hour_ahead_moves_nobody_and_stops_no_signal() -> None:
    inbox = Inbox(_with_computer())
    ahead = {**CAR, "ptcId": 6, "timestamp": NOW_US // 1000 + 3_600_000}
    lamps = [{"phaseId": "1", "lightStatus": 6, "countDown": 12}]
    late = json.dumps({"timeStamp": NOW_US // 1000 + 3_600_000, "rscuSn": "R1", "crossId": "3", "lampRealInfos": lamps}).encode()
    came = [_received("rscu/rscu-1/participant/up", _document(ptcList=[ahead, CAR])), _received("rscu/rscu-1/lamp/up", late)]
    found = inbox.read(messages_of(came))["north"]
    assert found.reports.key.tolist() == [4 * 65536 + 5]
    assert len(found.spat) == 0
    assert inbox.counts["early"] == 2


def test_events_signs_and_weather_reach_their_site_and_only_where_they_may_be_told() -> None:
    register = _with_computer()
    sensor = Device(6, "sensor-1", Kind.SENSOR, "north", Envelope.AUTO, 0)
    inbox = Inbox(replace(register, devices={**register.devices, "sensor-1": sensor}, by_key={**register.by_key, 6: sensor}))
    told = bytes.fromhex((CASE / "frame.hex").read_text())
    event = {"eventId": 3, "eventType": 407, "longitude": 106.57, "latitude": 29.551}
    fog = json.dumps({"quantity": "visibility", "unit": "m", "value": 120, "time_us": NOW_US}).encode()
    came = [
        _received("rsu/rsu-1/rsi/up", told),
        _received("obu/obu-1/bsm/up", told),
        _received("rsu/rsu-1/rsm/up", told),
        _received("rscu/rscu-1/event/up", _document(eventList=[event, {**event, "longitude": None}])),
        _received("sensor/sensor-1/observation/up", fog),
    ]
    found = inbox.read(messages_of(came))["north"]
    assert [one.source for one in found.events] == [(2, False, 7), (4, "event", 407, 3)]
    assert [rows["device_key"].tolist() for rows in found.observations] == [[6]]
    assert found.observations[0]["value"].tolist() == [120.0]
    assert (inbox.counts["refused"], inbox.counts["event_nowhere"]) == (2, 1)


def test_a_sensor_whose_clock_is_ahead_is_known_by_name() -> None:
    register = _register()
    sensor = Device(6, "sensor-1", Kind.SENSOR, "north", Envelope.AUTO, 0)
    inbox = Inbox(replace(register, devices={**register.devices, "sensor-1": sensor}, by_key={**register.by_key, 6: sensor}))
    now, ahead = (
        json.dumps({"quantity": "vehicle_count", "unit": "1", "value": 4, "time_us": NOW_US + by}).encode()
        for by in (0, 3_600_000_000)
    )
    found = inbox.read(messages_of([_received("sensor/sensor-1/observation/up", one) for one in (ahead, now, ahead)]))["north"]
    assert [rows["time_us"].tolist() for rows in found.observations] == [[NOW_US]]
    assert inbox.early_of == {6: 2}


def test_an_rsi_in_an_envelope_is_as_old_as_its_hearing() -> None:
    told = cv2x.from_json({**rsi(event(401, event_pos=spot(0, 50))).value, "reference_position": PLACE})
    register = _register()
    deployed = replace(register.devices["rsu-1"], envelope=Envelope.DEPLOYED)
    inbox = Inbox(replace(register, devices={**register.devices, "rsu-1": deployed}, by_key={**register.by_key, 2: deployed}))
    spooled = pack(Envelope.DEPLOYED, [told], device_id=b"RSU00001", reference_us=NOW_US - 3_600_000_000, is_bsm=False)
    (one,) = inbox.read(messages_of([_received("rsu/rsu-1/rsi/up", spooled)]))["north"].events
    assert one.heard_us == NOW_US // 1000 * 1000 - 3_600_000_000


def test_a_map_reaches_its_site_once_and_only_where_maps_are_told() -> None:
    value = json.loads((MAP_CASE / "expected.json").read_text())
    inbox = Inbox(_register())
    first, again = (cv2x.from_json({**value, "message_count": count}) for count in (1, 2))

    def told(*messages):
        found = inbox.read(messages_of([_received(*one) for one in messages]))
        return [one["nodes"][0]["id"]["id"] for one in found["north"].maps]

    assert told(("rsu/rsu-1/rsm/up", first), ("obu/obu-1/bsm/up", first)) == []
    assert told(("rsu/rsu-1/map/up", first)) == [12]
    assert told(("rsu/rsu-1/map/up", again), ("rsu/rsu-1/map/up", first)) == []
    inbox.use(_register())
    assert told(("rsu/rsu-1/map/up", again)) == [12]


def test_a_signal_whose_clock_is_ahead_is_counted_and_left_out() -> None:
    """Its phases would be newer than anything true for ever."""
    inbox = Inbox(_register())
    rows = (
        spat({(7, 3): [(Light.RED, 0, 9)]}, NOW_US + by).with_columns(frame=np.zeros(1, np.int64)) for by in (0, 3_600_000_000)
    )
    now, ahead = (cv2x.encode_spat(one).frame(0) for one in rows)
    found = inbox.read(messages_of([_received("rsu/rsu-1/spat/up", one) for one in (ahead, now)]))["north"].spat
    assert len(found) == 1
    assert abs(int(found["time_us"][0]) - NOW_US) < 1000
    assert inbox.counts["early"] == 1
