"""A run on the track through a real broker: participants that answer are led to the end, and one that is lost ends it for all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chelu import api
from chelu.topics import Kind
from tests.e2e.conftest import Running

SCENARIO = """
scenario: tried
title: Tried
question: Does it work?
road: {shipped: {name: straight, length_m: 600, lanes: 2}}
actors:
  ego: {start: {way: main, along_m: 50, speed_kmh: 36}}
  other: {start: {ahead_of: ego, gap_m: 50, speed_kmh: 36}}
end: {after_s: 3}
requirements: [{metric: minimum_distance_m, of: [ego, other], above: 0}]
"""
DEVICES = {"ego": "track-1", "other": "track-2"}


@contextmanager
def participant(running: Running, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """The example device: it answers whatever it is told."""
    arguments = ["--broker", running.site.endpoints.mqtt_url, "--id", name, "--secret-file", str(running.work / name)]
    process = subprocess.Popen([sys.executable, "-m", "simulators.scenario.dut.example", *arguments])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def led(running: Running, *, kill: subprocess.Popen[bytes] | None = None) -> tuple[int, dict[str, Any]]:
    """Exit code and what was written down; one participant is killed as soon as the run is under way."""
    command = [
        sys.executable,
        "-u",
        "-c",
        "from chelu.cli import main; main()",
        "scenario",
        "track",
        str(running.work / "tried.yaml"),
    ]
    command += ["--site", "hillside", "--output", str(running.work / "out"), "--at-once"]
    command += [word for actor, name in DEVICES.items() for word in ("--participant", f"{actor}={name}")]
    with subprocess.Popen(command, env=running.environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("running") and kill is not None:
                kill.kill()
        code = process.wait(60)
    return code, json.loads((running.work / "out" / "track.json").read_text())


def test_a_run_on_the_track_is_led_to_its_end_and_a_lost_participant_aborts_it(running: Running) -> None:
    (running.work / "tried.yaml").write_text(SCENARIO)
    for name in DEVICES.values():
        (made,) = running.client.add_devices([api.NewDevice(device_id=name, kind=Kind.OBU, site_id="hillside")])
        (running.work / name).write_text(made.secret or "")
    with participant(running, "track-1"), participant(running, "track-2") as other:
        code, document = led(running)
        assert (code, document["state"]) == (0, "done")
        assert [one["state"] for one in document["log"]] == ["arming", "armed", "ready", "running", "done"]
        assert running.client.device("track-1").parent is None  # it is given back
        code, document = led(running, kill=other)
    assert (code, document["state"]) == (3, "aborted")
    assert document["log"][-1]["reason"] in {"other has left", "lost other: no sign of life for 2 s"}
    assert document["started_us"] is not None
