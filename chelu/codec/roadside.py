"""What roadsides that speak JSON have in common: how one device's messages are read, and what a reader makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from chelu.codec.cv2x import Message
from chelu.messages import Batch, Frames, Rejects
from chelu.topics import OPENV2X_PROFILE, Kind

MOST_PARTICIPANTS = 1024  # of one message: beyond, it is refused whole


@dataclass(frozen=True, slots=True)
class Reading:
    """How a device's messages are read where they are not what their standard says; a setting of the device, off by default.

    is_heading_mirrored: headings run anticlockwise; speed_factor: what speeds are multiplied with, since they were sent scaled.
    """

    is_heading_mirrored: bool = False
    speed_factor: float = 1.0


AS_WRITTEN = Reading()


def reading_of(document: Mapping[str, Any] | None) -> Reading:
    """What the register keeps as ``reading``; what this version does not know is passed over."""
    known = {field.name for field in fields(Reading)}
    return Reading(**{name: value for name, value in document.items() if name in known}) if document else AS_WRITTEN


def esn_of(kind: str, profile: str | None, serial: str | None) -> str:
    """Under which ESN a device of the register speaks where topics have no ids (`chelu.topics.Topic.is_by_serial`); "": none."""
    return serial or "" if kind == Kind.RSU and profile == OPENV2X_PROFILE else ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """participant: columns of `chelu.messages.PARTICIPANT` and `frame`, in which it ascends.

    rejects: whole messages, and single participants: a frame may be named as often as it has bad ones.
    """

    participant: Batch
    messages: tuple[Message, ...]
    rejects: Rejects


# From payloads, a frame each, and how to read each of them (n,). Never raises for what they hold.
Reader = Callable[[Frames, Sequence[Reading]], Decoded]
