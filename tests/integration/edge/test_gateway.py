"""Vehicles over TCP on a real broker: replies to GB/T 32960, bad input, and that what was acknowledged outlives kill -9."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chelu.codec.gbt32960_frame import Answer, Command
from chelu.local.ports import free_port
from edge.vehicles import connection, server
from simulators.vehicle_load import Load, Plan
from simulators.vehicle_names import device_list, device_of, vin_of
from tests.fix_broker import RunningBroker
from tests.integration.edge.cars import LOGIN, TIME, Car, named, request
from tests.integration.edge.gateways import CLOCK, LISTED, Ears, Running, Start, run_gateway
from tests.waiting import until

EDITIONS = [("gbt32960", 2016), ("gbt32960", 2025), ("jt808", 2013), ("jt808", 2019)]


Dial = Callable[[Running], Car]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Connects cars, and hangs up afterwards."""
    cars: list[Car] = []

    def make(running: Running) -> Car:
        cars.append(Car(running.gateway.port))
        return cars[-1]

    yield make
    for car in cars:
        car.sock.close()


def test_a_vehicle_is_answered_as_the_standard_says_and_its_frames_go_up(start: Start, dial: Dial, ears: Ears) -> None:
    car = dial(start())
    assert car.ask(Command.LOGIN, LOGIN) == (Command.LOGIN, Answer.OK, TIME)
    assert car.ask(Command.REALTIME, TIME) == (Command.REALTIME, Answer.OK, TIME)
    assert car.ask(Command.HEARTBEAT) == (Command.HEARTBEAT, Answer.OK, b"")
    command, answer, now = car.ask(Command.TIME)
    assert (command, answer, len(now)) == (Command.TIME, Answer.OK, 6)
    assert car.ask(Command.LOGOUT, TIME + b"\x00\x01") == (Command.LOGOUT, Answer.OK, TIME)
    wanted = [request(Command.LOGIN, LOGIN), request(Command.REALTIME, TIME), request(Command.LOGOUT, TIME + b"\x00\x01")]
    until(lambda: set(wanted) <= set(ears.frames(device_of(0))), 10, "its frames on its topic")


def test_frames_in_pieces_and_several_in_one_piece_are_answered_one_by_one(start: Start, dial: Dial) -> None:
    car = dial(start())
    login = request(Command.LOGIN, LOGIN)
    car.send(login[:10], login[10:40], login[40:] + request(Command.REALTIME, TIME) * 3 + login[:5])
    assert [car.answer().command for _ in range(4)] == [Command.LOGIN, *[Command.REALTIME] * 3]


def test_bad_input_is_counted_with_its_reason_and_the_connection_goes_on(start: Start, dial: Dial) -> None:
    running = start()
    car = dial(running)
    assert car.ask(Command.LOGIN, LOGIN, vin=b"LUNKNOWN000000001")[1] == Answer.VIN_UNKNOWN
    assert car.ask(Command.REALTIME, TIME)[1] == Answer.ERROR
    car.ask(Command.LOGIN, LOGIN)
    good = request(Command.REALTIME, TIME)
    car.send(good[:-1] + bytes([good[-1] ^ 1]))  # right length, wrong check: as if it had not come
    assert car.ask(Command.REALTIME, TIME + b"\x01" + bytes(19))[1] == Answer.ERROR  # right check, wrong length of an item
    assert car.ask(Command.REALTIME, TIME, encryption=3)[1] == Answer.ERROR
    assert car.ask(Command.REALTIME, TIME)[1] == Answer.OK
    car.send(good[:12])
    car.sock.close()
    until(lambda: running.counted("half_a_frame"), 5, "the half frame counted")
    reasons = ("unknown_vin", "not_logged_in", "wrong_check", "truncated", "encrypted", "half_a_frame")
    assert [running.counted(reason) for reason in reasons] == [1] * 6
    until(lambda: running.status().get("unknown"), 5, "it is listed")
    assert running.status()["unknown"] == {"LUNKNOWN000000001": 1}


def test_one_who_sends_rubbish_is_hung_up_on_and_others_notice_nothing(start: Start, dial: Dial) -> None:
    running = start()
    good, bad = dial(running), dial(running)
    good.ask(Command.LOGIN, LOGIN)
    bad.send(b"##\x01\x00" * 20_000)
    with pytest.raises((EOFError, ConnectionError)):
        bad.answer()
    assert good.ask(Command.REALTIME, TIME)[1] == Answer.OK
    assert running.counted("rubbish") == 1


def test_a_second_login_replaces_the_first(start: Start, dial: Dial) -> None:
    running = start()
    first, second = dial(running), dial(running)
    first.ask(Command.LOGIN, LOGIN)
    assert second.ask(Command.LOGIN, LOGIN)[1] == Answer.OK
    with pytest.raises((EOFError, ConnectionError)):
        first.answer()
    assert second.ask(Command.REALTIME, TIME)[1] == Answer.OK


def is_hung_up(car: Car, report: bytes) -> bool:
    """After one more report, which goes into the frame that does not end."""
    car.sock.settimeout(0.1)
    try:
        car.send(report)
        car.answer()
    except TimeoutError:
        return False
    except (EOFError, ConnectionError):
        return True
    return False


