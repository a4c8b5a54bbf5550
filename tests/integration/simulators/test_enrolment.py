"""A scene's devices in a real register, and what its gateway may then do at a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chelu.api import Client
from chelu.bus import Received, Session
from chelu.clock import SystemClock
from chelu.local.ports import LOOPBACK
from chelu.topics import Kind
from simulators.connection import SECRETS, connected
from simulators.enrolment import CHILDREN, enrol
from simulators.fleet import Fleet, fleet_of, records, site_record
from simulators.replay import Options, Replay
from simulators.secrets import SecretFile
from tests.integration.registry.conftest import ACCOUNTS
from tests.unit.simulators.parts import ORIGIN, JsonEncoder, driving
from tests.waiting import until

CLOCK = SystemClock()


@pytest.fixture
def secrets(tmp_path: Path) -> SecretFile:
    return SecretFile(tmp_path / "secrets.json")


def enrolled(client: Client, fleet: Fleet, secrets: SecretFile) -> dict[str, str]:
    return enrol(client, site_record(fleet, ORIGIN), records(fleet, ORIGIN), fleet.gateway_ids, secrets)


@pytest.fixture
def inference(mosquitto_port: int) -> Iterator[Session]:
    url = f"mqtt://inference:{ACCOUNTS['inference']}@{LOOPBACK}:{mosquitto_port}"
    session = Session(url, client_id="inference", clock=CLOCK, subscriptions=[("obu/+/bsm/up", 0)])
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


@pytest.fixture
def environ(tmp_path: Path, mosquitto_port: int) -> dict[str, str]:
    return {"CHELU_HOME": str(tmp_path), "CHELU_MQTT_URL": f"mqtt://{LOOPBACK}:{mosquitto_port}"}


def test_what_is_missing_is_registered_once(client: Client, secrets: SecretFile) -> None:
    scene = driving(1.0, cars=3)
    fleet = fleet_of(scene, "enrolled")
    first = enrolled(client, fleet, secrets)
    devices = list(client.devices(site="enrolled"))
    assert sorted(device.device_id for device in devices) == sorted([*fleet.gateway_ids, *fleet.device_ids])
    assert {device.parent for device in devices if device.kind is not Kind.GATEWAY} == set(fleet.gateway_ids)
    assert enrolled(client, fleet, secrets) == first
    larger = fleet_of(driving(1.0, cars=5), "enrolled")
    assert enrolled(client, larger, secrets) == first
    assert len(list(client.devices(site="enrolled"))) == 7


def test_a_vehicle_that_stood_under_another_gateway_changes_over(client: Client, secrets: SecretFile) -> None:
    fleet = fleet_of(driving(1.0, cars=CHILDREN + 1), "moving")
    enrolled(client, fleet, secrets)
    client.change_device(fleet.obu_ids[-1], {"parent": fleet.gateway_ids[0]})
    enrolled(client, fleet, secrets)
    parents = {device.device_id: device.parent for device in client.devices(site="moving")}
    assert (parents[fleet.obu_ids[0]], parents[fleet.obu_ids[-1]]) == fleet.gateway_ids
    assert parents[fleet.rsu_id] == fleet.gateway_ids[0]


def test_a_gateway_whose_secret_is_gone_gets_a_new_one(client: Client, secrets: SecretFile) -> None:
    fleet = fleet_of(driving(1.0), "forgetful")
    first = enrolled(client, fleet, secrets)
    secrets.path.unlink()
    second = enrolled(client, fleet, secrets)
    assert second != first
    assert secrets.known() == second


def test_the_gateway_speaks_for_its_children_and_hears_their_warnings(
    client: Client, environ: dict[str, str], inference: Session
) -> None:
    scene = driving(4.0, cars=3)
    fleet = fleet_of(scene, "speaking")
    heard: list[Received] = []

    def answer(_: object) -> None:
        """A platform that warns the first vehicle of the first message it hears of it."""
        heard.extend(inference.drain(1000, 0.0))
        mine = next((one for one in heard if one.topic == f"obu/{fleet.obu_ids[0]}/bsm/up"), None)
        if mine is not None:
            cause = {"device_id": fleet.obu_ids[0], "event_time_us": json.loads(mine.payload)[0]["time_us"]}
            document = {
                "warning_id": "w",
                "application": "icw",
                "state": "raised",
                "host": {},
                "cause": cause,
                "event_time_us": 1,
            }
            inference.publish(f"obu/{fleet.obu_ids[0]}/warning/down", json.dumps(document).encode(), qos=1)

    with connected(client, fleet, ORIGIN, CLOCK, environ) as session:
        replay = Replay(scene, fleet, session, JsonEncoder(), clock=CLOCK, options=Options(), on_progress=answer)
        report = replay.run()

    def is_all_there() -> bool:
        heard.extend(inference.drain(1000, 0.05))
        return len(heard) >= 120

    until(is_all_there, 10, "every message")
    assert {one.topic for one in heard} == {f"obu/{name}/bsm/up" for name in fleet.obu_ids}
    assert report.warnings
    assert report.warnings[0].device_id == fleet.obu_ids[0]
    assert report.warnings[0].latency_us is not None


def test_a_gateway_is_not_heard_for_other_gateways_children(
    client: Client, secrets: SecretFile, environ: dict[str, str], inference: Session
) -> None:
    mine, theirs = (fleet_of(driving(1.0, cars=1), site) for site in ("mine", "theirs"))
    enrolled(client, theirs, secrets)
    with connected(client, mine, ORIGIN, CLOCK, environ) as (session,):
        session.publish(f"obu/{theirs.obu_ids[0]}/bsm/up", b"forged")
        session.publish(f"obu/{mine.obu_ids[0]}/bsm/up", b"honest")
        heard = until(lambda: inference.drain(10, 0.1), 10, "the honest message")
    assert [one.payload for one in heard] == [b"honest"]


def test_not_one_message_is_lost_to_rights_that_are_still_being_read(
    client: Client, environ: dict[str, str], inference: Session
) -> None:
    for cars in (100, 400):  # the second time the gateway exists already, and only its new children need rights
        scene = driving(0.2, cars=cars)
        fleet = fleet_of(scene, "growing")
        with connected(client, fleet, ORIGIN, CLOCK, environ) as sessions:
            for name, gateway in zip(fleet.obu_ids, fleet.gateways.tolist(), strict=True):
                sessions[gateway].publish(f"obu/{name}/bsm/up", b"at once")
        heard: list[Received] = []

        def is_all_there(heard: list[Received] = heard, wanted: int = cars) -> bool:
            heard.extend(inference.drain(1000, 0.05))
            return len(heard) >= wanted

        until(is_all_there, 10, "every message")


def test_a_secret_the_broker_does_not_take_is_replaced(client: Client, environ: dict[str, str]) -> None:
    fleet = fleet_of(driving(1.0), "wrong")
    secrets = SecretFile(Path(environ["CHELU_HOME"]) / SECRETS)
    enrolled(client, fleet, secrets)
    secrets.keep({fleet.gateway_ids[0]: "not-the-secret"})
    with connected(client, fleet, ORIGIN, CLOCK, environ) as (session,):
        assert session.is_connected
    assert secrets.known()[fleet.gateway_ids[0]] != "not-the-secret"
