"""A car drives into an area for which it has no permit: how long from its first BSM there until the alarm can be read."""

from __future__ import annotations

import datetime

from evaluation.drills.stage import Car, Stage, add_cars, square
from evaluation.drills.verdict import Verdict

BAR_MS = 1000.0
CAR = "stray-car"
OUTSIDE, INSIDE = (-500.0, 50.0), (50.0, 50.0)
SOON_S = 20.0


def run(stage: Stage, *, rounds: int, bar_ms: float = BAR_MS) -> Verdict:
    """In and out, so many times; then once more with a permit."""
    verdict = Verdict("permit")
    stage.ask("POST", "areas", json={"area_id": "oval", "polygon": square(0, 0, 100, 100)})
    secret = add_cars(stage, [CAR])[CAR]
    with Car(stage, CAR, secret, 1) as car:
        car.move(*OUTSIDE)
        stage.wait(lambda: not stage.ask("GET", "track")["is_blind"], SOON_S, "picture")
        took_ms = [_trespass(stage, car) for _ in range(rounds)]
        verdict.within("trespass_to_alarm", "first BSM in the area → the alarm can be read", took_ms, bar_ms)
        _with_permit(stage, car, verdict, bar_ms)
    said = [entry["what"] for entry in stage.ask("GET", "track", "log", params={"subject": CAR, "limit": 10_000})["entries"]]
    verdict.hold(said.count("trespass") == rounds + 1, f"{said.count('trespass')} trespasses of {rounds + 1} are in the log")
    verdict.hold(stage.ask("GET", "track", "log", "check")["is_whole"], "the log is whole")
    return verdict


def _trespass(stage: Stage, car: Car) -> float:
    car.move(*INSIDE)
    stage.wait(lambda: stage.alarm("trespass", CAR), SOON_S, "alarm")
    took_ms = (stage.clock.wall_us() - (car.first_said_us or 0)) / 1000
    car.move(*OUTSIDE)
    stage.wait(lambda: stage.alarm("trespass", CAR) is None, SOON_S, "end of the alarm")
    return took_ms


def _with_permit(stage: Stage, car: Car, verdict: Verdict, bar_ms: float) -> None:
    """With a permit nothing is raised, and what is raised when it is revoked comes at once."""
    now = datetime.datetime.fromtimestamp(stage.clock.wall_us() / 1e6, datetime.UTC)
    span = {"starts": now.isoformat(), "ends": (now + datetime.timedelta(hours=1)).isoformat()}
    permit = {"vehicle": CAR, "area_id": "oval", **span}
    given = stage.ask("POST", "permits", json=permit)
    car.move(*INSIDE)
    seen = stage.wait(lambda: stage.ask("GET", "track")["present"], SOON_S, "vehicle on the track")
    stage.clock.sleep(1.0)
    verdict.hold(
        seen[0]["permits"] == [given["permit_id"]] and stage.alarm("trespass", CAR) is None, "with a permit no alarm is raised"
    )
    begun_us = stage.clock.wall_us()
    stage.ask("DELETE", "permits", str(given["permit_id"]))
    stage.wait(lambda: stage.alarm("trespass", CAR), SOON_S, "alarm")
    verdict.within(
        "revoked_to_alarm", "permit revoked → the alarm can be read", [(stage.clock.wall_us() - begun_us) / 1000], bar_ms
    )
