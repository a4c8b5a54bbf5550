"""What the drills are done on: a site of its own, and a car with an OBU that drives in a line and says how."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from chelu import topics
from chelu.api import Client, NewDevice, Organisation, Site
from chelu.bus import Session
from chelu.clock import Clock
from chelu.geo import LocalFrame
from chelu.local import interrupts
from chelu.local import site as local
from chelu.local.plan import Options
from chelu.topics import Kind
from edge.bsm import BsmWriter
from edge.nmea import Fix
from edge.settings import Vehicle

SITE_ID, TEAM = "drill", "crew"
FRAME = LocalFrame(29.5332, 106.503, 245.0)
BSM = topics.row("obu/{id}/bsm/up")
MODE = topics.row("{kind}/{id}/mode/up")
PERIOD_S = 0.1
POLL_S = 0.02
MODE_EVERY = 10  # BSMs
ANY_PORTS = Options(mqtt_port=0, api_port=0, database_port=0)


@dataclass(frozen=True, slots=True)
class Stage:
    """A running site and its administrator's client."""

    running: local.Site
    client: Client
    clock: Clock

    @property
    def broker_url(self) -> str:
        """Without an account."""
        return self.running.endpoints.mqtt_url

    def ask(self, method: str, *path: str, **request: Any) -> Any:
        """A request below the site's address."""
        return self.client.people(method, "sites", SITE_ID, *path, **request)

    def alarm(self, kind: str, subject: str) -> dict[str, Any] | None:
        """The alarm of this kind and subject that is raised now."""
        page = self.client.people("GET", "alarms", params={"kind": kind, "subject": subject, "site": SITE_ID})
        found = [row for row in page["alarms"] if row["state"] == "raised"]
        return found[0] if found else None

    def wait(self, what: Any, timeout_s: float, why: str, *, poll_s: float = POLL_S) -> Any:
        """The first true value of `what()`; TimeoutError that names `why` when there is none in time."""
        deadline_s = self.clock.monotonic_s() + timeout_s
        while not (found := what()):
            if self.clock.monotonic_s() > deadline_s:
                raise TimeoutError(f"after {timeout_s:g} s still no {why}")
            self.clock.sleep(poll_s)
        return found


@contextlib.contextmanager
def staged(clock: Clock) -> Iterator[Stage]:
    """A whole site in a directory that is gone afterwards: database, broker, registry, ingest, inference.

    It has secrets, so a signal that ends the command waits until it is gone.
    """
    stack = contextlib.ExitStack()
    try:
        yield _begun(stack, clock)
    finally:
        with interrupts.deferred():
            stack.close()


def _begun(stack: contextlib.ExitStack, clock: Clock) -> Stage:
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="chelu-drill-", ignore_cleanup_errors=True))
    running = stack.enter_context(local.Site(Path(directory), ANY_PORTS, clock=clock))
    key = running.layout.api_key.read_text(encoding="utf-8").strip()
    client = stack.enter_context(Client(running.endpoints.api_url, key))
    place = {name: getattr(FRAME, name) for name in ("latitude_deg", "longitude_deg", "elevation_m")}
    client.add_site(Site(site_id=SITE_ID, name="Drill", **place))
    client.add_organisation(Organisation(organisation_id=TEAM, role="vehicle team"))
    return Stage(running, client, clock)


def square(west_m: float, south_m: float, east_m: float, north_m: float) -> dict[str, Any]:
    """A rectangle of the site's local metres as GeoJSON."""
    corners = np.array(
        [[west_m, south_m], [east_m, south_m], [east_m, north_m], [west_m, north_m], [west_m, south_m]], np.float64
    )
    latitude, longitude, _ = FRAME.to_geodetic(corners)
    return {"type": "Polygon", "coordinates": [np.column_stack([longitude, latitude]).tolist()]}


def add_cars(stage: Stage, names: Sequence[str]) -> dict[str, str]:
    """Register cars of the team, each with an OBU; answers the OBUs' secrets by the car's id."""
    cars = [
        NewDevice(device_id=name, kind=Kind.VEHICLE, site_id=SITE_ID, team=TEAM, vehicle_kind="car", credential=False)
        for name in names
    ]
    obus = [
        NewDevice(device_id=f"{name}-obu", kind=Kind.OBU, site_id=SITE_ID, on_vehicle=name, vehicle_id=f"{number:016x}")
        for number, name in enumerate(names, 1)
    ]
    made = stage.client.add_devices([*cars, *obus])
    secrets = {one.device_id: one.secret for one in made}
    return {name: secrets[f"{name}-obu"] or "" for name in names}


class Car:
    """A car that drives east from a place at a speed, says BSMs at 10 Hz, and now and then how it is driven. Owns a thread."""

    def __init__(self, stage: Stage, name: str, secret: str, number: int) -> None:
        scheme, _, place = stage.broker_url.partition("://")
        self._obu, self._clock = f"{name}-obu", stage.clock
        self._session = Session(f"{scheme}://{self._obu}:{secret}@{place}", client_id=self._obu, clock=stage.clock)
        self._writer = BsmWriter(number, Vehicle())
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._leaving = threading.Event()
        self._lock = threading.Lock()
        self._place = (0.0, 0.0)
        self._word: dict[str, Any] = {"mode": "manual"}
        self.speed_mps, self.odometer_m = 0.0, 1000.0
        self.first_said_us: int | None = None  # when the first BSM from the present place was handed over

    def __enter__(self) -> Self:
        self._session.start()
        self._session.wait_connected(10)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()
        self._session.stop()

    def move(self, east_m: float, north_m: float) -> None:
        """Be there from the next BSM on."""
        with self._lock:
            self._place, self.first_said_us = (east_m, north_m), None

    def drive(self, mode: str, **word: Any) -> int:
        """Be driven so from now on, and say so at once; answers when that was, µs."""
        with self._lock:
            self._word = {"mode": mode, **word}
            return self._say_mode()

    def _run(self) -> None:
        count = 0
        while not self._leaving.wait(PERIOD_S):
            with self._lock:
                self._step()
                if count % MODE_EVERY == 0:
                    self._say_mode()
            count += 1

    def _step(self) -> None:
        metres = self.speed_mps * PERIOD_S
        self._place, self.odometer_m = (self._place[0] + metres, self._place[1]), self.odometer_m + metres
        latitude, longitude, _ = FRAME.to_geodetic(np.array([self._place]))
        now_us = self._clock.wall_us()
        fix = Fix(now_us, float(latitude[0]), float(longitude[0]), FRAME.elevation_m, self.speed_mps, 90.0)
        self._session.publish(BSM.topic(Kind.OBU, self._obu), self._writer.write(fix))
        self.first_said_us = self.first_said_us or now_us

    def _say_mode(self) -> int:
        now_us = self._clock.wall_us()
        word = {"time_us": now_us, "odometer_m": round(self.odometer_m, 2), "speed_mps": self.speed_mps, **self._word}
        self._session.publish(MODE.topic(Kind.OBU, self._obu), json.dumps(word).encode(), qos=1)
        return now_us
