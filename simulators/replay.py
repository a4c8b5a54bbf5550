"""Replay of a scene: its devices speak again, each message at its own time, live or faster.

Event times are virtual: the scene's first instant is pinned to the moment the replay begins, and the recording's time runs on
from there `speed` times as fast as ours. At speed 1 vehicles send bare frames, as they do live, and their reference time is the
arrival; at any other speed every frame goes in an envelope whose time stamp is the virtual time (design: "event time"). What
roadside units send is always in an envelope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from chelu.bus import Posts, Received
from chelu.clock import Clock
from chelu.geo import LocalFrame
from chelu.messages import Batch
from chelu.ragged import Bytes, Ints
from simulators.fleet import Fleet
from simulators.letters import IS_BSM, STREAMS, AddressBook, Letters, in_order, no_letters
from simulators.outbox import PATIENCE_S, Outbox, Publisher
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
MOST_AT_ONCE = 1000  # messages handed to a session together


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
    published: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0))  # rows by stream
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
    on the road do not all speak at once, as a recording's rows do. Event times stay those of the samples. patience_s: how long
    the broker may be away. look_ahead_s: of our time, what is encoded in one go; ahead_s: how long before it is due at the most.
    """

    speed: float = 1.0
    seed: int = 0
    spread_ms: float = 0.0
    in_flight: int = IN_FLIGHT
    patience_s: float = PATIENCE_S
    look_ahead_s: float = LOOK_AHEAD_S
    ahead_s: float = np.inf


