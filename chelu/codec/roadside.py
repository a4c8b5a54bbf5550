"""What roadsides that speak JSON have in common: how one device's messages are read, and what a reader makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from chelu.codec.cv2x import Message
from chelu.messages import Batch, Frames, Rejects
from chelu.topics import OPENV2X_PROFILE, Kind

MOST_PARTICIPANTS = 1024  # of one message: beyond, it is refused whole


@dataclass(frozen=True, slots=True)
class Reading:
    """How a device's messages are read where they are not what their standard says; a setting of the device, off by default.

    is_heading_mirrored: headings run anticlockwise; speed_factor: what speeds are multiplied with, since they were sent scaled;
    is_gcj02: places are GCJ-02; phase_rule: how signal phases are numbered (`chelu.codec.tits0180_phases`).
    """

    is_heading_mirrored: bool = False
    speed_factor: float = 1.0
    is_gcj02: bool = False
    phase_rule: Literal["annex_b", "entry"] = "annex_b"


AS_WRITTEN = Reading()


def reading_of(document: Mapping[str, Any] | None) -> Reading:
    """What the register keeps as ``reading``; what this version does not know is passed over."""
    known = {one.name for one in fields(Reading)}
    return Reading(**{name: value for name, value in document.items() if name in known}) if document else AS_WRITTEN


def has_message_count(kind: str, profile: str | None) -> bool:
    """Whether the messages of such a device are counted: T/ITS 0180.1 has no count, OpenV2X mostly none."""
    return kind != Kind.RSCU and not (kind == Kind.RSU and profile == OPENV2X_PROFILE)


def esn_of(kind: str, profile: str | None, serial: str | None) -> str:
    """Under which ESN a device of the register speaks where topics have no ids (`chelu.topics.Topic.is_by_serial`); "": none."""
    return serial or "" if kind == Kind.RSU and profile == OPENV2X_PROFILE else ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What a message says beyond a row's columns; subject: the number of the participant or intersection in table `stream`."""

    frame: int
    stream: str
    subject: int
    time_us: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that wants an answer once it is stored; frame: its index."""

    frame: int
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """participant: columns of `chelu.messages.PARTICIPANT` and `frame`, in which it ascends.

    rejects: whole messages, and single participants: a frame may be named as often as it has bad ones; others: rows of further
    streams by name, with `frame`, and with `details` where the table has them; asked: whom to answer.
    """

    participant: Batch
    messages: tuple[Message, ...]
    rejects: Rejects
    others: Mapping[str, Batch] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    asked: tuple[Asked, ...] = ()


# From payloads, a frame each, and how to read each of them (n,). Never raises for what they hold.
Reader = Callable[[Frames, Sequence[Reading]], Decoded]
