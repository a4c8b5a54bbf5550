"""A staged disengagement: its alarm, the capture of the streams around it, and its line in the month's report."""

from __future__ import annotations

import datetime
import io
from collections import Counter
from typing import Any

from mcap.reader import make_reader

from evaluation.drills.stage import Car, Stage, add_cars
from evaluation.drills.verdict import Verdict

BAR_MS = 1000.0
CAR, OTHER = "auto-car", "other-car"
BEFORE_S, AFTER_S = 10.0, 31.0
SPEED_MPS = 8.0
REASON = "lidar lost"
KEPT_S = 60.0
SOON_S = 20.0
LEAST_SHARE = 0.9  # of the BSMs at 10 Hz


def run(stage: Stage) -> Verdict:
    """Ten seconds of automated driving, the disengagement, half a minute by hand; another car drives beside."""
    verdict = Verdict("disengagement")
    secrets = add_cars(stage, [CAR, OTHER])
    with Car(stage, CAR, secrets[CAR], 1) as car, Car(stage, OTHER, secrets[OTHER], 2) as other:
        for one, north_m in ((car, 0.0), (other, 30.0)):
            one.move(0.0, north_m)
            one.speed_mps = SPEED_MPS
        other.drive("manual")
        car.drive("automated", cause="driver", in_odd=True)
        stage.clock.sleep(BEFORE_S)
        begun_us = car.drive("manual", cause="system", reason=REASON, in_odd=True)
        alarm = stage.wait(lambda: stage.alarm("disengagement", CAR), SOON_S, "alarm")
        took_ms = (stage.clock.wall_us() - begun_us) / 1000
        stage.clock.sleep(AFTER_S)
    verdict.within("disengagement_to_alarm", "the car says it → the alarm can be read", [took_ms], BAR_MS)
    verdict.hold(alarm["detail"].get("reason") == REASON, f"the alarm says why: {alarm['detail'].get('reason')}")
    event = _event(stage, verdict, begun_us)
    _capture(stage, verdict, event, begun_us)
    _month(stage, verdict, begun_us)
    return verdict


def _event(stage: Stage, verdict: Verdict, begun_us: int) -> dict[str, Any]:
    def kept() -> dict[str, Any] | None:
        events: list[dict[str, Any]] = stage.ask("GET", "events", params={"vehicle": CAR, "what": "disengagement"})["events"]
        return events[0] if events and events[0]["capture"] != "pending" else None

    event: dict[str, Any] = stage.wait(kept, KEPT_S, "capture")
    at_us = datetime.datetime.fromisoformat(event["time"]).timestamp() * 1_000_000
    is_right = (event["former_mode"], event["mode"], event["cause"]) == ("automated", "manual", "system")
    verdict.hold(is_right and abs(at_us - begun_us) < 1000, "the event has its instant, its modes and its cause")
    return event


def _capture(stage: Stage, verdict: Verdict, event: dict[str, Any], begun_us: int) -> None:
    content = stage.client.capture(event_id=event["event_id"], site_id="drill")
    count: Counter[str] = Counter()
    first_us, last_us = begun_us, begun_us
    for _, channel, message in make_reader(io.BytesIO(content)).iter_messages():
        count[channel.topic] += 1
        first_us, last_us = min(first_us, message.log_time // 1000), max(last_us, message.log_time // 1000)
    seconds = (last_us - first_us) / 1e6
    own, other = (count[f"/vehicles/{name}-obu/location"] for name in (CAR, OTHER))
    verdict.figures["capture"] = {"bytes": len(content), "seconds": round(seconds, 1), "messages": dict(sorted(count.items()))}
    verdict.lines.append(f"the capture: {len(content):,} bytes of MCAP, {sum(count.values()):,} messages over {seconds:.1f} s")
    verdict.lines += [f"  {topic}: {messages:,}" for topic, messages in sorted(count.items())]
    due = LEAST_SHARE * 10 * (BEFORE_S + 30)
    verdict.hold(min(own, other) >= due, f"both cars' positions are in it ({own} and {other} of some {10 * (BEFORE_S + 30):.0f})")
    verdict.hold(last_us - begun_us <= 30_000_000, "nothing of later than 30 s after it")
    verdict.hold(count["/events"] == 1, "and the event itself")


def _month(stage: Stage, verdict: Verdict, begun_us: int) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=8))  # Asia/Shanghai, the site's
    month = f"{datetime.datetime.fromtimestamp(begun_us / 1e6, zone):%Y-%m}"
    report = stage.ask("GET", "months", month, params={"team": "crew"})
    (team,) = report["teams"]
    line = next(vehicle for vehicle in team["vehicles"] if vehicle["vehicle"] == CAR)
    automated_h, automated_km = line["hours"].get("automated", 0.0), line["kilometres"].get("automated", 0.0)
    verdict.figures["month"] = line
    verdict.lines.append(f"the month's line: {line}")
    verdict.hold(abs(automated_h * 3600 - BEFORE_S) < 2, f"{automated_h * 3600:.1f} s of automated driving")
    verdict.hold(abs(automated_km * 1000 - SPEED_MPS * BEFORE_S) < 2 * SPEED_MPS, f"{automated_km * 1000:.0f} m of it")
    verdict.hold(line["events"].get("disengagement") == 1, "one disengagement")
    per = team["automated_km_per_disengagement"]
    verdict.hold(per is not None and abs(per - automated_km) < 0.001, f"{per} km automated per disengagement")
