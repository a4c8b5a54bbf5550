"""A map on its whole way: typed by an operator, on a unit's air, compared with what is heard of it, and driven on.

The unit's radio is the test: it sends what its agent hands it, and hears itself.
"""

from __future__ import annotations

import datetime
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chelu.codec import cv2x
from services.inference.signals import Light
from tests.e2e.conftest import RSU, AgentProcess, Running, started
from tests.e2e.test_rules import Rule, car, drive, signals
from tests.unit.inference.signal_roads import STOP_C, town_file
from tests.waiting import until

RED = Rule("svw", signals({(40, 1): [(Light.RED, 0, 60)]}), 70.0, 4.5, "stop line", 1)
BEFORE_LINE_M = 290.0


@pytest.fixture
def radio() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(15)
        yield listener


@pytest.fixture
def speaking_unit(running: Running, radio: socket.socket, sink: socket.socket) -> Iterator[AgentProcess]:
    radio_port, sink_port = radio.getsockname()[1], sink.getsockname()[1]
    yield from started(running, f'radio = "127.0.0.1:{radio_port}"\nwarning_sink = "127.0.0.1:{sink_port}"\nheartbeat_s = 1\n')


def chelu_map(running: Running, *arguments: str) -> Any:
    done = running.chelu("map", *arguments, "--site", "hillside", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def kept(running: Running, directory: Path, name: str, content: bytes) -> str:
    """A version of the site's map."""
    file = directory / name
    file.write_bytes(content)
    return str(chelu_map(running, "add", str(file))["version"])


def differences(running: Running) -> list[str]:
    done = running.chelu("map", "diff", RSU, "--site", "hillside", "--json")
    (found,) = json.loads(done.stdout)
    assert done.returncode == int(bool(found["differences"])), done.stderr
    return list(found["differences"])


def test_a_map_goes_onto_the_air_is_compared_comes_again_after_a_start_and_is_driven_on_while_it_is_valid(
    running: Running, speaking_unit: AgentProcess, radio: socket.socket, sink: socket.socket, tmp_path: Path
) -> None:
    unit = speaking_unit
    lit, dark = town_file(), town_file().replace(b' tl="', b' was="')
    version, without = kept(running, tmp_path, "lit.net.xml", lit), kept(running, tmp_path, "dark.net.xml", dark)
    chelu_map(running, "activate", version)

    pushed = chelu_map(running, "push", version)
    assert [(part["device_id"], part["is_sent"]) for part in pushed["units"]] == [(RSU, True)]
    frame = radio.recv(65_536)
    assert len(cv2x.to_json(frame)["nodes"]) == len(pushed["units"][0]["nodes"]) == 5
    assert differences(running) == ["it has not been heard to send a MAP lately"]

    unit.hear([frame])  # as its radio sends it
    until(lambda: not differences(running), 15, "the unit to be heard to send its map")
    again = chelu_map(running, "push", version)
    assert (again["dispatch"], again["units"][0]["why"]) == (None, "it is heard to send it")

    wrong = cv2x.to_json(frame)
    (first, *_) = [way for lane in lanes(wrong) for way in lane.get("connects_to", ()) if "phase_id" in way]
    first["phase_id"] += 7
    unit.hear([cv2x.from_json(wrong)])
    (said,) = until(lambda: differences(running), 15, "the difference to be seen") or [""]
    assert f"is sent under phase {first['phase_id']}, and should be under" in said

    unit.kill()  # and with it what its radio knew
    unit.start()
    assert radio.recv(65_536) == frame
    unit.hear([frame])
    until(lambda: not differences(running), 15, "the unit to send its map again")

    log = running.site.layout.log("inference")
    chelu_map(running, "activate", without)
    until(lambda: f"map {without} of site hillside: " in log.read_text(), 15, "inference to drive on the other map")
    heard(running, unit)
    assert "svw" not in {one["application"] for one in drive(unit, sink, RED)}

    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    chelu_map(running, "activate", version, "--from", soon.isoformat())
    until(lambda: log.read_text().count(f"map {version} of site hillside: ") == 2, 15, "the planned change to be taken")
    heard(running, unit)
    assert "svw" in {one["application"] for one in drive(unit, sink, RED) if one["state"] == "raised"}


def lanes(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for node in value["nodes"]:
        for link in node.get("in_links", ()):
            yield from link["lanes"]


def heard(running: Running, unit: AgentProcess) -> None:
    """Wait until what the unit says now is stored, so that it has reached inference as well."""
    before = running.client.accounts().get("bsm")

    def is_newer() -> bool:
        unit.hear([car(STOP_C - BEFORE_LINE_M, time.time_ns() // 1000)])
        return running.client.accounts().get("bsm") != before

    until(is_newer, 30, "the unit's messages to be stored")
