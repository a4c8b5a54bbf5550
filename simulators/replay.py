"""Replay of a scene: its devices speak again, each message at its own time, live or faster.

Event times are virtual: the scene's first instant is pinned to the moment the replay begins, and the recording's time runs on
from there `speed` times as fast as ours. At speed 1 vehicles send bare frames, as they do live, and their reference time is the
arrival; at any other speed every frame goes in an envelope whose time stamp is the virtual time (design: "event time"). What
roadside units send is always in an envelope.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from chelu.bus import Received
from chelu.clock import Clock
from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch
from chelu.topics import Kind, row
from simulators.fleet import Fleet
from simulators.outbox import Outbox, Publisher
from simulators.outgoing import Cast, Composer, Encoder, Parcel
from simulators.pace import Lag, Pace, pinned
from simulators.received import ReceivedWarning, SentTimes, read_warning
from simulators.scene import SAMPLE, SIGNAL, Scene, Slice

LOOK_AHEAD_S = 0.5  # of our time: what is encoded in one go
SHORTEST_MS, LONGEST_MS = 100, 10_000  # of the recording's time
LEAD_S = 0.25  # from the start of a replay to its first message: time to encode the first stretch
NAP_S = 0.001  # a deadline nearer than this is not worth a sleep
LIVE_LAG_S = 10.0  # a bare frame later than this goes in an envelope after all: its arrival would soon misdate it by a minute
LOG_EVERY = 100
IN_FLIGHT = 5_000  # messages given to the session and not yet written to its socket
TOPIC = {BSM.name: row("obu/{id}/bsm/up"), PARTICIPANT.name: row("rsu/{id}/rsm/up"), SPAT.name: row("rsu/{id}/spat/up")}


class Session(Publisher, Protocol):
    """What a replay needs of `chelu.bus.Session`; called from the replay's thread only."""

    def drain(self, limit: int, wait_s: float) -> list[Received]: ...
    def acknowledge(self, received: list[Received]) -> None: ...


@dataclass(frozen=True, slots=True)
class SentFrame:
    """One published frame in a hundred, for latencies: (stream, device, event time) is the key it is stored under."""

    stream: str
    device_id: str
    event_time_us: int
    message_count: int
    wall_us: int


@dataclass(slots=True)
class ReplayReport:
    """What a replay did. Times in µs UTC: begun and ended by the wall, `event_*` of the rows (both included)."""

    begun_us: int
    pace: Pace
    published: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOPIC, 0))  # rows by stream
    messages: int = 0
    unsent: int = 0  # messages lost with a connection before they were written to it
    sent_log: list[SentFrame] = field(default_factory=list)
    warnings: list[ReceivedWarning] = field(default_factory=list)
    lag: Lag = field(default_factory=Lag)
    ended_us: int = 0
    through_ms: int = 0  # the recording was replayed until just before this
    is_interrupted: bool = False

    @property
    def event_from_us(self) -> int:
        """The event time of the recording's first instant."""
        return self.pace.anchor_us

    @property
    def event_to_us(self) -> int:
        """The event time just behind the last row."""
        return self.pace.anchor_us + (self.through_ms - self.pace.begin_ms) * 1000


@dataclass(frozen=True, slots=True)
class Options:
    """How a scene is replayed. speed: times as fast as it was; seed: where each device's message count begins.

    spread_ms: each vehicle sends up to this much of the recording's time after its sample, always the same (by the seed): units
    on the road do not all speak at once, as a recording's rows do. Event times stay those of the samples.
    """

    speed: float = 1.0
    seed: int = 0
    spread_ms: float = 0.0
    in_flight: int = IN_FLIGHT


