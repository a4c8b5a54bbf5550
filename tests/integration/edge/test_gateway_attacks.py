"""What ill-meaning, broken and unlucky peers do to the gateway on a real broker, and that the others notice nothing."""

from __future__ import annotations

import errno
import selectors
import socket
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from chelu.codec.gbt32960_frame import Answer, Command, Frame, Splitter, read
from chelu.codec.jt808_talk import Registered, Result, Say, encode_authentication
from chelu.errors import CannotStartError
from edge.vehicles import connection, server
from edge.vehicles.limits import allow_connections
from simulators.vehicle_load import Load, Plan
from simulators.vehicle_names import vin_of
from simulators.vehicle_speech import EDITIONS
from tests.integration.edge.cars import LOGIN, OWN, TIME, Cars, request
from tests.integration.edge.gateways import CLOCK, LISTED, Start
from tests.integration.edge.test_gateway_terminals import LOCATION, Terminal
from tests.waiting import until


def is_cut(sock: socket.socket) -> bool:
    """Whether the gateway has hung up."""
    sock.settimeout(0.05)
    try:
        return sock.recv(4096) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


# -- those who hold a line -------------------------------------------------------------------------------------------------------


def test_a_vehicle_whose_line_died_without_a_word_comes_back_in_when_the_old_line_is_given_up(start: Start, cars: Cars) -> None:
    running = start(second_login="refuse", idle_s=1)
    cars(running, is_logged_in=True)  # says nothing any more, as behind a tunnel
    early = cars(running)
    assert early.ask(Command.LOGIN, LOGIN)[1] == Answer.VIN_DUPLICATE
    early.sock.close()
    until(lambda: running.counted("silent") == 1, 10, "the old line to be given up")
    assert cars(running).ask(Command.LOGIN, LOGIN)[1] == Answer.OK


