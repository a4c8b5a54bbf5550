"""What an application of cooperation works with in one turn: the picture now, the sessions, and what is to be said. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chelu.coop.parts import Message, Motion, Place
from chelu.geo import LocalFrame
from services.inference.coop.live import Live, Party
from services.inference.coop.session import Session, State
from services.inference.coop.streets import Streets
from services.inference.coop.table import SessionTable
from services.inference.register import Device, Register
from services.inference.reports import Participant

FOREIGN_M = 15.0  # a request whose place is further from its sender's own vehicle speaks of another one
_DECISIONS = {State.GRANTED: "granted", State.DELAYED: "delayed", State.REFUSED: "refused"}


class DeclinedError(Exception):
    """A device is told no; the text is why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Post:
    """A document for a device; stream: ``coop``, or ``priority`` for a signal."""

    device: Device
    stream: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What happened, as it is stored. session: None for what belongs to none; what: asked, heard, told, moved or declined."""

    time_us: int
    what: str
    device: Device
    number: int
    session: Session | None
    state: str
    reason: str
    document: Mapping[str, Any] | None


class Turn:
    """One turn of one site. `posts` and `notes` are what came of it."""

    def __init__(
        self,
        *,
        now_us: int,
        live: Live,
        streets: Streets | None,
        frame: LocalFrame,
        register: Register,
        table: SessionTable,
        next_number: Callable[[], int],
        ended: Callable[[Session], None],
    ) -> None:
        self.now_us, self.live, self.frame, self.register, self.table = now_us, live, frame, register, table
        self._streets, self._next_number, self._ended = streets, next_number, ended
        self.posts: list[Post] = []
        self.notes: list[Note] = []

    # -- what is -------------------------------------------------------------------------------------------------------------

    @property
    def streets(self) -> Streets:
        """The site's roads; DeclinedError where it has none."""
        if self._streets is None:
            raise DeclinedError("the site has no road network")
        return self._streets

    @property
    def has_streets(self) -> bool:
        """Whether the site has a road network."""
        return self._streets is not None

    def after(self, seconds: float) -> int:
        """That instant, µs."""
        return self.now_us + round(seconds * 1e6)

    def local(self, place: Place) -> tuple[float, float, float]:
        """East, north, up in the site's metres."""
        height = math.nan if place.elevation_m is None else place.elevation_m
        east, north, up = self.frame.to_local(place.latitude_deg, place.longitude_deg, height)[0].tolist()
        return east, north, up

    def place(self, east_m: float, north_m: float, up_m: float) -> dict[str, float]:
        """As a message has it."""
        latitude, longitude, elevation = (float(one[0]) for one in self.frame.to_geodetic([[east_m, north_m, up_m]]))
        height = {} if math.isnan(elevation) else {"elevation_m": round(elevation, 2)}
        return {"latitude_deg": round(latitude, 7), "longitude_deg": round(longitude, 7), **height}

    def own(self, device: Device) -> Party:
        """The vehicle that a device speaks for; DeclinedError when the picture does not know it."""
        party = self.live.of_device(device.key)
        if party is None:
            raise DeclinedError(
                f"the picture knows no vehicle of {device.device_id}: it has not spoken on obu/{device.device_id}/bsm/up"
            )
        return party

    def moving(self, device: Device, motion: Motion) -> Party:
        """As `own`, and the motion it names must be its own."""
        party = self.own(device)
        east, north, _ = self.local(motion.place)
        away_m, most_m = math.hypot(east - party.east_m, north - party.north_m), FOREIGN_M + party.speed_mps
        if away_m > most_m:
            raise DeclinedError(
                f"motion.place is {away_m:.0f} m from the vehicle of {device.device_id}, {most_m:.0f} m are allowed:"
                " it may ask for itself only"
            )
        return party

    def motor(self, device: Device, motion: Motion) -> Party:
        """As `moving`, of a motor vehicle."""
        party = self.moving(device, motion)
        if party.kind != Participant.MOTOR:
            raise DeclinedError(f"{device.device_id} speaks for no motor vehicle")
        return party

    # -- what is said --------------------------------------------------------------------------------------------------------

    def tell(self, device: Device, body: Mapping[str, Any], session: Session | None = None, *, is_noted: bool = True) -> int:
        """Say something; the number that it got."""
        document = {"type": body["type"], "seqNum": self._next_number(), "time_us": self.now_us, **body}
        self.posts.append(Post(device, "coop", document))
        if session is not None:
            session.told += 1
        if is_noted:
            self.note("told", device, document["seqNum"], session, document=document)
        return int(document["seqNum"])

    def signal(self, device: Device, body: Mapping[str, Any], session: Session) -> int:
        """Ask a signal; the number that it got."""
        document = {"seqNum": self._next_number(), "time_us": self.now_us, **body}
        self.posts.append(Post(device, "priority", document))
        self.note("told", device, document["seqNum"], session, document=document)
        return int(document["seqNum"])

    def answer(self, session: Session, state: State, kind: str, *, reason: str = "", **fields: Any) -> None:
        """Move a session to granted, delayed or refused, and answer it; what is None in `fields` is left out."""
        self.move(session, state, reason)
        body = {"type": kind, "answers": session.number, "decision": _DECISIONS[state]}
        if reason:
            body["reason"] = reason[:200]
        body |= {name: value for name, value in fields.items() if value is not None}
        self.tell(session.device, body, session)
        session.answer = dict(self.posts[-1].document)

    def end(self, session: Session, state: State, reason: str) -> None:
        """A session ends without an answer of its own; whoever asked is told when that is not what it said itself."""
        self.move(session, state, reason)
        if state in {State.EXPIRED, State.REVOKED, State.REFUSED}:
            body = {"type": "coop.refusal", "answers": session.number, "state": str(state), "reason": reason[:200]}
            self.tell(session.device, body, session)
            session.answer = dict(self.posts[-1].document)

    def refuse(self, device: Device, number: int | None, reason: str) -> None:
        """Say no to what began no session."""
        answers = {} if number is None else {"answers": number}
        body = {"type": "coop.refusal", **answers, "state": "refused", "reason": reason[:200]}
        self.tell(device, body, is_noted=False)
        self.note("declined", device, number or 0, None, reason=reason, document=self.posts[-1].document)

    def move(self, session: Session, state: State, reason: str) -> None:
        """Note it, and let go what has ended."""
        session.move(state, reason, self.now_us)
        self.note("moved", session.device, session.number, session, reason=reason)
        if not session.is_open:
            self.table.settle(session)
            self._ended(session)

    def heard(self, session: Session | None, device: Device, message: Message, *, what: str = "heard") -> None:
        """Note what a device said."""
        self.note(what, device, message.seqNum, session, document=message.model_dump(mode="json", exclude_none=True))

    def note(
        self,
        what: str,
        device: Device,
        number: int,
        session: Session | None,
        *,
        reason: str = "",
        document: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep something for the database."""
        state = str(session.state) if session else ""
        self.notes.append(Note(self.now_us, what, device, number, session, state, reason, document))
