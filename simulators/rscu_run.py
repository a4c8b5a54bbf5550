"""A simulated roadside computer at the broker: registered as one, on time with a recording, and answering what it is told."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from chelu import topics
from chelu.api import Client, NewDevice, Site
from chelu.bus import Received, Session
from chelu.clock import Clock, SystemClock
from chelu.codec.roadside import reading_of
from chelu.codec.roadside_readers import TOLD
from chelu.errors import ConfigurationError
from chelu.local.files import Layout, home
from chelu.topics import Kind
from simulators.connection import SECRETS, broker_address, with_account
from simulators.enrolment import enrol
from simulators.openv2x_run import connect
from simulators.pace import Lag, Pace, pinned
from simulators.rscu import PARTICIPANTS, STATUS, Computer, Document, answered
from simulators.scene import Origin, Scene
from simulators.secrets import SecretFile
from simulators.sources.forms import open_scene

LEAD_S = 0.5
STRETCH_MS = 1000
LISTEN_S = 0.02
ANSWERS_S = 10.0  # longest wait for the last answers
ACKS = tuple(topics.row(f"rscu/{{id}}/{stream}/up/ack") for stream in ("participant", "lamp"))
DOWN = (*(topics.row(f"rscu/{{id}}/{stream}/down") for stream in TOLD), topics.row("{kind}/{id}/om-config/down"))


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    file: Path
    device: str
    site: str
    speed: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None
    has_ack: bool = False


@dataclass(slots=True)
class Report:
    """Documents and rows that left by stream, what did not leave, what was acknowledged to it, and what it answered itself."""

    documents: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    lag: Lag = field(default_factory=Lag)
    failed: int = 0
    acknowledged: int = 0
    answered: int = 0


def run(request: Request, console: Console, environ: Mapping[str, str] = os.environ) -> int:
    """Speak as a roadside computer until the recording ends; 1 when something did not leave, 130 when interrupted."""
    clock, scene = SystemClock(), open_scene(request.file)
    layout = Layout(home(environ))
    with Client.find(environ) as client:
        scene = scene.at(_origin(client, request)).clipped(request.start_s, request.end_s)
        secret = _enrolled(client, request, scene.origin, SecretFile(layout.data / SECRETS))
        device = client.device(request.device)
    computer = Computer(device.serial or request.device, scene, reading=reading_of(device.reading), has_ack=request.has_ack)
    address = with_account(broker_address(environ, layout), request.device, secret)
    filters = [(row.topic(Kind.RSCU, request.device), row.qos) for row in (*DOWN, *ACKS)]
    session = connect(address, request.device, clock, filters)
    report = Report()
    try:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(f"speaking as {request.device}", total=scene.end_ms - scene.begin_ms)
            speaker = Speaker(session, computer, request.device, clock, report)
            speaker.speak(scene, request.speed, lambda done: progress.update(task, completed=done - scene.begin_ms))
    except KeyboardInterrupt:
        return 130
    finally:
        session.stop()
    console.print(told(request.device, report))
    return 1 if report.failed else 0


class Speaker:
    """Says a scene's documents at their times. Owned by one thread."""

    def __init__(self, session: Session, computer: Computer, device: str, clock: Clock, report: Report) -> None:
        self._session, self._computer, self._device = session, computer, device
        self._clock, self._report = clock, report

    def speak(self, scene: Scene, speed: float, progress: Callable[[int], None]) -> None:
        """From the scene's beginning to its end, by absolute deadlines; then listens a moment longer."""
        self._publish(STATUS, self._computer.status(self._clock.wall_us()))
        pace = pinned(self._clock, begin_ms=scene.begin_ms, speed=speed, lead_s=LEAD_S)
        for begin in range(scene.begin_ms, scene.end_ms, STRETCH_MS):
            piece = scene.read(begin, min(begin + STRETCH_MS, scene.end_ms))
            event_us, signal_us = pace.event_us(piece.samples["time_ms"]), pace.event_us(piece.signals["time_ms"])
            for document in self._computer.documents(piece, event_us, signal_us):
                self._say(document, pace)
            progress(begin)
        until_s = self._clock.monotonic_s() + (ANSWERS_S if self._computer.has_ack else LEAD_S)
        while self._report.acknowledged < self._report.documents[PARTICIPANTS.stream] and self._clock.monotonic_s() < until_s:
            self._listen(LISTEN_S)

    def _say(self, document: Document, pace: Pace) -> None:
        due_s = float(pace.due_s(np.array([document.time_ms]))[0])
        while (left := due_s - self._clock.monotonic_s()) > 0:
            self._listen(min(left, LISTEN_S))
        self._report.lag.add(self._clock.monotonic_s() - due_s)
        if self._publish(document.topic, document.payload):
            self._report.documents[document.topic.stream] += 1
            self._report.rows[document.topic.stream] += document.rows
        self._listen(0.0)

    def _publish(self, row: topics.Topic, payload: bytes) -> bool:
        publication = self._session.publish(row.topic(Kind.RSCU, self._device), payload, qos=row.qos)
        self._report.failed += not publication.is_accepted
        return publication.is_accepted

    def _listen(self, wait_s: float) -> None:
        received = self._session.drain(100, wait_s)
        for message in received:
            self._hear(message)
        self._session.acknowledge(received)

    def _hear(self, message: Received) -> None:
        match = topics.find(message.topic)
        if match is None:
            return
        if match.topic.stream.endswith("/ack"):
            self._report.acknowledged += 1
            return
        row = topics.row(f"{match.topic.pattern}/ack")
        self._publish(row, answered(match.topic.stream, message.payload, self._clock.wall_us()))
        self._report.answered += 1


def told(device: str, report: Report) -> str:
    """One line on what was said."""
    said = ", ".join(f"{number:,} {name} documents with {report.rows[name]:,} rows" for name, number in report.documents.items())
    median, most = (report.lag.percentile_s(percent) * 1000 for percent in (50, 100))
    return (
        f"{device} said {said or 'nothing'}; {report.failed} did not leave, {report.acknowledged} were acknowledged,"
        f" {report.answered} tellings answered; behind schedule by {median:.1f} ms at the median, {most:.0f} ms at most"
    )


def _origin(client: Client, request: Request) -> Origin | None:
    """Where the site lies; None, as the recording says, while there is none."""
    for site in client.sites():
        if site.site_id == request.site:
            return Origin(site.latitude_deg, site.longitude_deg, site.elevation_m)
    return None


def _enrolled(client: Client, request: Request, origin: Origin, secrets: SecretFile) -> str:
    place: dict[str, Any] = {name: getattr(origin, name) for name in ("latitude_deg", "longitude_deg", "elevation_m")}
    site = Site(site_id=request.site, name=request.site, **place)
    device = NewDevice(device_id=request.device, kind=Kind.RSCU, site_id=request.site, serial=request.device, **place)
    for known in client.devices(limit=10_000):  # before a site is made for one that lies elsewhere
        if known.device_id == request.device and (known.kind, known.site_id) != (Kind.RSCU, request.site):
            allowed = f"a roadside computer of {request.site}; it is registered as {known.kind} of {known.site_id}"
            raise ConfigurationError("--device", request.device, allowed)
    return enrol(client, site, [device], [request.device], secrets)[request.device]
