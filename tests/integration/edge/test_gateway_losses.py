"""The gateway loses nothing that it answered for: full disks, broken lines, spools and brokers."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from chelu.codec.gbt32960_frame import Answer, Command, encode_time
from chelu.local.ports import free_port
from simulators.vehicle_load import Load, Plan
from simulators.vehicle_names import device_of
from tests.fix_broker import MakeBroker
from tests.fix_small_disk import SmallDisk
from tests.integration.edge.cars import OWN, TIME, Car, Cars, named, request
from tests.integration.edge.gateways import CLOCK, LISTED, Ears, Start
from tests.waiting import until


def no_answer(car: Car, *frames: bytes) -> bool:
    """Whether nothing comes back for a while."""
    car.send(*frames)
    car.sock.settimeout(0.5)
    try:
        car.answer()
    except TimeoutError:
        return True
    finally:
        car.sock.settimeout(10)
    return False


def test_while_the_disk_is_full_nobody_is_answered_and_afterwards_everybody(
    small_disk: SmallDisk, start: Start, cars: Cars, ears: Ears
) -> None:
    running = start(directory=small_disk.path)
    car = cars(running, is_logged_in=True)
    small_disk.fill()
    report = request(Command.REALTIME, TIME + OWN)
    assert no_answer(car, report)
    assert running.counted("not_kept") >= 1
    small_disk.free()
    assert car.ask(Command.REALTIME, TIME + OWN)[1] == Answer.OK
    until(lambda: report in ears.frames(device_of(0)), 10, "the report on its topic")


def test_an_answer_is_durable_when_the_vehicle_hangs_up_at_once(start: Start, cars: Cars, ears: Ears) -> None:
    car = cars(start(batch_ms=300), is_logged_in=True)
    report = request(Command.REALTIME, TIME)
    car.send(report)
    car.sock.shutdown(socket.SHUT_RDWR)
    until(lambda: report in ears.frames(device_of(0)), 10, "the report on its topic")


def test_a_full_spool_refuses_rather_than_lose_and_takes_again_when_the_broker_is_back(
    start: Start, cars: Cars, make_broker: MakeBroker, tmp_path: Path
) -> None:
    broker = make_broker()
    ears = Ears(broker.url)
    running = start(
        url=f"mqtt://127.0.0.1:{free_port()}",
        agent={"spool": {"directory": tmp_path / "spool", "max_mb": 2}, "delivery": {"receipts": False}},
    )
    car = cars(running, is_logged_in=True)
    kept: list[bytes] = []
    for number in range(100):
        report = request(Command.REALTIME, encode_time(1_700_000_000_000_000 + number * 1_000_000) + OWN)
        if no_answer(car, report):
            break
        kept.append(report)
    assert 10 < len(kept) < 60
    name = running.name
    running.stop()
    again = start(
        url=broker.url,
        agent={"id": name, "spool": {"directory": tmp_path / "spool", "max_mb": 2}, "delivery": {"receipts": False}},
    )
    try:
        until(lambda: set(kept) <= set(ears.frames(device_of(0))), 20, "everything that was acknowledged")
        until(lambda: again.agent.waiting["children"] == 0, 10, "room again")
        assert cars(again, is_logged_in=True).ask(Command.REALTIME, TIME + OWN)[1] == Answer.OK
    finally:
        ears.stop()


@pytest.mark.parametrize(("protocol", "edition"), [("gbt32960", 2025), ("jt808", 2019)])
def test_a_broker_that_dies_while_vehicles_report_costs_nothing(
    start: Start, make_broker: MakeBroker, tmp_path: Path, protocol: str, edition: int
) -> None:
    broker = make_broker()
    ears = Ears(broker.url)
    running = start(url=broker.url, protocol=protocol)
    log = tmp_path / "acknowledged"
    plan = Plan("127.0.0.1", running.gateway.port, LISTED, 1.0, 6.0, protocol, edition, acknowledged_file=log)
    load = Load(plan, CLOCK)
    driver = threading.Thread(target=load.run)
    driver.start()
    until(lambda: log.exists() and len(log.read_text().splitlines()) > LISTED, 20, "reports before")
    broker.kill()
    driver.join()
    assert load.outcome.acknowledged == load.outcome.sent >= 5 * LISTED
    wanted = {tuple(line.split()) for line in log.read_text().splitlines()}
    try:
        until(lambda: wanted <= {named(*one) for one in ears.all()}, 30, "every acknowledged report")
    finally:
        ears.stop()