def test_a_frame_in_two_pieces_after_a_long_silence_is_taken(start: Start, dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FRAME_S", 1.0)
    monkeypatch.setattr(server, "TEND_S", 0.05)
    running = start()
    car, begun_s = dial(running), CLOCK.monotonic_s()
    car.ask(Command.LOGIN, LOGIN)
    until(lambda: CLOCK.monotonic_s() > begun_s + 1.2, 5, "a silence longer than a frame may take")
    car.send(request(Command.REALTIME, TIME)[:20])
    told = [running.status()]

    def is_tended() -> bool:
        if (now := running.status()) is not told[-1]:
            told.append(now)
        return len(told) > 3

    until(is_tended, 5, "the gateway to look at its connections")
    car.send(request(Command.REALTIME, TIME)[20:])
    assert car.answer().answer == Answer.OK


def test_a_frame_whose_length_is_damaged_does_not_hold_the_line_for_ever(
    start: Start, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FRAME_S", 1.0)
    running = start()
    car = dial(running)
    car.ask(Command.LOGIN, LOGIN)
    good = request(Command.REALTIME, TIME)
    car.send(good[:22] + b"\xff\x00" + good[24:])
    until(lambda: is_hung_up(car, good), 10, "an end of it")
    assert running.counted("half_a_frame") == 1


def test_a_vehicle_that_is_taken_off_the_list_is_hung_up_on_and_the_others_stay(start: Start, dial: Dial) -> None:
    running = start()
    stays, goes = dial(running), dial(running)
    names = [vin_of(number).encode() for number in (0, LISTED - 1)]
    for car, name in zip((stays, goes), names, strict=True):
        assert car.ask(Command.LOGIN, LOGIN, vin=name)[1] == Answer.OK
    running.allow(LISTED - 1)
    with pytest.raises((EOFError, ConnectionError)):
        goes.answer()
    assert running.counted("no_longer_listed") == 1
    assert stays.ask(Command.REALTIME, TIME, vin=names[0])[1] == Answer.OK
    assert dial(running).ask(Command.LOGIN, LOGIN, vin=names[1])[1] == Answer.VIN_UNKNOWN


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("phone", "１３９", "phone = '１３９' is not allowed: 1 to 20 digits"),
        ("phone", "9" * 200_000, "row = 'field larger"),
        ("labels", "[" * 2000 + "]" * 2000, "is not allowed: a JSON object"),
    ],
)
def test_a_list_with_a_bad_row_is_said_and_that_of_before_stays(
    start: Start, caplog: pytest.LogCaptureFixture, column: str, cell: str, said: str
) -> None:
    running = start(protocol="jt808")
    listed = until(lambda: running.status().get("listed"), 10, "the list to be read")
    running.vehicles.write_text(f"device_id,{column}\ncar-1,{cell}\n")
    until(lambda: running.counted("vehicles_file"), 10, "the bad list to be seen")
    lines = until(lambda: [line for line in caplog.messages if said in line], 10, "a sentence on it") or []
    assert lines[0].startswith(f"{running.vehicles}, line 2: ")
    assert (len(lines), running.status()["listed"]) == (1, listed)
    running.allow(LISTED + 1)


def test_a_silent_vehicle_is_hung_up_on(start: Start, dial: Dial) -> None:
    running = start(idle_s=1)
    car = dial(running)
    car.ask(Command.LOGIN, LOGIN)
    with pytest.raises((EOFError, ConnectionError)):
        car.answer()
    assert running.counted("silent") == 1


@pytest.mark.parametrize(("protocol", "edition"), EDITIONS)
def test_a_list_that_grew_lets_two_hundred_vehicles_in_and_each_report_is_acknowledged(
    start: Start, protocol: str, edition: int
) -> None:
    running = start(protocol=protocol)
    running.allow(200)
    outcome = Load(Plan("127.0.0.1", running.gateway.port, 200, 1.0, 3.0, protocol, edition), CLOCK).run()
    assert (outcome.logged_in, outcome.hung_up) == (200, 0)
    assert outcome.acknowledged == outcome.sent >= 400


# -- kill -9 ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "edition"), EDITIONS)
def test_nothing_acknowledged_is_lost_when_the_gateway_is_killed(
    broker: RunningBroker, tmp_path: Path, protocol: str, edition: int
) -> None:
    count, port, name = 100, free_port(), f"gw-kill-{protocol}-{edition}"
    (tmp_path / "vehicles.csv").write_text(device_list(count, site="s", gateway=name))
    config = tmp_path / "gateway.toml"
    away = f"mqtt://127.0.0.1:{free_port()}"  # nobody there: whatever is acknowledged is on this disk alone
    text = f"""kind = "gateway"
id = "{name}"
broker = "BROKER"
[delivery]
resend_s = 1
[[sources]]
type = "{protocol}"
listen = "127.0.0.1:{port}"
vehicles = "vehicles.csv"
"""
    config.write_text(text.replace("BROKER", away))
    process = run_gateway(config, tmp_path)
    log = tmp_path / "acknowledged"
    plan = Plan("127.0.0.1", port, count, 1.0, 30.0, protocol, edition, acknowledged_file=log)
    driver = threading.Thread(target=Load(plan, CLOCK).run)
    driver.start()
    until(lambda: log.exists() and len(log.read_text().splitlines()) >= 150, 30, "some reports acknowledged")
    process.send_signal(signal.SIGKILL)
    process.wait()
    driver.join()
    acknowledged = {tuple(line.split()) for line in log.read_text().splitlines()}
    ears = Ears(broker.url)
    config.write_text(text.replace("BROKER", broker.url))
    process = run_gateway(config, tmp_path)
    try:
        until(lambda: acknowledged <= {named(*one) for one in ears.all()}, 30, "every acknowledged report")
        assert len(acknowledged) >= 120  # some seconds have two reports of a vehicle
    finally:
        ears.stop()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