def test_who_sends_byte_after_byte_is_hung_up_on(start: Start, cars: Cars, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FRAME_S", 1.0)
    running = start()
    vehicle, slow = cars(running, is_logged_in=True), [cars(running) for _ in range(50)]
    report = iter(request(Command.REALTIME, TIME + OWN))

    def are_cut() -> bool:
        byte = bytes([next(report)])
        for car in slow:
            with suppress(OSError):
                car.send(byte)
        assert vehicle.ask(Command.REALTIME, TIME)[1] == Answer.OK
        return running.counted("half_a_frame") == len(slow)

    until(are_cut, 20, "all of them to be cut")
    assert all(is_cut(car.sock) for car in slow)


def test_who_asks_for_the_time_for_ever_but_never_logs_in_is_hung_up_on(start: Start, cars: Cars) -> None:
    running = start(login_s=1)
    vehicle, stranger = cars(running, is_logged_in=True), cars(running)
    begun_s = CLOCK.monotonic_s()

    def is_over() -> bool:
        with suppress(OSError, EOFError):
            stranger.ask(Command.TIME)
            return False
        return True

    until(is_over, 10, "an end of it")
    assert CLOCK.monotonic_s() - begun_s > 0.9
    assert running.counted("no_login") == 1
    assert vehicle.ask(Command.REALTIME, TIME)[1] == Answer.OK


def test_strangers_do_not_keep_vehicles_out(start: Start, cars: Cars) -> None:
    running = start(max_connections=5)
    strangers = [cars(running) for _ in range(5)]
    until(lambda: running.status().get("connections") == 5, 5, "all places taken")
    inside = [cars(running, is_logged_in=True, number=number) for number in range(5)]
    assert running.counted("pushed_out") == 5
    assert all(is_cut(car.sock) for car in strangers)
    late = cars(running)
    until(lambda: is_cut(late.sock), 5, "no room for one more")
    assert running.counted("too_many_connections") == 1
    assert all(car.ask(Command.REALTIME, TIME, vin=vin_of(number).encode())[1] == 1 for number, car in enumerate(inside))


def test_who_does_not_fetch_his_answers_is_hung_up_on(start: Start, cars: Cars) -> None:
    running = start()
    vehicle, deaf = cars(running, is_logged_in=True, number=1), cars(running, is_logged_in=True)
    deaf.sock.settimeout(0.2)
    beats = request(Command.HEARTBEAT) * 1000

    def is_over() -> bool:
        with suppress(TimeoutError):
            deaf.sock.send(beats)
        return running.counted("does_not_read") == 1

    with suppress(ConnectionError):
        until(is_over, 30, "an end of it")
    until(lambda: running.counted("does_not_read") == 1, 5, "it is counted")
    assert vehicle.ask(Command.REALTIME, TIME, vin=vin_of(1).encode())[1] == Answer.OK


class Full:
    """A listening socket in a process that may open no more files, for half a second."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._since_s = sock, 0.0

    def accept(self) -> tuple[socket.socket, object]:
        self._since_s = self._since_s or CLOCK.monotonic_s()
        if CLOCK.monotonic_s() < self._since_s + 0.5:
            raise OSError(errno.EMFILE, "Too many open files")
        return self._sock.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


def test_a_process_without_files_left_tries_again_and_does_not_spin(
    start: Start, cars: Cars, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TEND_S", 0.2)
    running = start()
    full = Full(running.gateway._socket)
    monkeypatch.setattr(running.gateway, "_socket", full)
    assert cars(running, is_logged_in=True).ask(Command.REALTIME, TIME)[1] == Answer.OK
    assert 1 <= running.counted("accept") <= 3  # and not thousands of times


# -- those who shout -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["gbt32960", "jt808"])
@pytest.mark.parametrize("rubbish", [bytes(1 << 14), b"##\x01\xfe" * 4096, b"\x7e\x01" * 8192, b"\x7e" * 16384, b"\x23" * 16384])
def test_floods_of_rubbish_are_cut_off_while_a_vehicle_is_served(start: Start, protocol: str, rubbish: bytes) -> None:
    running = start(protocol=protocol)
    flooders = [threading.Thread(target=flood, args=(running.gateway.port, rubbish)) for _ in range(4)]
    for thread in flooders:
        thread.start()
    plan = Plan("127.0.0.1", running.gateway.port, LISTED, 1.0, 2.0, protocol, EDITIONS[protocol][0])
    outcome = Load(plan, CLOCK).run()
    for thread in flooders:
        thread.join()
    assert (outcome.logged_in, outcome.hung_up) == (LISTED, 0)
    assert outcome.acknowledged == outcome.sent >= LISTED
    assert running.counted("rubbish") + running.counted("no_login") == 4 * 3


def flood(port: int, rubbish: bytes) -> None:
    """Send until cut off, three times over."""
    for _ in range(3):
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as sock:
            while True:
                sock.sendall(rubbish)


def test_more_than_a_segment_of_the_spool_at_once_is_kept_in_several_writes(start: Start, cars: Cars, tmp_path: Path) -> None:
    running = start(agent={"spool": {"directory": tmp_path / "spool", "max_mb": 16}}, batch_ms=1000)
    car = cars(running, is_logged_in=True)
    reports = request(Command.REALTIME, TIME + OWN) * 100
    sender = threading.Thread(target=car.sock.sendall, args=(reports,))
    sender.start()
    answers = [car.answer().answer for _ in range(100)]
    sender.join()
    assert answers == [Answer.OK] * 100
    assert running.counted("not_kept") == 0


def test_six_thousand_vehicles_that_connect_in_the_same_moment_all_get_in(start: Start) -> None:
    count = 6000
    try:
        allow_connections(2 * count + 500)
    except CannotStartError as error:
        pytest.skip(str(error))
    running = start(max_connections=count)
    running.allow(count)
    storm = Storm(running.gateway.port, count)
    try:
        until(lambda: storm.work() == count, 60, "all of them to be logged in")
        assert running.counted("pushed_out") + running.counted("too_many_connections") == 0
    finally:
        storm.close()


class Storm:
    """Many connections begun at once, each with a login at the first chance."""

    def __init__(self, port: int, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._answered = 0
        self._socks = [socket.socket() for _ in range(count)]
        for number, sock in enumerate(self._socks):
            sock.setblocking(False)
            assert sock.connect_ex(("127.0.0.1", port)) in {0, errno.EINPROGRESS}
            self._selector.register(sock, selectors.EVENT_WRITE, number)

    def work(self) -> int:
        """Logins that were answered well so far."""
        for key, events in self._selector.select(0.05):
            assert isinstance(key.fileobj, socket.socket)
            if events & selectors.EVENT_WRITE:
                frame = Frame(2016, Command.LOGIN, Answer.REQUEST, vin_of(key.data).encode(), 1, LOGIN)
                key.fileobj.send(frame.encode())
                self._selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
            else:
                (answer,) = Splitter().feed(key.fileobj.recv(4096))
                assert read(answer).answer == Answer.OK
                self._answered += 1
                self._selector.unregister(key.fileobj)
        return self._answered

    def close(self) -> None:
        for sock in self._socks:
            sock.close()
        self._selector.close()


# -- those who say that they are another -----------------------------------------------------------------------------------------


def test_who_knows_a_terminals_phone_only_can_neither_speak_for_it_nor_cut_it_off(start: Start) -> None:
    running = start(protocol="jt808")
    terminal, thief = Terminal(running.gateway.port), Terminal(running.gateway.port)
    with closing(terminal.sock), closing(thief.sock):
        code = terminal.log_in()
        assert thief.register() == (Registered.TERMINAL_TAKEN, b"")
        assert thief.ask(Say.LOCATION, LOCATION) == Result.FAILED
        assert thief.ask(Say.LOGOUT) == Result.FAILED
        for guess in (code[::-1], b"", b"0", code[:-1], code + b"0"):
            assert thief.ask(Say.AUTHENTICATE, encode_authentication(2019, guess)) == Result.FAILED
        until(lambda: is_cut(thief.sock), 5, "an end of the guessing")
        assert running.counted("wrong_code") == 5
        assert terminal.ask(Say.LOCATION, LOCATION) == Result.OK


@pytest.mark.parametrize("second_login", ["replace", "refuse"])
def test_two_connections_of_one_vin_never_both_speak_for_it(start: Start, cars: Cars, second_login: str) -> None:
    running = start(second_login=second_login)
    first, second = cars(running, is_logged_in=True), cars(running)
    is_taken = second.ask(Command.LOGIN, LOGIN)[1] == Answer.OK
    assert is_taken == (second_login == "replace")
    winner, loser = (second, first) if is_taken else (first, second)
    assert winner.ask(Command.REALTIME, TIME)[1] == Answer.OK
    with suppress(EOFError, ConnectionError):
        assert loser.ask(Command.REALTIME, TIME)[1] == Answer.ERROR
    assert is_cut(loser.sock) == is_taken


def test_a_line_of_several_vehicles_loses_only_the_one_that_logs_in_elsewhere(start: Start, cars: Cars) -> None:
    running = start()
    fleet = cars(running, is_logged_in=True, number=0)
    assert fleet.ask(Command.LOGIN, LOGIN, vin=vin_of(1).encode())[1] == Answer.OK
    alone = cars(running, is_logged_in=True, number=1)
    assert fleet.ask(Command.REALTIME, TIME, vin=vin_of(0).encode())[1] == Answer.OK
    assert fleet.ask(Command.REALTIME, TIME, vin=vin_of(1).encode())[1] == Answer.ERROR
    assert alone.ask(Command.REALTIME, TIME, vin=vin_of(1).encode())[1] == Answer.OK
    assert running.counted("replaced_by_a_second_login") == 1


def test_a_name_that_would_write_into_the_log_is_shown_as_letters(
    start: Start, cars: Cars, caplog: pytest.LogCaptureFixture
) -> None:
    cars(start()).ask(Command.LOGIN, LOGIN, vin=b"X\n\x1b[2J\xff ERROR: no")
    (said,) = (record.getMessage() for record in caplog.records if "unknown_vin" in record.getMessage())
    assert said.isascii()
    assert said.isprintable()


def test_strangers_hold_little_memory(start: Start, cars: Cars) -> None:
    running = start()
    begun = request(Command.REALTIME, TIME + OWN)[:40_000]  # of a frame that may have 60 kB
    strangers = [cars(running) for _ in range(20)]
    for stranger in strangers:
        with suppress(OSError):
            stranger.send(begun)
    until(lambda: running.counted("no_login") == len(strangers), 5, "all of them to be cut")
