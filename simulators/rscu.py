"""A roadside computer of T/ITS 0180.1 that perceives all of a scene: what it says, and how it answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chelu import topics
from chelu.codec.documents import parse_object
from chelu.codec.roadside import AS_WRITTEN, Reading
from chelu.codec.roadside_readers import TOLD
from chelu.codec.tits0180_answers import BAD_PARAMETER, OK, answer, basic_status
from chelu.codec.tits0180_phases import columns
from chelu.codec.tits0180_status import fault_of
from chelu.codec.tits0180_write import encoded, write_lamps, write_participants
from chelu.codec.wire_id import wire_number
from chelu.errors import MalformedError
from chelu.geo import LocalFrame
from chelu.messages import frames_of
from chelu.ragged import Ints
from chelu.topics import Topic
from simulators.outgoing import frame_of
from simulators.rows import participants, phases
from simulators.scene import Scene, Slice

PARTICIPANTS, LAMPS = (topics.row(f"rscu/{{id}}/{stream}/up") for stream in ("participant", "lamp"))
STATUS = topics.row("{kind}/{id}/basic-status/up")
PER_DOCUMENT = 512
CITY, REGION = "500000", "500108"  # GB/T 2260


@dataclass(frozen=True, slots=True)
class Document:
    """What is to be said at an instant of the scene, with how many participants or lamps."""

    time_ms: int
    topic: Topic
    payload: bytes
    rows: int


class Computer:
    """One RSCU: its serial number, and how it writes what its standard leaves open."""

    def __init__(self, serial: str, scene: Scene, *, reading: Reading = AS_WRITTEN, has_ack: bool = False) -> None:
        self.serial, self._scene, self._reading, self.has_ack = serial, scene, reading, has_ack
        place = scene.origin
        self._place = LocalFrame(place.latitude_deg, place.longitude_deg, place.elevation_m)

    def documents(self, piece: Slice, event_us: Ints, signal_us: Ints) -> list[Document]:
        """A stretch in the order of time; event_us: (samples,) and signal_us: (signals,) are the event times its rows get."""
        found = [*self._participants(piece, event_us), *self._lamps(piece, signal_us)]
        return sorted(found, key=lambda document: document.time_ms)

    def status(self, time_us: int) -> bytes:
        """Who it is, said at the start."""
        place = self._scene.origin
        return encoded(basic_status(self.serial, time_us, place.longitude_deg, place.latitude_deg, place.elevation_m))

    def _participants(self, piece: Slice, event_us: Ints) -> Iterator[Document]:
        samples = piece.samples
        if not len(samples):
            return
        frame = frame_of(samples["time_ms"], PER_DOCUMENT)
        number = np.full(len(samples), wire_number(self.serial), np.uint64)
        rows = participants(self._scene.actors, self._place, samples, event_us, rsu_id=number, frame=frame)
        first, count = np.unique(frame, return_index=True, return_counts=True)[1:]
        payloads = write_participants(rows, serial=self.serial, reading=self._reading, has_ack=self.has_ack)
        for place, size, payload in zip(first.tolist(), count.tolist(), payloads, strict=True):
            yield Document(int(samples["time_ms"][place]), PARTICIPANTS, payload, size)

    def _lamps(self, piece: Slice, signal_us: Ints) -> Iterator[Document]:
        """Phases whose numbers the rule has no place for are left out."""
        is_known = columns(self._reading.phase_rule).is_known[piece.signals["phase_id"]]
        signals = piece.signals.take(is_known)
        if not len(signals):
            return
        frame = frame_of(signals["time_ms"], PER_DOCUMENT, signals["intersection_id"].astype(np.int64))
        rows = phases(signals, signal_us[is_known], frame=frame)
        first, count = np.unique(frame, return_index=True, return_counts=True)[1:]
        payloads = write_lamps(rows, serial=self.serial, city=CITY, region=REGION)
        for place, size, payload in zip(first.tolist(), count.tolist(), payloads, strict=True):
            yield Document(int(signals["time_ms"][place]), LAMPS, payload, size)


def answered(stream: str, payload: bytes, now_us: int) -> bytes:
    """A computer's answer to events, traffic or settings that a platform sends it: it reads them as it would have them read."""
    try:
        document = parse_object(payload)
    except MalformedError as error:
        return encoded(answer({}, BAD_PARAMETER, error.detail))
    if stream in TOLD:
        refused = TOLD[stream](frames_of([payload], now_us), [AS_WRITTEN]).rejects
        fault = refused.detail[0] if len(refused) else ""
    else:
        fault = fault_of(stream, document)
    return encoded(answer(document, BAD_PARAMETER if fault else OK, fault))
