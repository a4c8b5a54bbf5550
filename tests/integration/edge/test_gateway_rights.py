"""A gateway under the register's access list on a real mosquitto: its own children's topics, and nobody else's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.topics import Kind
from chelu.verifiers import verifier
from services.registry.rights import Child, acl_lines
from simulators.vehicle_load import Load, Plan
from simulators.vehicle_names import device_of
from tests.fix_broker import MakeBroker, RunningBroker
from tests.integration.edge.gateways import Running
from tests.waiting import until

CLOCK = SystemClock()
OWN, FOREIGN = device_of(0), device_of(1)


@pytest.fixture
def guarded(make_broker: MakeBroker, tmp_path: Path) -> RunningBroker:
    passwords, rights = tmp_path / "passwords", tmp_path / "rights"
    passwords.write_text("".join(f"{user}:{verifier('secret')}\n" for user in ("gw", "gw-2", "ingest")))
    children = [Child("gw", Kind.VEHICLE, OWN), Child("gw-2", Kind.VEHICLE, FOREIGN)]
    rights.write_text("\n".join([*acl_lines(["ingest"], children), ""]))
    passwords.chmod(0o600)
    rights.chmod(0o600)
    return make_broker(password_file=passwords, acl_file=rights)


def session(broker: RunningBroker, user: str, *filters: str) -> Session:
    made = Session(broker.url_for(user, "secret"), client_id=user, clock=CLOCK, subscriptions=filters)
    made.start()
    made.wait_connected(10)
    return made


def test_a_gateway_hears_the_receipts_of_its_own_vehicles_only(guarded: RunningBroker) -> None:
    gateway, ingest = session(guarded, "gw", "vehicle/+/receipt/down"), session(guarded, "ingest")
    try:
        for device in (FOREIGN, OWN):  # in this order: when the second is here, the first would be
            assert ingest.publish(f"vehicle/{device}/receipt/down", b"{}", qos=1).wait(5)
        heard = until(lambda: gateway.drain(10, 0.1) or None, 10, "a receipt")
        assert heard is not None
        assert [message.topic for message in heard] == [f"vehicle/{OWN}/receipt/down"]
    finally:
        gateway.stop()
        ingest.stop()


@pytest.mark.parametrize(("protocol", "edition"), [("gbt32960", 2025), ("jt808", 2019)])
def test_reports_pass_and_their_receipt_empties_the_spool(
    guarded: RunningBroker, tmp_path: Path, protocol: str, edition: int
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    ingest = session(guarded, "ingest", "vehicle/#")
    running = Running(guarded.url, tmp_path, protocol=protocol, agent={"id": "gw", "credential_file": secret})
    try:
        outcome = Load(Plan("127.0.0.1", running.gateway.port, 1, 1.0, 2.0, protocol, edition), CLOCK).run()
        assert outcome.acknowledged == outcome.sent >= 1
        assert running.agent.waiting["children"] == 1 + outcome.sent  # and the login, or the registration
        numbers: list[int] = []

        def all_heard() -> bool:
            taken = ingest.drain(100, 0.1)
            ingest.acknowledge(taken)
            numbers.extend(one.sequence or 0 for one in taken if one.topic == f"vehicle/{OWN}/telemetry/up")
            return len(set(numbers)) == 1 + outcome.sent

        until(all_heard, 10, "every frame on its vehicle's topic")
        receipt = json.dumps({"stored": {"telemetry": max(numbers)}}).encode()
        assert ingest.publish(f"vehicle/{OWN}/receipt/down", receipt, qos=1).wait(5)
        until(lambda: running.agent.waiting["children"] == 0, 10, "an empty spool")
    finally:
        running.stop()
        ingest.stop()
