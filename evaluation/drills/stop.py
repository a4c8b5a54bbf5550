"""The emergency stop to a thousand connected devices: how long until each has it, and whether the silent ones are listed."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from chelu.api import NewDevice
from chelu.clock import Clock
from chelu.topics import Kind
from evaluation.drills.stage import SITE_ID, Stage
from evaluation.drills.verdict import Verdict
from simulators.swarm import Member, Swarm

KINDS = (Kind.OBU, Kind.OBU, Kind.OBU, Kind.VEHICLE, Kind.SIGNAL)  # in turn
BAR_MS = 1000.0
ANSWERS_S, CONNECT_S = 30.0, 120.0
US_PER_MS = 1000
ANSWER_BAR_MS = 2000.0
SELDOM_S = 0.25  # between two looks at who has answered: they cost the registry what is measured


def members(stage: Stage, agents: int, silent: int) -> list[Member]:
    """Register so many devices; the last ones are silent."""
    devices = [NewDevice(device_id=f"agent-{n:05}", kind=KINDS[n % len(KINDS)], site_id=SITE_ID) for n in range(agents)]
    made = stage.client.add_devices(devices)
    return [
        Member(device.kind, one.device_id, one.secret or "", is_silent=number >= agents - silent)
        for number, (device, one) in enumerate(zip(devices, made, strict=True))
    ]


def run(stage: Stage, *, agents: int, silent: int, presses: int, bar_ms: float = BAR_MS) -> Verdict:
    """Press, wait for the answers, release; so many times."""
    verdict = Verdict("stop")
    there = members(stage, agents, silent)
    quiet = {member.device_id for member in there if member.is_silent}
    heard_ms: list[float] = []
    answered_ms: list[float] = []
    with Swarm(stage.broker_url, there, stage.clock, timeout_s=CONNECT_S) as swarm:
        verdict.hold(swarm.standing == agents, f"{swarm.standing:,} of {agents:,} devices have a session of their own")
        for number in range(presses):
            _press(stage, swarm, there, quiet, heard_ms, answered_ms, verdict, is_first=number == 0)
    verdict.within("stop_to_device", "button pressed → the device has the order", heard_ms, bar_ms)
    verdict.within("stop_to_answer", "button pressed → its answer has come", answered_ms, ANSWER_BAR_MS)
    return verdict


def _press(
    stage: Stage,
    swarm: Swarm,
    there: Sequence[Member],
    quiet: set[str],
    heard_ms: list[float],
    answered_ms: list[float],
    verdict: Verdict,
    *,
    is_first: bool,
) -> None:
    clock: Clock = stage.clock
    before, begun_us = len(swarm.told), clock.wall_us()
    stop = stage.ask("POST", "stop", json={"reason": "drill"})
    path = ("stops", str(stop["stop_id"]))
    wanted = len(there) - len(quiet)
    stage.wait(
        lambda: stage.ask("GET", "stop")["in_force"]["answered"] >= wanted,
        ANSWERS_S,
        "answer of all that answer",
        poll_s=SELDOM_S,
    )
    first: dict[str, int] = {}
    for told in swarm.told[before:]:
        if told.command == "stop":
            first.setdefault(told.device_id, told.heard_us)
    heard_ms += [(at_us - begun_us) / US_PER_MS for at_us in first.values()]
    detail = stage.ask("GET", *path)
    answered_ms += [(_us(row["answered"]) - begun_us) / US_PER_MS for row in detail["stopped"]]
    silent = {row["device_id"] for row in detail["silent"]}
    missed = len(there) - len(first)
    if is_first or missed or silent != quiet:
        verdict.hold(not missed, f"{len(first):,} of {len(there):,} devices were reached")
        verdict.hold(silent == quiet, f"the {len(silent)} that did not answer are listed, and nobody else")
        verdict.hold(len(swarm.stopped) == wanted, f"{len(swarm.stopped):,} are stopped")
    stage.ask("POST", "stop", "release", json={"note": "drill"})
    stage.wait(lambda: not swarm.stopped, ANSWERS_S, "release that reached every device")
    going = stage.wait(
        lambda: (one := stage.ask("GET", *path))["going"] >= wanted and one, ANSWERS_S, "answer to the release", poll_s=SELDOM_S
    )
    if is_first:
        verdict.hold(going["going"] == wanted, f"{going['going']:,} say that they go on after the release")


def _us(instant: str) -> int:
    return round(datetime.datetime.fromisoformat(instant).timestamp() * 1_000_000)