class Replay:
    """One scene, one run. `run` blocks; `stop` may be called from any thread.

    sessions: one for each of the fleet's gateways, or one that may speak for all. overhear: gets what is due, as bare frames,
    just before it is published. air: what becomes of messages on their way, by when they are due.
    """

    def __init__(
        self,
        scene: Scene,
        fleet: Fleet,
        sessions: Sequence[Session],
        encoder: Encoder,
        *,
        clock: Clock,
        options: Options | None = None,
        on_progress: Callable[[ReplayReport], None] = lambda _: None,
        on_warning: Callable[[ReceivedWarning], None] = lambda _: None,
        overhear: Callable[[Letters], None] = lambda _: None,
        air: Callable[[Letters], Letters] = lambda letters: letters,
    ) -> None:
        self._scene, self._fleet, self._sessions, self._clock = scene, fleet, sessions, clock
        self._encoder, self._book = encoder, AddressBook(fleet)
        # The roadside unit, device −1, comes last.
        self._numbers = np.append(fleet.vehicle_ids, np.uint64(fleet.rsu_number))
        self._session_of = np.append(fleet.gateways, 0) % len(sessions)
        self._options = options or Options()
        self._on_progress, self._on_warning, self._overhear, self._air = on_progress, on_warning, overhear, air
        self._composer = composer(scene, fleet, encoder, seed=self._options.seed)
        self._sent = SentTimes([*fleet.obu_ids, fleet.rsu_id])
        spread_s = self._options.spread_ms / 1000 / self._options.speed
        self._phase_s = np.random.default_rng([self._options.seed, 1]).uniform(0.0, spread_s, len(scene.actors))
        self._waiting = no_letters()
        self._outbox = Outbox(clock, in_flight=self._options.in_flight, streams=STREAMS, patience_s=self._options.patience_s)
        self._is_stopped = False
        self._report: ReplayReport | None = None

    def stop(self) -> None:
        """Let `run` return after the message at hand."""
        self._is_stopped = True

    def go_on_with(self, scene: Scene) -> None:
        """What is not encoded yet is another scene's, of the same actors and the same beginning. From the replay's own thread."""
        self._scene = scene

    def run(self) -> ReplayReport:
        """Replay the scene from its beginning to its end; UnreachableError when the broker stays away."""
        begin, speed = self._scene.begin_ms, self._options.speed
        step = int(np.clip(self._options.look_ahead_s * 1000 * speed, SHORTEST_MS, LONGEST_MS))
        self._warm_up()
        pace = pinned(self._clock, begin_ms=begin, speed=speed, lead_s=LEAD_S)
        report = self._report = ReplayReport(self._clock.wall_us(), pace, through_ms=begin)
        try:
            while report.through_ms < self._scene.end_ms:
                begin = report.through_ms
                end = min(begin + step, self._scene.end_ms)
                self._stretch(begin, end, report)
                if self._is_stopped:
                    break
                report.through_ms = end
                self._await_next(report)
                self._on_progress(self._counted(report))
        except KeyboardInterrupt:
            self._is_stopped = True
        self._outbox.flush()
        self._hear(report, 0.0)
        report.is_interrupted, report.ended_us = self._is_stopped, self._clock.wall_us()
        return self._counted(report)

    def report(self, clock: Clock) -> ReplayReport:
        """What was done until now, of a replay that was broken off."""
        pace = pinned(clock, begin_ms=self._scene.begin_ms, speed=self._options.speed, lead_s=0.0)
        begun = self._report or ReplayReport(clock.wall_us(), pace, through_ms=self._scene.begin_ms)
        begun.is_interrupted, begun.ended_us = True, clock.wall_us()
        return self._counted(begun)

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
        pace = report.pace
        piece = self._scene.read(begin_ms, end_ms)
        parcels = self._composer.parcels(piece, pace.event_us(piece.samples["time_ms"]), pace.event_us(piece.signals["time_ms"]))
        letters = in_order([self._waiting, *(self._air(self._letters(parcel, pace)) for parcel in parcels)])
        horizon_s = float(pace.due_s(np.array([end_ms]))[0]) if end_ms < self._scene.end_ms else np.inf
        later = int(np.searchsorted(letters.due_s, horizon_s))
        letters, self._waiting = letters.take(slice(later)), letters.take(slice(later, None))
        at = 0
        while at < len(letters) and not self._is_stopped:
            at = self._burst(letters, at, report)

    def _await_next(self, report: ReplayReport) -> None:
        """Until the next stretch may be encoded, where that is not at once."""
        if np.isfinite(self._options.ahead_s) and report.through_ms < self._scene.end_ms:
            due_s = float(report.pace.due_s(np.array([report.through_ms]))[0])
            self._wait_until(due_s - self._options.ahead_s, report)

    def _letters(self, parcel: Parcel, pace: Pace) -> Letters:
        """Messages ready to publish, their envelopes still to be put on."""
        stream = STREAMS.index(parcel.stream.name)
        phase_s = self._phase_s[parcel.device] if stream == IS_BSM else 0.0
        return Letters(
            data=parcel.frames.data,
            start=parcel.frames.start,
            stop=parcel.frames.stop,
            stream=np.full(len(parcel), stream, np.int64),
            device=parcel.device,
            due_s=pace.due_s(parcel.time_ms) + phase_s,
            event_us=pace.event_us(parcel.time_ms),
            rows=parcel.rows,
            message_count=parcel.message_count,
        )

    def _burst(self, letters: Letters, at: int, report: ReplayReport) -> int:
        """Wait for the next deadline, then send what is due, at most `MOST_AT_ONCE`; returns the index of what is not sent."""
        due_s = float(letters.due_s[at])
        self._wait_until(due_s, report)
        now_s = self._clock.monotonic_s()
        report.lag.add(now_s - due_s)
        behind = min(int(np.searchsorted(letters.due_s, now_s + NAP_S, "right")), at + MOST_AT_ONCE)
        self._send(letters.take(slice(at, behind)), now_s, report)
        report.lag.add(self._clock.monotonic_s() - float(letters.due_s[behind - 1]))
        self._hear(report, 0.0)
        return behind

    def _wait_until(self, due_s: float, report: ReplayReport) -> None:
        """Sleep until a deadline, listening for warnings meanwhile."""
        while (left := due_s - self._clock.monotonic_s()) > NAP_S and not self._is_stopped:
            self._hear(report, 0.0)
            self._clock.sleep(min(left, 0.02))

    def _send(self, letters: Letters, now_s: float, report: ReplayReport) -> None:
        wall_us, done = self._clock.wall_us(), self._outbox.messages
        self._overhear(letters)
        self._sent.add(letters.device, letters.event_us, wall_us)
        for index in range(-done % LOG_EVERY, len(letters), LOG_EVERY):
            report.sent_log.append(self._logged(letters, index, wall_us))
        posts, session = self._posts(letters, now_s), self._session_of[letters.device]
        for number in np.unique(session).tolist():
            rows = np.flatnonzero(session == number)
            mine = Posts(posts.topics, posts.topic[rows], posts.data, posts.start[rows], posts.stop[rows])
            self._outbox.send(self._sessions[number], mine, letters.take(rows).rows_by_stream())

    def _logged(self, letters: Letters, index: int, wall_us: int) -> SentFrame:
        device = int(letters.device[index])
        name = self._fleet.obu_ids[device] if device >= 0 else self._fleet.rsu_id
        stream, count = STREAMS[letters.stream[index]], int(letters.message_count[index])
        return SentFrame(stream, name, int(letters.event_us[index]), count, wall_us)

    def _posts(self, letters: Letters, now_s: float) -> Posts:
        """Frames in their envelopes, or bare, on their topics."""
        topic, is_bare = self._book.of(letters), letters.is_bsm & (now_s - letters.due_s < LIVE_LAG_S)
        if self._options.speed != 1:
            is_bare[:] = False
        if is_bare.all():
            return Posts(self._book.topics, topic, letters.data, letters.start, letters.stop)
        rows = np.flatnonzero(~is_bare)
        data, start, stop = self._sealed(letters.take(rows))
        if len(rows) == len(letters):
            return Posts(self._book.topics, topic, data, start, stop)
        starts, stops, before = letters.start.copy(), letters.stop.copy(), len(letters.data)
        starts[rows], stops[rows] = start + before, stop + before
        return Posts(self._book.topics, topic, np.concatenate([letters.data, data]), starts, stops)

    def _sealed(self, letters: Letters) -> tuple[Bytes, Ints, Ints]:
        return self._encoder.sealed(
            letters.data,
            letters.start,
            letters.stop,
            device_number=self._numbers[letters.device],
            reference_us=letters.event_us,
            is_bsm=letters.is_bsm,
        )

    def _hear(self, report: ReplayReport, wait_s: float) -> None:
        for session in self._sessions:
            received = session.drain(1000, wait_s / len(self._sessions))
            for item in received:
                if warning := read_warning(item.topic, item.payload, item.arrival_us, self._sent):
                    report.warnings.append(warning)
                    self._on_warning(warning)
            if received:
                session.acknowledge(received)


def composer(scene: Scene, fleet: Fleet, encoder: Encoder, *, seed: int) -> Composer:
    """The composer of a scene's messages; the seed decides where message counts begin, and nothing else."""
    origin = scene.origin
    frame = LocalFrame(origin.latitude_deg, origin.longitude_deg, origin.elevation_m)
    position = (origin.latitude_deg, origin.longitude_deg, origin.elevation_m)
    cast = Cast(scene.actors, fleet.vehicle_ids, fleet.rsu_number, position)
    first = np.random.default_rng(seed).integers(0, 128, len(scene.actors) + 2)
    return Composer(cast, frame, encoder, first_count=first)
