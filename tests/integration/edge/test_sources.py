"""Sources on real sockets, files, FIFOs and pseudo-terminals."""

from __future__ import annotations

import json
import os
import pty
import socket
import time
import tty
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chelu.clock import SystemClock
from chelu.codec import cv2x
from chelu.messages import frames_of
from edge.adapters.frames import UdpFrames
from edge.adapters.gnss import Gnss
from edge.adapters.objects import ObjectLists
from edge.routing import Heard
from edge.settings import EdgeSettings, FrameSource, GnssSource, ObjectSource, Position
from edge.tally import Tally
from tests.waiting import until

CLOCK = SystemClock()


@dataclass
class Listener:
    """Stands for the agent."""

    settings: EdgeSettings
    tally: Tally = field(default_factory=Tally)
    device_id: bytes = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    position: Position | None = None
    heard: list[Heard] = field(default_factory=list)

    def hear(self, heard: Sequence[Heard]) -> int:
        self.heard += heard
        return len(heard)

    def frames(self) -> list[bytes]:
        return [item.frame for item in self.heard]


def listener(kind: str = "rsu") -> Listener:
    place = {"latitude_deg": 29.5, "longitude_deg": 106.5, "elevation_m": 240.0}
    return Listener(EdgeSettings.check({"kind": kind, "id": "a", "position": place}, source="test"))


def sentence(body: str) -> bytes:
    return f"${body}*{reduce(xor, body.encode(), 0):02X}\r\n".encode()


def epoch(number: int, *, minute: str = "29") -> bytes:
    """RMC and GGA of one tenth of a second of today."""
    now = time.gmtime()
    clock = time.strftime("%H%M", now) + f"{number // 10:02d}.{number % 10}0"
    place = f"{minute}30.00000,N,10630.00000,E"
    gga = sentence(f"GNGGA,{clock},{place},4,12,0.8,250.00,M,-30.00,M,,")
    return gga + sentence(f"GNRMC,{clock},A,{place},19.438445,90.0,{time.strftime('%d%m%y', now)},,,A")


def gnss(path: Path, kind: str, *, follow: bool = True) -> tuple[Gnss, Listener]:
    ears = listener(kind)
    source = Gnss(GnssSource(type="gnss", path=path, follow=follow), ears, CLOCK)
    source.start()
    return source, ears


def wait_fixes(source: Gnss, number: int) -> None:
    until(lambda: source.fixes == number, 5, f"{number} fixes")


def test_an_on_board_unit_s_fixes_become_bsms(tmp_path: Path) -> None:
    file = tmp_path / "log.nmea"
    file.write_bytes(b"".join(epoch(number) for number in range(20)))
    source, ears = gnss(file, "obu", follow=False)
    until(lambda: source.is_ended, 5, "the end of the file")
    source.stop()
    rows = cv2x.decode(frames_of(ears.frames(), ears.heard[0].heard_us)).bsm
    assert len(rows) == 20
    np.testing.assert_allclose(rows["latitude_deg"], 29.5, atol=1e-7)
    np.testing.assert_allclose(rows["longitude_deg"], 106.5, atol=1e-7)
    np.testing.assert_allclose(rows["elevation_m"], 220.0, atol=0.05)
    np.testing.assert_allclose(rows["speed_mps"], 10.0, atol=0.01)
    np.testing.assert_allclose(rows["heading_deg"], 90.0, atol=0.00625)
    assert np.isnan(rows["acceleration_longitudinal_mps2"]).all()
    assert rows["message_count"].tolist() == list(range(20))
    assert rows["sec_mark_ms"].tolist() == [100 * number for number in range(20)]
    assert set(rows["vehicle_id"].tolist()) == {0x0102030405060708}


