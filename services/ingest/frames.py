"""Payloads of UPER frames → columns: envelopes opened, every frame's kind held against its topic, decoded. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch, DropReason, Frames, Rejects
from chelu.units import US_PER_S
from services.ingest.prepared import Refusal
from services.ingest.routes import Route

# The first four bits of a MessageFrame: extension 0 and the choice's index (YD/T 3709-2020).
KINDS = ("bsm", "map", "rsm", "spat", "rsi")
AUTO = "auto"  # chelu.codec.envelope.Envelope: detected
EARLIEST_US = 946_684_800 * US_PER_S  # 2000-01-01: recordings are older than today, not older than the standards
FUTURE_US = 86_400 * US_PER_S  # a hearing time further ahead than a day is not a clock that is off, it is not a clock


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


class Codec(Protocol):
    """Called by the loop's thread; never raises for bytes of any kind."""

    def split(
        self,
        payloads: Sequence[bytes],
        envelopes: Sequence[str],
        is_bsm: Sequence[bool],
        arrival_us: npt.NDArray[np.int64],
    ) -> tuple[Frames, Rejects]: ...

    def decode(self, frames: Frames) -> Decoded: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """frames: those to decode, whose `source` is the message in the batch; found: (n,) frames per message of the batch."""

    frames: Frames
    refusals: Sequence[Refusal]
    found: npt.NDArray[np.int64]


def open_frames(
    codec: Codec,
    messages: npt.NDArray[np.intp],
    payloads: Sequence[bytes],
    routes: Sequence[Route],
    arrival_us: npt.NDArray[np.int64],
    total: int,
) -> Opened:
    """Frames of the payloads of `messages` (indices into a batch of `total`); routes and arrival_us stand beside them.

    Frames of a route that refuses are found and refused one by one, so that what a stranger sends is counted in rows too.
    """
    envelopes = [route.device.envelope if route.device else AUTO for route in routes]
    is_bsm = [route.stream == "bsm" for route in routes]
    frames, rejects = codec.split(payloads, envelopes, is_bsm, arrival_us)
    refusals = [_whole(messages, payloads, routes, *reject) for reject in _each(rejects)]
    why = _why_not(frames, routes, arrival_us)
    bad = np.flatnonzero([reason is not None for reason in why])
    for index in bad.tolist():
        reason = why[index]
        if reason is not None:
            refusals.append(Refusal(int(messages[frames.source[index]]), *reason, frames.frame(index)))
    found = np.bincount(messages[frames.source], minlength=total) if len(frames) else np.zeros(total, np.int64)
    np.add.at(found, messages[rejects.index], 1)
    keep = np.ones(len(frames), np.bool_)
    keep[bad] = False
    kept = frames if keep.all() else frames.take(keep)
    return Opened(replace(kept, source=messages[kept.source].astype(np.int32)), refusals, found.astype(np.int64))


def _each(rejects: Rejects) -> list[tuple[int, DropReason, str]]:
    return list(zip(rejects.index.tolist(), rejects.reason, rejects.detail, strict=True))


def _whole(
    messages: npt.NDArray[np.intp],
    payloads: Sequence[bytes],
    routes: Sequence[Route],
    index: int,
    reason: DropReason,
    detail: str,
) -> Refusal:
    route = routes[index]
    if route.refusal is not None:
        reason, detail = route.refusal, route.detail
    return Refusal(int(messages[index]), reason, detail, payloads[index])


def _why_not(frames: Frames, routes: Sequence[Route], arrival_us: npt.NDArray[np.int64]) -> list[tuple[DropReason, str] | None]:
    """By frame, why it is not even given to the decoder; None for almost all."""
    why: list[tuple[DropReason, str] | None] = [None] * len(frames)
    for index in np.flatnonzero(_is_suspect(frames, routes, arrival_us)).tolist():
        why[index] = _reason(frames, index, routes[frames.source[index]])
    return why


def _is_suspect(frames: Frames, routes: Sequence[Route], arrival_us: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    if not len(frames):
        return np.zeros(0, np.bool_)
    expected = np.array([KINDS.index(route.stream) for route in routes], np.int8)[frames.source]
    refused = np.array([route.refusal is not None for route in routes], np.bool_)[frames.source]
    first = frames.data[np.minimum(frames.start, max(0, len(frames.data) - 1))] >> 4 if len(frames.data) else expected
    other = (frames.stop > frames.start) & (first != expected) & (first < len(KINDS))
    return np.asarray(refused | other | is_absurd(frames.reference_us, arrival_us[frames.source]))


def is_absurd(time_us: npt.NDArray[np.int64], arrival_us: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
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