class Replay:
    """One scene, one gateway's session, one run. `run` blocks; `stop` may be called from any thread."""

    def __init__(
        self,
        scene: Scene,
        fleet: Fleet,
        session: Session,
        encoder: Encoder,
        *,
        clock: Clock,
        options: Options | None = None,
        on_progress: Callable[[ReplayReport], None] = lambda _: None,
        on_warning: Callable[[ReceivedWarning], None] = lambda _: None,
    ) -> None:
        self._scene, self._fleet, self._session, self._clock = scene, fleet, session, clock
        self._encoder = encoder
        self._options = options or Options()
        self._on_progress, self._on_warning = on_progress, on_warning
        self._composer = composer(scene, fleet, encoder, seed=self._options.seed)
        self._sent = SentTimes()
        spread_s = self._options.spread_ms / 1000 / self._options.speed
        self._phase_s = np.random.default_rng([self._options.seed, 1]).uniform(0.0, spread_s, len(scene.actors))
        self._waiting: list[_Letter] = []
        self._outbox = Outbox(session, clock, in_flight=self._options.in_flight, streams=TOPIC)
        self._is_stopped = False

    def stop(self) -> None:
        """Let `run` return after the message at hand."""
        self._is_stopped = True

    def run(self) -> ReplayReport:
        """Replay the scene from its beginning to its end; UnreachableError when the broker stays away."""
        scene, speed = self._scene, self._options.speed
        step = int(np.clip(LOOK_AHEAD_S * 1000 * speed, SHORTEST_MS, LONGEST_MS))
        self._warm_up()
        pace = pinned(self._clock, begin_ms=scene.begin_ms, speed=speed, lead_s=LEAD_S)
        report = ReplayReport(self._clock.wall_us(), pace, through_ms=scene.begin_ms)
        try:
            for begin in range(scene.begin_ms, scene.end_ms, step):
                end = min(begin + step, scene.end_ms)
                self._stretch(begin, end, report)
                if self._is_stopped:
                    break
                report.through_ms = end
                self._on_progress(self._counted(report))
        except KeyboardInterrupt:
            self._is_stopped = True
        self._outbox.flush()
        self._hear(report, 0.0)
        report.is_interrupted, report.ended_us = self._is_stopped, self._clock.wall_us()
        return self._counted(report)

    def listen(self, report: ReplayReport, seconds: float) -> None:
        """Go on receiving warnings for a while after the last message."""
        until = self._clock.monotonic_s() + seconds
        while (left := until - self._clock.monotonic_s()) > 0:
            self._hear(report, min(left, 0.1))

    def _counted(self, report: ReplayReport) -> ReplayReport:
        outbox = self._outbox
        report.published, report.messages, report.unsent = dict(outbox.published), outbox.messages, outbox.unsent
        return report

    def _warm_up(self) -> None:
        """Encode one row of each kind for nothing: the codec's first call of a kind takes longer than a deadline allows."""
        roles = self._scene.actors["role"]
        firsts = np.unique(roles, return_index=True)[1]
        samples = Batch({name: np.zeros(len(firsts), dtype) for name, dtype in SAMPLE.items()}).with_columns(actor=firsts)
        signals = Batch({name: np.ones(1, dtype) for name, dtype in SIGNAL.items()})
        rehearsal = composer(self._scene, self._fleet, self._encoder, seed=0)
        rehearsal.parcels(Slice(samples, signals), np.zeros(len(samples), np.int64), np.zeros(1, np.int64))

    def _stretch(self, begin_ms: int, end_ms: int, report: ReplayReport) -> None:
        piece = self._scene.read(begin_ms, end_ms)
        pace = report.pace
        parcels = self._composer.parcels(piece, pace.event_us(piece.samples["time_ms"]), pace.event_us(piece.signals["time_ms"]))
        letters = self._waiting + [letter for parcel in parcels for letter in self._letters(parcel, pace)]
        letters.sort(key=lambda letter: letter.due_s)
        horizon_s = float(pace.due_s(np.array([end_ms]))[0]) if end_ms < self._scene.end_ms else np.inf
        later = bisect.bisect_left(letters, horizon_s, key=lambda letter: letter.due_s)
        letters, self._waiting = letters[:later], letters[later:]
        at = 0
        while at < len(letters) and not self._is_stopped:
            at = self._burst(letters, at, report)

    def _letters(self, parcel: Parcel, pace: Pace) -> list[_Letter]:
        """Messages ready to publish, their envelopes still to be put on."""
        topic, stream = TOPIC[parcel.stream.name], parcel.stream.name
        is_bsm = parcel.stream is BSM
        kind = Kind.OBU if is_bsm else Kind.RSU
        blob, starts, stops = parcel.frames.data.tobytes(), parcel.frames.start.tolist(), parcel.frames.stop.tolist()
        phase_s = self._phase_s[parcel.device] if is_bsm else 0.0
        events, dues = pace.event_us(parcel.time_ms).tolist(), (pace.due_s(parcel.time_ms) + phase_s).tolist()
        topics = {device: topic.topic(kind, self._speaker(device)) for device in set(parcel.device.tolist())}
        letters = []
        for i, device in enumerate(parcel.device.tolist()):
            name = self._speaker(device)
            number = int(self._fleet.vehicle_ids[device]) if is_bsm else self._fleet.rsu_number
            frame = blob[starts[i] : stops[i]]
            letters.append(
                _Letter(
                    dues[i], topics[device], name, number, frame, stream, events[i],
                    int(parcel.rows[i]), int(parcel.message_count[i]),
                )
            )  # fmt: skip
        return letters

    def _speaker(self, device: int) -> str:
        """The unit's name: an actor's own, or the roadside unit's for −1."""
        return self._fleet.obu_ids[device] if device >= 0 else self._fleet.rsu_id

    def _burst(self, letters: list[_Letter], at: int, report: ReplayReport) -> int:
        """Wait for the next deadline, then send everything that is due; returns the index of what is not yet."""
        due = letters[at].due_s
        self._wait_until(due, report)
        now = self._clock.monotonic_s()
        report.lag.add(now - due)
        behind = bisect.bisect_right(letters, now + NAP_S, lo=at, key=lambda letter: letter.due_s)
        for letter in letters[at:behind]:
            self._send(letter, now, report)
            if self._is_stopped:
                break
        report.lag.add(self._clock.monotonic_s() - letters[behind - 1].due_s)
        self._hear(report, 0.0)
        return behind

    def _wait_until(self, due_s: float, report: ReplayReport) -> None:
        """Sleep until a deadline, listening for warnings meanwhile."""
        while (left := due_s - self._clock.monotonic_s()) > NAP_S and not self._is_stopped:
            self._hear(report, 0.0)
            self._clock.sleep(min(left, 0.02))

    def _send(self, letter: _Letter, now_s: float, report: ReplayReport) -> None:
        payload = self._payload(letter, now_s)
        wall = self._clock.wall_us()
        self._sent.add(letter.device_id, letter.event_us, wall)
        if self._outbox.messages % LOG_EVERY == 0:
            report.sent_log.append(SentFrame(letter.stream, letter.device_id, letter.event_us, letter.message_count, wall))
        self._outbox.send(letter.topic, payload, stream=letter.stream, rows=letter.rows)

    def _payload(self, letter: _Letter, now_s: float) -> bytes:
        is_bsm = letter.stream == BSM.name
        if is_bsm and self._options.speed == 1 and now_s - letter.due_s < LIVE_LAG_S:
            return letter.frame
        return self._encoder.sealed(letter.frame, device_number=letter.number, reference_us=letter.event_us, is_bsm=is_bsm)

    def _hear(self, report: ReplayReport, wait_s: float) -> None:
        received = self._session.drain(1000, wait_s)
        for item in received:
            if warning := read_warning(item.topic, item.payload, item.arrival_us, self._sent):
                report.warnings.append(warning)
                self._on_warning(warning)
        if received:
            self._session.acknowledge(received)


@dataclass(frozen=True, slots=True)
class _Letter:
    due_s: float
    topic: str
    device_id: str
    number: int
    frame: bytes
    stream: str
    event_us: int
    rows: int
    message_count: int


def composer(scene: Scene, fleet: Fleet, encoder: Encoder, *, seed: int) -> Composer:
    """The composer of a scene's messages; the seed decides where message counts begin, and nothing else."""
    origin = scene.origin
    frame = LocalFrame(origin.latitude_deg, origin.longitude_deg, origin.elevation_m)
    position = (origin.latitude_deg, origin.longitude_deg, origin.elevation_m)
    cast = Cast(scene.actors, fleet.vehicle_ids, fleet.rsu_number, position)
    first = np.random.default_rng(seed).integers(0, 128, len(scene.actors) + 2)
    return Composer(cast, frame, encoder, first_count=first)