def test_a_pseudo_terminal_is_a_serial_line(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    source, ears = gnss(Path(os.ttyname(slave)), "rsu")

    def position() -> Position | None:  # what is written before the line is opened is lost, as on a real one
        os.write(master, b"\xff\x00 rubbish of a line that was joined half-way\r\n" + epoch(0)[:-3])
        os.write(master, epoch(0)[-3:] + sentence("GNRMC,bad") + b"$GNRMC,no,checksum\r\n")
        return ears.position

    until(position, 5, "a position")
    assert ears.position == Position(latitude_deg=29.5, longitude_deg=106.5, elevation_m=220.0)
    assert ears.heard == []  # a roadside unit's position is no BSM
    until(lambda: ears.tally.of("gnss") >= 2, 5, "the rubbish to be counted")
    source.stop()
    os.close(master)
    os.close(slave)


def test_a_fifo_may_be_written_by_one_program_after_another(tmp_path: Path) -> None:
    fifo = tmp_path / "gnss"
    os.mkfifo(fifo)
    source, ears = gnss(fifo, "rsu")
    for writer in range(2):
        with fifo.open("wb") as file:
            file.write(epoch(writer))
        wait_fixes(source, writer + 1)
    source.stop()
    assert set(ears.tally.by_place().get("gnss", {})) <= {"clock"}  # the fixes are up to a minute old


def test_a_file_that_grows_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "log.nmea"
    file.write_bytes(b"")
    source, _ = gnss(file, "rsu")
    with file.open("ab") as writer:
        for number in range(3):
            writer.write(epoch(number))
            writer.flush()
            wait_fixes(source, number + 1)
    source.stop()


def test_a_line_that_is_not_there_yet_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "later"
    source, ears = gnss(path, "rsu")
    until(lambda: ears.tally.of("gnss"), 5, "the loss to be counted")
    path.write_bytes(epoch(0))
    until(lambda: source.fixes == 1, 5, "the fix")
    source.stop()


def objects(transport: str, ears: Listener) -> ObjectLists:
    settings = ObjectSource.model_validate(
        {"type": "objects", "listen": "127.0.0.1:0", "transport": transport, "sensor": "lidar"}
    )
    source = ObjectLists(settings, ears, CLOCK)
    source.start()
    return source


def seen(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": ("motor", "non_motor", "pedestrian", "unknown")[number % 4],
        "latitude_deg": 29.5 + number * 1e-5,
        "longitude_deg": 106.5 - number * 2e-5,
        "elevation_m": 240.0 + number / 10,
        "speed_mps": number / 10,
        "heading_deg": number * 7.0 % 360,
        "width_m": 1.8,
        "length_m": 4.5,
    }


def check_positions(ears: Listener, number: int) -> None:
    rows = cv2x.decode(frames_of(ears.frames(), ears.heard[0].heard_us)).participant
    expected = [seen(index) for index in range(number)]
    assert rows["participant_id"].tolist() == [item["id"] for item in expected]
    for name, resolution in (
        ("latitude_deg", 1e-7),
        ("longitude_deg", 1e-7),
        ("elevation_m", 0.1),
        ("speed_mps", 0.02),
        ("heading_deg", 0.0125),
    ):
        np.testing.assert_allclose(rows[name], [item[name] for item in expected], atol=resolution * 0.51, err_msg=name)
    assert set(rows["source"].tolist()) == {6}
    assert set(rows["rsu_id"].tolist()) == {0x0102030405060708}
    assert not rows["vehicle_class_valid"].any()


def test_an_object_list_by_udp_becomes_rsms_with_the_same_positions() -> None:
    ears = listener()
    source = objects("udp", ears)
    line = json.dumps({"time_us": CLOCK.wall_us(), "objects": [seen(number) for number in range(40)]}).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(line, ("127.0.0.1", source.port))
    until(lambda: len(ears.heard) == 3, 5, "three frames of at most 16")
    source.stop()
    check_positions(ears, 40)
    assert ears.tally.by_place() == {}


def test_object_lists_by_tcp_may_come_in_pieces_and_from_several_sensors() -> None:
    ears = listener()
    source = objects("tcp", ears)
    line = json.dumps({"objects": [seen(number) for number in range(16)]}).encode() + b"\n"
    with (
        socket.create_connection(("127.0.0.1", source.port)) as first,
        socket.create_connection(("127.0.0.1", source.port)) as second,
    ):
        first.sendall(line[:100])
        second.sendall(b"rubbish\n" + line)
        until(lambda: len(ears.heard) == 1, 5, "the second sensor's frame")
        first.sendall(line[100:])
        until(lambda: len(ears.heard) == 2, 5, "the first sensor's frame")
    source.stop()
    ears.heard.pop()
    check_positions(ears, 16)
    assert ears.tally.by_place()["objects"] == {"undecodable": 1}


@pytest.mark.parametrize(
    ("line", "reason", "frames"),
    [
        (b"\xff\xfe", "undecodable", 0),
        (b"[]", "undecodable", 0),
        (b"[" * 5000, "undecodable", 0),
        (b'{"objects": 5}', "undecodable", 0),
        (b'{"time_us": 5, "objects": []}', "clock", 0),
        (json.dumps({"objects": [{**seen(1), "latitude_deg": 91}, seen(2)]}).encode(), "out_of_range", 1),
        (json.dumps({"objects": [{**seen(1), "colour": 1}, seen(2)]}).encode(), "undecodable", 1),
        (json.dumps({"objects": [{"id": 1}, 5, None]}).encode(), "undecodable", 0),
        (json.dumps({"objects": [{**seen(1), "speed_mps": float("nan")}]}).encode(), "out_of_range", 0),
        (json.dumps({"objects": [{**seen(1), "heading_deg": 360}]}).encode(), "out_of_range", 0),
    ],
)
def test_a_bad_object_costs_itself_and_a_bad_line_itself(line: bytes, reason: str, frames: int) -> None:
    ears = listener()
    source = objects("udp", ears)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(line, ("127.0.0.1", source.port))
        sender.sendto(json.dumps({"objects": [seen(3)]}).encode(), ("127.0.0.1", source.port))
    until(lambda: len(ears.heard) == frames + 1, 5, "the good ones")
    source.stop()
    assert set(ears.tally.by_place()["objects"]) == {reason}


def test_an_empty_list_is_no_frame_and_no_fault() -> None:
    ears = listener()
    source = objects("udp", ears)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'{"objects": []}', ("127.0.0.1", source.port))
        sender.sendto(json.dumps({"objects": [seen(3)]}).encode(), ("127.0.0.1", source.port))
    until(lambda: len(ears.heard) == 1, 5, "the second line")
    source.stop()
    assert ears.tally.by_place() == {}


def test_datagrams_that_the_kernel_drops_are_counted() -> None:
    ears = listener()
    source = UdpFrames(FrameSource(type="frames", listen="127.0.0.1:0"), ears, CLOCK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(1000):  # far more than the socket's buffer holds, before anyone reads
            sender.sendto(bytes(60_000), ("127.0.0.1", source.port))
    source.start()
    until(lambda: len(ears.heard) + ears.tally.of("frames") == 1000, 5, "every datagram to be heard or counted")
    source.stop()
    assert ears.tally.by_place()["frames"].keys() == {"socket full"}
