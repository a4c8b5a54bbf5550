"""Payloads of UPER frames → columns: envelopes opened, every frame's kind held against its topic, decoded. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from chelu.bus import Messages
from chelu.codec.envelope import split_columns
from chelu.messages import Batch, DropReason, Frames, Rejects
from chelu.units import US_PER_S
from services.ingest.prepared import Refusal
from services.ingest.routes import KINDS, Route, Routes

EARLIEST_US = 946_684_800 * US_PER_S  # 2000-01-01: recordings are older than today, not older than the standards
FUTURE_US = 86_400 * US_PER_S  # a hearing time further ahead than a day is not a clock that is off, it is not a clock
BSM = KINDS.index("bsm")

Instants = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class DecodedMessage(Protocol):
    """A MAP or an RSI."""

    @property
    def frame(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> Mapping[str, Any]: ...


class Decoded(Protocol):
    """What `chelu.codec.cv2x.decode` answers."""

    @property
    def bsm(self) -> Batch: ...
    @property
    def participant(self) -> Batch: ...
    @property
    def spat(self) -> Batch: ...
    @property
    def messages(self) -> Sequence[DecodedMessage]: ...
    @property
    def rejects(self) -> Rejects: ...


Decode = Callable[[Frames], Decoded]  # called by the loop's thread; never raises for bytes of any kind


@dataclass(frozen=True, slots=True)
class Opened:
    """frames: those to decode, whose `source` is the message in the batch; found: (n,) frames per message of the batch."""

    frames: Frames
    refusals: Sequence[Refusal]
    found: npt.NDArray[np.int64]


def open_frames(messages: Messages, chosen: npt.NDArray[np.intp], routes: Routes, route: npt.NDArray[np.int32]) -> Opened:
    """Frames of the messages `chosen`; route: (n,) the routes of all messages.

    Frames of a route that refuses are found and refused one by one, so that what a stranger sends is counted in rows too.
    """
    own, total = route[chosen], len(messages)
    start, stop, arrival_us = messages.start[chosen], messages.stop[chosen], messages.arrival_us[chosen]
    frames, rejects = split_columns(messages.data, start, stop, routes.envelope[own], routes.kind[own] == BSM, arrival_us)
    frames = replace(frames, source=chosen[frames.source].astype(np.int32))
    refusals = [
        _whole(messages, routes.rows[route[message]], message, reason, detail)
        for message, reason, detail in zip(chosen[rejects.index].tolist(), rejects.reason, rejects.detail, strict=True)
    ]
    is_suspect = _is_suspect(frames, routes, route, messages.arrival_us)
    for index in np.flatnonzero(is_suspect).tolist():
        message = int(frames.source[index])
        reason, detail = _reason(frames, index, routes.rows[route[message]])
        refusals.append(Refusal(message, reason, detail, frames.frame(index)))
    found = np.bincount(frames.source, minlength=total).astype(np.int64)
    np.add.at(found, chosen[rejects.index], 1)
    return Opened(frames.take(~is_suspect) if is_suspect.any() else frames, refusals, found)


def _whole(messages: Messages, route: Route, message: int, reason: DropReason, detail: str) -> Refusal:
    if route.refusal is not None:
        reason, detail = route.refusal, route.detail
    return Refusal(message, reason, detail, messages.payload(message))


def _is_suspect(frames: Frames, routes: Routes, route: npt.NDArray[np.int32], arrival_us: Instants) -> Mask:
    """Which frames (f,) are not even given to the decoder: almost none."""
    own = route[frames.source]
    first = frames.data[np.minimum(frames.start, max(0, len(frames.data) - 1))] >> 4 if len(frames.data) else routes.kind[own]
    is_other = (frames.stop > frames.start) & (first != routes.kind[own]) & (first < len(KINDS))
    return np.asarray(routes.is_refused[own] | is_other | is_absurd(frames.reference_us, arrival_us[frames.source]))


def is_absurd(time_us: Instants, arrival_us: Instants) -> Mask:
    """Instants (n,) that are no clock's at all, however wrong it goes."""
    return (time_us < EARLIEST_US) | (time_us > arrival_us + FUTURE_US)


def _reason(frames: Frames, index: int, route: Route) -> tuple[DropReason, str]:
    if route.refusal is not None:
        return route.refusal, route.detail
    kind = int(frames.data[frames.start[index]]) >> 4 if frames.stop[index] > frames.start[index] else len(KINDS)
    if kind < len(KINDS) and KINDS[kind] != route.stream:
        return DropReason.UNDECODABLE, f"the frame is a {KINDS[kind].upper()}, and the topic is for {route.stream.upper()}"
    instant = int(frames.reference_us[index])
    return DropReason.OUT_OF_RANGE, f"the envelope's time {instant} µs is outside 2000-01-01 … a day after its arrival"
