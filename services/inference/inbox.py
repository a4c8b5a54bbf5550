"""From MQTT messages to `Reports` per site: routes topics, decodes frames and documents, and says who each row came from. No I/O.

What cannot be used here is counted and left: ingest dead-letters it, so inference says nothing about it twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu import topics
from chelu.bus import Messages
from chelu.codec import cv2x, envelope
from chelu.codec.cv2x import Message
from chelu.messages import BSM, EVENT, OBSERVATION, PARTICIPANT, SPAT, TRAFFIC, Batch, Frames, Stream, concatenate, empty
from services.inference.events.told import Heard, Told, of_events, of_rsi
from services.inference.keys import KeyIndex
from services.inference.known_maps import KnownMaps
from services.inference.register import Register
from services.inference.reports import Ints, Origin, Reports, joined, of_bsm, of_participants
from services.inference.routes import FRAMES, NOWHERE, PATTERNS, READERS, Routes


@dataclass(frozen=True, slots=True)
class Intake:
    """One micro-batch of one site.

    events: what roadside devices tell of; observations: what sensors measured, and traffic: what roadside computers counted, with
    their keys; maps: MAP messages as JSON.
    """

    reports: Reports
    spat: Batch
    events: Sequence[Told] = ()
    observations: Sequence[Batch] = ()
    maps: Sequence[Mapping[str, Any]] = ()
    traffic: Sequence[Batch] = ()


EARLY_US = 5_000_000  # a sender's clock that is further ahead is wrong
Rows = npt.NDArray[np.void]  # of `services.inference.routes.ROUTE`
NO_VEHICLES, NOBODY, NO_PHASES = (empty(one).with_columns(frame=np.empty(0, np.int64)) for one in (BSM, PARTICIPANT, SPAT))


@dataclass(frozen=True, slots=True)
class Said:
    """Decoded rows of messages (n,), whose routes and arrivals these are; source (frames,) says which message held a frame.

    reference_us (frames,): when each was first heard; messages: MAPs and RSIs; others: rows of further streams by name.
    """

    route: Rows
    arrival_us: Ints
    source: Ints
    reference_us: Ints
    bsm: Batch
    participant: Batch
    spat: Batch
    messages: Sequence[Message] = ()
    others: Mapping[str, Batch] = field(default_factory=dict)

    def told(self, kind: str, site: int) -> list[Message]:
        """The RSIs, or MAPs, that came from a device of this site, and where such are told."""
        rows = [(one, self.source[one.frame]) for one in self.messages if one.kind == kind]
        return [one for one, row in rows if self.route[f"is_{kind}"][row] and int(self.route["site"][row]) == site]


def subscriptions() -> tuple[tuple[str, int], ...]:
    """Filters with their QoS, from the topic table."""
    rows = [topics.row(pattern) for pattern in PATTERNS]
    return tuple((filter_, row.qos) for row in rows for filter_ in row.subscriptions())


class Inbox:
    """Routes by topic (remembered) and decodes. Owned by one thread."""

    def __init__(self, register: Register) -> None:
        self.counts: Counter[str] = Counter()
        self.early_of: Counter[int] = Counter()  # rows of documents that claimed to be of later, by the device's key
        self.use(register)

    def use(self, register: Register) -> None:
        """The register changed."""
        self._register, self._routes, self._maps = register, Routes(register), KnownMaps()  # new roads need their maps again
        self._owners = KeyIndex()
        owners = register.owner_of
        self._owners.add(np.fromiter(owners, np.uint64, len(owners)), np.fromiter(owners.values(), np.int64, len(owners)))

    def read(self, messages: Messages) -> dict[str, Intake]:
        """Site id → what came for it. Messages of unknown devices and undecodable frames are counted and left out."""
        route = self._routes.of(messages)
        is_routed = route["site"] != NOWHERE
        self.counts["messages"] += len(messages)
        if not is_routed.all():
            self.counts["unregistered"] += int(np.count_nonzero(~is_routed))
            messages, route = messages.take(is_routed), route[is_routed]
        if not len(messages):
            return {}
        is_framed = route["reader"] == FRAMES
        return self.sort([self._heard(messages, route)] if is_framed.all() else self._sorted(messages, route, is_framed))

    def sort(self, said: Sequence[Said]) -> dict[str, Intake]:
        """Site id → its part of what was decoded; what was stored goes this way, too, when it is taken in again."""
        sites = np.unique(np.concatenate([one.route["site"] for one in said])).tolist()
        return {self._routes.site_ids[site]: self._intake(site, said) for site in sites if site != NOWHERE}

    def route_of_stored(self, device_key: Ints) -> Rows:
        """Rows (n,) of `ROUTE` for what is stored of these devices; `NOWHERE` for those not registered any more."""
        return self._routes.of_devices(device_key)

    def _sorted(self, messages: Messages, route: Rows, is_framed: npt.NDArray[np.bool_]) -> list[Said]:
        """What came in frames, and what came as documents, each kind by itself."""
        said = [self._heard(messages.take(is_framed), route[is_framed])] if is_framed.any() else []
        return said + [self._read(messages, route, reader) for reader in np.unique(route["reader"][~is_framed]).tolist()]

    def _heard(self, messages: Messages, route: Rows) -> Said:
        """What came in frames."""
        frames, refused = envelope.split_columns(
            messages.data, messages.start, messages.stop, route["envelope"], route["is_bsm"], messages.arrival_us
        )
        frames = self._maps.without_known(frames, route["device_key"])
        decoded = cv2x.decode(frames)
        for one in decoded.messages:
            if one.kind == "map" and route["is_map"][frames.source[one.frame]]:
                self._maps.note(frames, route["device_key"], one.frame)
        self.counts["refused"] += len(refused) + len(decoded.rejects)
        source = frames.source.astype(np.int64)
        return Said(
            route,
            messages.arrival_us,
            source,
            frames.reference_us,
            decoded.bsm,
            decoded.participant,
            self.without_early(decoded.spat, messages.arrival_us[source]),
            decoded.messages,
        )

    def _read(self, messages: Messages, route: Rows, reader: int) -> Said:
        """What came as documents that one reader is for."""
        mine = np.flatnonzero(route["reader"] == reader)
        messages, route = messages.take(mine), route[mine]
        source = np.arange(len(mine))
        frames = Frames(messages.data, messages.start, messages.stop, messages.arrival_us, source.astype(np.int32))
        readings = [self._register.by_key[key].reading for key in route["device_key"].tolist()]
        decoded = READERS[reader](frames, readings)
        self.counts["refused"] += len(decoded.rejects)
        participant = self.without_early(decoded.participant, messages.arrival_us)
        others = {name: self._measured(rows, messages.arrival_us, route) for name, rows in decoded.others.items()}
        spat = others.pop(SPAT.name, NO_PHASES)
        return Said(
            route, messages.arrival_us, source, messages.arrival_us, NO_VEHICLES, participant, spat, decoded.messages, others
        )

    def _measured(self, rows: Batch, arrival_us: Ints, route: Rows) -> Batch:
        """As `without_early`, with a note of whose they were: who measures is known by name when its clock is wrong."""
        kept = self.without_early(rows, arrival_us)
        if len(kept) < len(rows):
            keys = route["device_key"][rows["frame"][rows["time_us"] > arrival_us[rows["frame"]] + EARLY_US]]
            self.early_of.update(keys.tolist())
        return kept

    def without_early(self, rows: Batch, arrival_us: Ints) -> Batch:
        """Drop what claims to be of later: documents and SPAT may name any time, and nothing true would be newer.

        arrival_us: by `frame` of the rows.
        """
        is_early = rows["time_us"] > arrival_us[rows["frame"]] + EARLY_US
        self.counts["early"] += int(np.count_nonzero(is_early))
        return rows.take(~is_early) if is_early.any() else rows

    def _intake(self, site: int, said: Sequence[Said]) -> Intake:
        """The part of the batch that came from one site's devices."""
        frame = self._register.sites[self._routes.site_ids[site]].frame
        parts, phases = [], []
        for one in said:
            for batch, read in ((one.bsm, of_bsm), (one.participant, of_participants)):
                mine, message = _of_site(batch, site, one)
                if len(mine):
                    origin = Origin(one.route["device_key"][message], one.route["is_own"][message], one.arrival_us[message])
                    parts.append(read(mine, origin, frame))
            phases.append(_of_site(one.spat, site, one)[0])
        spat = concatenate([part for part in phases if len(part)] or phases[:1])
        events, observations = self._events(site, said), _further(OBSERVATION, site, said)
        maps = [each.value for one in said for each in one.told("map", site)]
        return Intake(self._without_foreign(joined(parts)), spat, events, observations, maps, _further(TRAFFIC, site, said))

    def _events(self, site: int, said: Sequence[Said]) -> list[Told]:
        """What this site's roadside units and computers tell of the road."""
        frame, told = self._register.sites[self._routes.site_ids[site]].frame, list[Told]()
        for one in said:
            heard = [_rsi(one, rsi) for rsi in one.told("rsi", site)]
            told += of_rsi(heard, frame, self.counts) if heard else []
            if EVENT.name in one.others:
                rows, brought = _of_site(one.others[EVENT.name], site, one)
                told += of_events(rows, one.route["device_key"][brought], frame, self.counts)
        return told

    def _without_foreign(self, reports: Reports) -> Reports:
        """Drop what one vehicle's unit says under the id that the register gives to another's."""
        if not len(self._owners):
            return reports
        owner = self._owners.find(reports.key)
        is_foreign = (reports.own_key > 0) & (owner > 0) & (owner != reports.own_key)
        self.counts["foreign_id"] += int(np.count_nonzero(is_foreign))
        return reports.take(~is_foreign) if is_foreign.any() else reports


def _rsi(one: Said, rsi: Message) -> Heard:
    message = int(one.source[rsi.frame])
    heard_us = min(one.reference_us[rsi.frame], one.arrival_us[message])
    return Heard(rsi.value, int(one.route["device_key"][message]), int(heard_us))


def _further(stream: Stream, site: int, said: Sequence[Said]) -> list[Batch]:
    """Rows of a further stream that came from this site's devices, with whose they are."""
    found = [(_of_site(one.others[stream.name], site, one), one) for one in said if stream.name in one.others]
    return [rows.with_columns(device_key=one.route["device_key"][brought]) for (rows, brought), one in found if len(rows)]


def _of_site(batch: Batch, site: int, said: Said) -> tuple[Batch, Ints]:
    """The rows that came from this site's devices, and for each the message that brought it."""
    message = said.source[batch["frame"]]
    is_here = said.route["site"][message] == site
    return (batch, message) if is_here.all() else (batch.take(is_here), message[is_here])
