"""The loop: micro-batches of messages in, warnings out first, then picture, segments and storage. One thread owns all sites."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from chelu.bus import BulkSession, Messages
from chelu.clock import Clock
from chelu.topics import PICTURE
from services.inference.chosen import Choices
from services.inference.city.control.office import SignalOffice
from services.inference.city.environment.desk import EnvironmentDesk
from services.inference.city.forecast.desk import ForecastDesk
from services.inference.city.live import StateDesk
from services.inference.coop.office import Lost, Office
from services.inference.inbox import Inbox, Intake
from services.inference.lacks import INTERVAL_S, Lacks, lack_row
from services.inference.life import Notice, State
from services.inference.making import site_of, tellers_of
from services.inference.motion_model import MotionModel
from services.inference.outbox import Sent, documents, letter, segment_rows, warning_rows
from services.inference.parameters import read_site_values
from services.inference.register import Register, SiteEntry, SiteValues
from services.inference.reports import nothing
from services.inference.settings import InferenceSettings
from services.inference.site import Site, SiteParameters
from services.inference.storage import JUDGING, SEGMENT, WARNING, Item, Storage
from services.inference.unusable import Unusable
from services.inference.watch import Watch

log = logging.getLogger(__name__)
T = TypeVar("T")

_IDLE_S = 0.05  # without messages, warnings and tracks still end
_LEAST_PERIOD_S = 0.004  # from a turn's beginning to the next one's: what little there is to do does not take a whole processor
_REPORT_S = 60.0


class Service:
    """Everything is handed in; `run` returns when `is_stopping` says so."""

    def __init__(
        self,
        settings: InferenceSettings,
        *,
        session: BulkSession,
        storage: Storage,
        watch: Watch,
        register: Register,
        model: MotionModel | None,
        clock: Clock,
        new_id: Callable[[], str],
        lost: Sequence[Lost] = (),
        state: StateDesk | None = None,
        environment: EnvironmentDesk | None = None,
        forecast: ForecastDesk | None = None,
    ) -> None:
        self._settings, self._session, self._storage, self._watch = settings, session, storage, watch
        self._model, self._clock, self._new_id, self._state = model, clock, new_id, state
        self._environment, self._forecast = environment, forecast
        files = read_site_values(settings.parameters_file)
        self._choices = Choices(files)
        self._inbox = Inbox(register)
        self._office = Office(files, new_id, clock.monotonic_s, clock.wall_us() // 1000, lost)
        self._signals = SignalOffice(
            lambda *out: session.publish(out[0], out[1], qos=out[2]), storage.put, clock.wall_us() // 1000
        )
        self._sites: dict[str, Site] = {}
        self._unusable = Unusable()
        self._register = register
        self._picture_due_s = self._report_due_s = 0.0
        self._judged_s, self._told_lacks = clock.monotonic_s(), dict[str, tuple[Site, Lacks]]()
        self._judging_due_s = self._judged_s + INTERVAL_S
        self.counts: Counter[str] = Counter()
        self._use(register)

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Until told to stop.

        A turn begins as soon as its first message has waited for others, and the turn before is over: a micro-batch's cost hardly
        depends on its size, so whoever comes while one is evaluated is better off in the next than in many small ones.
        """
        gather_s = self._settings.batch_ms / 1000.0
        self._signals.start()
        try:
            while not is_stopping():
                received = self._session.drain(self._settings.batch_messages, _IDLE_S, gather_s=gather_s)
                began_s = self._clock.monotonic_s()
                self.turn(received)
                self._clock.sleep(max(0.0, began_s + _LEAST_PERIOD_S - self._clock.monotonic_s()))
        finally:
            self._signals.stop()

    def turn(self, received: Messages) -> None:
        """One micro-batch; call it without messages, too, so that warnings end and the picture is published."""
        if (register := self._watch.newer()) is not None:
            self._use(register)
        received, ours = self._office.sort(received)
        received, of_signals = self._signals.sort(received)
        intakes = self._inbox.read(received) if len(received) else {}
        self._session.acknowledge(received)
        sent = self._of_each(lambda site_id, site: self._warn(site_id, site, intakes.get(site_id)))
        # What can wait comes when every site's warnings are out.
        self._of_each(lambda site_id, site: self._store(site_id, site, sent.get(site_id, [])))
        self._hand_on(intakes)
        if self._clock.monotonic_s() >= self._picture_due_s:
            self._broadcast()
        self._cooperate(ours)
        self._signals.turn(of_signals, self._sites, self._clock.wall_us())
        if of_signals is not None:
            self._session.acknowledge(of_signals)
        if self._clock.monotonic_s() >= self._judging_due_s:
            self._tell_lacks()
        if self._clock.monotonic_s() >= self._report_due_s:
            self._report()

    def _of_each(self, work: Callable[[str, Site], T]) -> dict[str, T]:
        """What comes of each site; one whose stages fail begins anew without its roads, and nothing comes of it now."""
        found: dict[str, T] = {}
        failed = False
        for site_id, site in self._sites.items():
            try:
                found[site_id] = work(site_id, site)
            except Exception as error:  # noqa: BLE001  # it is to cost this site its map, and not all sites their warnings
                self._unusable.note(self._register.sites[site_id], error)
                failed = True
        if failed:
            self._use(self._register)
        return found

    def _hand_on(self, intakes: Mapping[str, Intake]) -> None:
        """Let those with a thread of their own have what came."""
        if self._state is not None:
            mono_s, wall_us = self._clock.monotonic_s(), self._clock.wall_us()
            self._state.attend(self._sites, intakes, self._register, mono_s, wall_us, early=self._inbox.early_of)
        if self._environment is not None:
            self._environment.attend(intakes, self._register, self._clock.wall_us())

    def _warn(self, site_id: str, site: Site, intake: Intake | None) -> list[Sent]:
        """Evaluate what came, and tell whom it concerns; who is warned for the first time is told first."""
        frame, now_us = self._register.sites[site_id].frame, self._clock.wall_us()
        notices = site.take(intake, frame, now_us) if intake is not None else site.step(nothing(), now_us)
        if not notices:
            return []
        notices.sort(key=lambda notice: notice.state is not State.RAISED)
        told = documents(notices, self._register, frame)
        return [self._send(notice, document) for notice, document in zip(notices, told, strict=True)]

    def _send(self, notice: Notice, told: dict[str, Any]) -> Sent:
        out, published_us = letter(notice, told, self._register), 0
        if out is not None:
            publication = self._session.publish(out.topic, out.payload, qos=out.qos)
            published_us = self._clock.wall_us() if publication.is_accepted else 0
        self.counts["warnings_sent" if published_us else "warnings_unsent"] += 1
        return Sent(notice, told, out, published_us)

    def _store(self, site_id: str, site: Site, sent: list[Sent]) -> None:
        if sent:
            self._storage.put(Item(WARNING, warning_rows(sent, site_id)))
        result, roads = site.segments(), self._register.sites[site_id].roads
        if result is not None and roads is not None:
            self._storage.put(Item(SEGMENT, segment_rows(result, site_id, roads.link_ids())))

    def _cooperate(self, messages: Messages | None) -> None:
        """Hear and answer: last of all, and a bounded part of it in a turn."""
        now_us = self._clock.wall_us()
        if messages is not None:
            self._office.hear(messages, self._register, now_us)
            self._session.acknowledge(messages)  # not before: what is lost with us now is asked again by whoever asked
        for out, item in self._office.turn(self._sites, self._register, now_us):
            if out is not None:
                self._session.publish(out.topic, out.payload, qos=out.qos)
            if item is not None:
                self._storage.put(item)

    def _broadcast(self) -> None:
        """Publish every site's picture; a late turn does not make up for missed ones."""
        if not self._settings.picture_hz:
            self._picture_due_s = float("inf")
            return
        self._picture_due_s = self._clock.monotonic_s() + 1.0 / self._settings.picture_hz
        now_us = self._clock.wall_us()
        for site_id, site in self._sites.items():
            frame = self._register.sites[site_id].frame
            origin = {name: getattr(frame, name) for name in ("latitude_deg", "longitude_deg", "elevation_m")}
            payload = site.broadcast({"site": site_id, "origin": origin}, now_us)
            self._session.publish(PICTURE.format(site=site_id), payload)

    def _tell_lacks(self) -> None:
        """A row a site: what its applications could not judge since the last one, and which parameters they go by."""
        now_us, before_s, self._judged_s = self._clock.wall_us(), self._judged_s, self._clock.monotonic_s()
        self._judging_due_s = self._judged_s + INTERVAL_S
        for site_id, site in self._sites.items():
            told, before = self._told_lacks.get(site_id, (site, Lacks()))
            news = site.counts.lacks.since(before if told is site else Lacks())
            self._told_lacks[site_id] = site, site.counts.lacks.copy()
            goes_by = self._choices.goes_by(site_id)
            row = lack_row(site_id, news, site.needs(), goes_by, interval_s=self._judged_s - before_s, now_us=now_us)
            self._storage.put(Item(JUDGING, row))

    def _use(self, register: Register) -> None:
        """Take over a new register: sites whose frame or roads changed start anew, others go by new parameters from now on."""
        before, register = self._register, self._unusable.without(register)
        for site_id, entry in register.sites.items():
            is_news = self._choices.take(site_id, register.values.get(site_id, SiteValues()))
            parameters = self._choices.of(site_id).parameters
            if site_id not in self._sites or before.sites.get(site_id) != entry:
                self._sites[site_id] = self._made(entry, parameters)
            elif is_news:
                self._sites[site_id].use(parameters)
                self._judging_due_s = 0.0  # whoever changed them is to see at once what became of it
        self._register = register = self._unusable.without(register)
        self._inbox.use(register)
        self._office.use(before, register)
        self._signals.use(register, self._clock.wall_us())
        tellers = tellers_of(register)
        for site in self._sites.values():
            site.picture.tellers = tellers
        for site_id in set(self._sites) - set(register.sites):
            del self._sites[site_id]
        log.info("register: %d sites, %d devices", len(register.sites), len(register.devices))

    def _made(self, entry: SiteEntry, parameters: SiteParameters) -> Site:
        """A site that has heard nothing yet, without its roads where none can be made with them."""
        try:
            return site_of(entry, parameters, model=self._model, new_id=self._new_id)
        except Exception as error:  # noqa: BLE001  # as above
            self._unusable.note(entry, error)
            return site_of(replace(entry, roads=None), parameters, model=self._model, new_id=self._new_id)

    def _desk_counts(self) -> Counter[str]:
        """Of what has a thread of its own: copied at once, since they go on."""
        desks = (self._state, self._environment, self._forecast)
        return sum((Counter(desk.counts) for desk in desks if desk is not None), Counter[str]())

    def _report(self) -> None:
        """A line a minute with what was counted."""
        if self._report_due_s:
            late, refused, crowded, unjudged, dark, contradicting = (
                sum(getattr(site.counts, name) for site in self._sites.values())
                for name in ("late", "refused", "crowded", "unjudged", "dark", "contradicting")
            )
            told = sum(
                (site.events.counts + site.counts.lacks.of for site in self._sites.values()),
                self._office.total() + self._signals.counts + self._inbox.counts + self.counts + self._desk_counts(),
            )
            log.info(
                "%s, late %d, without room %d, crowded %d, not to be judged %d, signals not known %d, maps contradict %d,"
                " inbox dropped %d, storage %d stored %d dropped",
                dict(told), late, refused, crowded, unjudged, dark, contradicting,
                self._session.inbox_dropped, self._storage.stored, self._storage.dropped,
            )  # fmt: skip
        self._report_due_s = self._clock.monotonic_s() + _REPORT_S
