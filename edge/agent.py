"""The agent: one for every kind of device; what differs is its settings.

Threads: each source has its own and only calls `hear`; the session's network thread only queues; one thread waits for what the
broker sends and syncs the spools; everything else (spools, batches, reports, settings in force) belongs to the agent's thread.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chelu import topics
from chelu.bus import Publication, Session, Will
from chelu.clock import Clock
from chelu.codec.wire_id import wire_id
from chelu.messages import Frames
from chelu.spool import Spool, SpoolError
from chelu.topics import Kind
from edge import reports
from edge.account import Account
from edge.commands import Commands
from edge.downlink import STREAMS, Downlink
from edge.emergency import Emergency
from edge.inboxes import Inboxes, Taken
from edge.inforce import InForce
from edge.lane import Lane
from edge.outgoing import Outgoing
from edge.radio import Radio
from edge.record import Record
from edge.routing import Heard, Router
from edge.settings import EdgeSettings, Position
from edge.sink import WarningSink
from edge.tally import Tally
from edge.upgrade.upgrader import Upgrader
from edge.vehicles.children import RECEIPT, TELEMETRY, Children

log = logging.getLogger(__name__)

SESSION_EXPIRY_S = 3600  # configuration and receipts wait this long at the broker for a device that is away
IDLE_S = 0.5
BUSY_S = 0.01  # between two looks at a lane that has more to send than it may at once
LEAVE_S = 2.0


class Agent:
    """Start, `submit` frames or `report` documents from any thread, stop. Raises CannotStartError when its spool is in use.

    restart: called when the platform asks for a reboot, by whoever then stops this agent and starts a new one; None: nobody does.
    """

    def __init__(self, settings: EdgeSettings, clock: Clock, *, restart: Callable[[], None] | None = None) -> None:
        self.settings, self._clock = settings, clock
        self.tally, self._inboxes, self._stopping = Tally(), Inboxes(), threading.Event()
        self.start_id = secrets.token_hex(8)
        self.position: Position | None = settings.position
        self._rows = {row.stream: row for row in topics.of_kind(settings.kind, from_device=True) if not row.is_by_serial}
        self._events, self._backlog = self._lane("events"), self._lane("backlog")
        self.device_id = bytes.fromhex(settings.wire_id) if settings.wire_id else wire_id(settings.id)
        own_id = int(settings.own_bsm_id, 16) if settings.own_bsm_id else None
        self._outgoing = Outgoing(
            settings,
            Router.of_kind(settings.kind, own_id),
            self.device_id,
            publish=self._publish_live,
            events=self._events,
            backlog=self._backlog,
            tally=self.tally,
        )
        self.children = self._children() if settings.has_children else None
        self._sink = WarningSink(settings.warning_sink, clock, self.tally)
        self._account = Account(settings)
        self._session = self._new_session()
        self._in_force = InForce(settings, mute=self._outgoing.mute, tell=self._say_info)
        self._commands = Commands(
            settings.spool.directory,
            clock,
            answer=lambda answer: self._say("command/ack", answer),
            rotate=lambda: self._account.rotate(self._session),
            restart=restart,
            emergency=Emergency(settings.spool.directory, settings.kind, clock, self._sink.hand_over),
        )
        self._upgrader = self._new_upgrader()
        self._downlink = self._new_downlink()
        self._beats = 0
        self._started_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._run, name=f"edge-{settings.id}")
        self._listener = threading.Thread(target=self._listen, name=f"edge-{settings.id}-down")

    # -- any thread ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect and begin to work; returns at once."""
        log.info("%s %s starts (start id %s)", self.settings.kind, self.settings.id, self.start_id)
        self._session.start()
        self._listener.start()
        self._thread.start()

    def wait_connected(self, timeout_s: float) -> None:
        """As `Session.wait_connected`."""
        self._session.wait_connected(timeout_s)

    @property
    def is_connected(self) -> bool:
        """Whether the broker has us now."""
        return self._session.is_connected

    @property
    def turned_us(self) -> int | None:
        """A signal's: up to which instant its stages have gone on, and what changed by then is handed on; of others None."""
        return self._downlink.turned_us

    @property
    def sent(self) -> Mapping[str, int]:
        """Frames that went out since the start, by stream."""
        sent = dict(self._outgoing.sent)
        return {**sent, TELEMETRY.stream: self.children.sent} if self.children else sent

    @property
    def waiting(self) -> Mapping[str, int]:
        """Messages on disk that ingest has not receipted, by lane."""
        waiting = dict(self._outgoing.waiting())
        return {**waiting, "children": len(self.children.spool)} if self.children else waiting

    def submit(self, frames: Frames) -> int:
        """Hand over frames, `reference_us` being when they were heard; returns how many were taken, the others are counted."""
        references = frames.reference_us.tolist()
        return self.hear([Heard(frames.frame(index), reference) for index, reference in enumerate(references)])

    def hear(self, heard: Sequence[Heard]) -> int:
        """What sources call; never waits. Returns how many were taken."""
        taken = self._inboxes.hear(heard)
        if taken < len(heard):
            self.tally.count("frames", "queue_full", len(heard) - taken)
        return taken

    def report(self, stream: str, document: Mapping[str, Any]) -> None:
        """Queue a JSON document on one of this kind's streams (``observation``, ``coop``, …), at QoS 1 through the spool."""
        if stream not in self._rows:
            raise KeyError(f"a device of kind {self.settings.kind} has no stream {stream!r}")
        if not self._inboxes.report(stream, reports.encoded(document)):
            self.tally.count("reports", "queue_full")

    def stop(self) -> None:
        """Send what is queued, say good-bye and end; what could not be sent stays on disk."""
        if self._upgrader:
            self._upgrader.stop()
        self._stopping.set()
        self._inboxes.wake()
        for thread in (self._thread, self._listener):
            if thread.is_alive():
                thread.join()
        self._session.stop()
        self._downlink.close()
        for spool in self._spools():
            spool.close()
        log.info("%s %s stopped", self.settings.kind, self.settings.id)

    # -- the agent's thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._say_info()
        self._commands.begin()
        if self._upgrader:
            self._upgrader.start()
        next_beat_s = next_status_s = self._clock.monotonic_s()
        is_busy = False
        while not self._stopping.is_set():
            self._work(self._wait(min(next_beat_s, next_status_s), is_busy=is_busy))
            now_s = self._clock.monotonic_s()
            if now_s >= next_beat_s:
                self._say_heartbeat()
                next_beat_s = now_s + self._in_force.heartbeat_s
            if now_s >= next_status_s:
                self._say_run_status()
                next_status_s = now_s + self._in_force.run_status_s
            is_busy = self._pump()
            next_beat_s = min(next_beat_s, now_s + self._in_force.heartbeat_s)  # the period may have been shortened
            next_status_s = min(next_status_s, now_s + self._in_force.run_status_s)
        self._leave()

    def _wait(self, until_s: float, *, is_busy: bool) -> Taken:
        due_s = min(due for due in (until_s, self._outgoing.batch_due_s, self._downlink.due_s) if due is not None)
        is_busy = is_busy or self._outgoing.unsettled > 0
        wait_s = max(0.0, min(due_s - self._clock.monotonic_s(), BUSY_S if is_busy else IDLE_S))
        return self._inboxes.take(wait_s, is_leaving=self._stopping.is_set)

    def _work(self, taken: Taken) -> None:
        heard, received, documents = taken
        now_s = self._clock.monotonic_s()
        if self._commands.capture is not None:
            self._commands.capture.note_all("heard", (("", item.frame) for item in heard))
        self._outgoing.take(heard, now_s)
        if self._outgoing.batch_due_s is not None and now_s >= self._outgoing.batch_due_s:
            self._outgoing.flush()
        for stream, payload in documents:
            self._say(stream, payload)
        for message in received:
            self._downlink.obey(message)
        self._session.acknowledge(received)
        self._outgoing.settle()
        self._downlink.turn(now_s)

    def _pump(self) -> bool:
        """True when there is more to send soon."""
        if not self._session.is_connected:
            return False
        now_s, connection = self._clock.monotonic_s(), self._session.connections
        try:
            has_events = self._events.pump(now_s, connection)
            has_backlog = self._backlog.pump(now_s, connection)
            has_backlog |= self.children is not None and self.children.pump(now_s, connection)
        except SpoolError as error:
            self.tally.count("spool", "disk", detail=str(error))
            return False
        return has_events or has_backlog

    def _leave(self) -> None:
        self._commands.end_capture("the agent ends")
        self._outgoing.flush()
        deadline_s = self._clock.monotonic_s() + LEAVE_S
        while self._session.is_connected and self._clock.monotonic_s() < deadline_s:
            self._work(self._wait(deadline_s, is_busy=True))
            if not self._outgoing.unsettled and not self._inboxes.has_heard:
                break
        self._outgoing.settle()
        self._say_heartbeat()
        self._pump()
        document = reports.state("offline", start_id=self.start_id, time_us=self._clock.wall_us(), reason="stopped")
        self._session.publish(self._topic("state"), reports.encoded(document), qos=1, retain=True).wait(LEAVE_S)

    # -- what the agent says -------------------------------------------------------------------------------------------------

    def _say(self, stream: str, payload: bytes) -> None:
        try:
            self._events.append(Record(stream, self._clock.wall_us(), 0, payload))
        except SpoolError as error:
            self.tally.count("spool", "disk", detail=str(error))

    def _say_info(self) -> None:
        document = reports.info(
            self.settings,
            start_id=self.start_id,
            time_us=self._clock.wall_us(),
            position=self.position,
            config=self._in_force.document(),
            versions=self._upgrader.versions() if self._upgrader else None,
        )
        self._say("info", reports.encoded(document))
        if self.settings.kind is Kind.RSCU:
            document = reports.computer(self.settings, time_us=self._clock.wall_us(), position=self.position)
            self._say("basic-status", reports.encoded(document))

    def _say_heartbeat(self) -> None:
        self._beats += 1
        document = reports.heartbeat(
            number=self._beats,
            settings=self.settings,
            start_id=self.start_id,
            time_us=self._clock.wall_us(),
            uptime_s=self._clock.monotonic_s() - self._started_s,
            sent=self.sent,
            received=self._downlink.received,
            waiting=self.waiting,
            dropped=self._dropped(),
            released=self._outgoing.released(),
            position=self.position,
            vehicles=self.children.status if self.children else None,
        )
        self._say("heartbeat", reports.encoded(document))

    def _dropped(self) -> Mapping[str, Mapping[str, int]]:
        dropped = dict(self.tally.by_place())
        full = {lane.spool.directory.name: lane.spool.dropped for lane in (self._events, self._backlog) if lane.spool.dropped}
        return {**dropped, "spool_full": full} if full else dropped

    def _say_run_status(self) -> None:
        document = reports.run_status(self.settings, time_us=self._clock.wall_us(), disk=self.settings.spool.directory)
        self._say("run-status", reports.encoded(document))

    # -- other threads -------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """The listener's thread: broker → agent's inbox; and the spools' sync, which may take the disk's time."""
        synced_s = self._clock.monotonic_s()
        while not self._stopping.is_set():
            received = self._session.drain(1000, 0.2)
            self._account.watch(self._session)
            if received:
                self._inboxes.receive(received)
            if self._clock.monotonic_s() - synced_s >= self.settings.spool.sync_s:
                synced_s = self._clock.monotonic_s()
                self._sync()

    def _sync(self) -> None:
        try:
            for spool in self._spools():
                spool.sync()
        except SpoolError as error:
            self.tally.count("spool", "sync", detail=str(error))

    def _greet(self, session: Session) -> None:
        """On the network thread, after each connect: the retained state replaces the last will."""
        self._account.note_connected()
        self._say_online(session)
        self._inboxes.wake()

    def _say_online(self, session: Session) -> None:
        document = reports.state(
            "online", start_id=self.start_id, time_us=self._clock.wall_us(), released=self._outgoing.released()
        )
        session.publish(self._topic("state"), reports.encoded(document), qos=1, retain=True)

    # -- making --------------------------------------------------------------------------------------------------------------

    def _topic(self, stream: str) -> str:
        return self._rows[stream].topic(self.settings.kind, self.settings.id)

    def _publish_live(self, stream: str, payload: bytes) -> Publication:
        self._note_up(stream, payload)
        return self._session.publish(self._topic(stream), payload)

    def _publish_kept(self, record: Record, sequence: int, connection: int) -> Publication:
        self._note_up(record.stream, record.payload)
        return self._session.publish(self._topic(record.stream), record.payload, qos=1, sequence=sequence, on=connection)

    def _note_up(self, stream: str, payload: bytes) -> None:
        if self._commands.capture is not None:
            self._commands.capture.note("up", self._topic(stream), payload)

    def _spools(self) -> list[Spool]:
        return [self._events.spool, self._backlog.spool, *([self.children.spool] if self.children else [])]

    def _count_sent(self, record: Record) -> None:
        if record.frames:
            self._outgoing.sent[record.stream] += record.frames

    def _lane(self, name: str) -> Lane:
        """Two lanes, so that a configuration's answer need not wait for an hour of BSMs; no stream is in both."""
        settings = self.settings
        total = settings.spool.max_mb << 20
        size = total // 4 if name == "events" else total - total // 4
        spool = Spool(settings.spool.directory / name, segment_bytes=min(8 << 20, size // 4), max_bytes=size)
        return Lane(spool, settings.delivery, publish=self._publish_kept, on_sent=self._count_sent, tally=self.tally)

    def _new_session(self) -> Session:
        settings = self.settings
        will = reports.state("offline", start_id=self.start_id, reason="connection lost")
        rows = [row for row in topics.of_kind(settings.kind, from_device=False) if row.stream in STREAMS]
        return Session(
            settings.broker_url(),
            client_id=settings.id,
            clock=self._clock,
            subscriptions=[*((row.topic(settings.kind, settings.id), 1) for row in rows), *self._of_children()],
            will=Will(self._topic("state"), reports.encoded(will)),
            clean=False,
            session_expiry_s=SESSION_EXPIRY_S,
            on_connect=self._greet,
        )

    def _new_upgrader(self) -> Upgrader | None:
        if self.settings.upgrade is None:
            return None
        return Upgrader(
            self.settings.upgrade, self._clock, answer=lambda answer: self._say("upgrade/ack", answer), say=self.report
        )

    def _new_downlink(self) -> Downlink:
        return Downlink(
            self.settings.id,
            self._clock,
            in_force=self._in_force,
            commands=self._commands,
            outgoing=self._outgoing,
            children=self.children,
            sink=self._sink,
            upgrader=self._upgrader,
            air=Radio(self.settings.radio, self.tally, self._say),
            signal=self.settings.signal,
            tally=self.tally,
            say=self._say,
            say_online=lambda: self._say_online(self._session),
            tell_stage=lambda payload: self._session.publish(self._topic("stage"), payload, qos=1, retain=True),
            connection=lambda: self._session.connections if self._session.is_connected else 0,
        )

    def _children(self) -> Children:
        def publish(topic: str, payload: bytes, sequence: int, connection: int) -> Publication:
            return self._session.publish(topic, payload, qos=1, sequence=sequence, on=connection)

        return Children(self.settings, publish=publish, wake=self._inboxes.wake, tally=self.tally)

    def _of_children(self) -> list[tuple[str, int]]:
        """Vehicles' receipts, by one filter: the broker hands over those of our own children only."""
        is_wanted = self.children is not None and self.settings.delivery.receipts
        return [(RECEIPT.topic(Kind.VEHICLE, "+"), 1)] if is_wanted else []
