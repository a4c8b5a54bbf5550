"""Sensor data sharing (SDS, T/CSAE 157): who asks for an area is told who is in it, as long and as often as may be.

docs/applications/coop-sensor_sharing.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chelu.applications.reactions import Switch
from chelu.coop.driving import SharedObjects, SharingRequest
from chelu.coop.parts import Message
from chelu.topics import Kind
from services.inference.coop.application import Application
from services.inference.coop.live import Party
from services.inference.coop.session import Session, State
from services.inference.coop.turn import DeclinedError, Turn
from services.inference.parameters import parameter
from services.inference.register import Device
from services.inference.reports import Participant

MOST_OBJECTS = 256  # the message's
_KINDS: Mapping[int, str] = {
    Participant.MOTOR: "motor",
    Participant.NON_MOTOR: "non-motor",
    Participant.PEDESTRIAN: "pedestrian",
    Participant.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class SharingParameters(Switch):
    """docs/applications/coop-sensor_sharing.md carries this as a table."""

    period_s: float = parameter(0.1, "s", "from one message to the next: 10 Hz, T/CSAE 157's working target", low=0.05, high=10)
    most_radius_m: float = parameter(300.0, "m", "of the area: the range of V2X", low=10, high=2000)
    most_away_m: float = parameter(
        500.0, "m", "from the vehicle that asks to the area's centre: what it may come to", low=10, high=5000
    )
    longest_s: float = parameter(300.0, "s", "of one request", low=1, high=3600)
    hears_m: float = parameter(0.0, "m", "who speaks and is nearer than this to who asks is left out: 0 tells of all", high=1000)
    most_a_second: float = parameter(
        5000, "1/s", "objects of all requests together: fifty a message, ten vehicles, 10 Hz", low=100, high=100_000
    )


@dataclass(slots=True)
class Sharing:
    """One request. told: objects so far; ids: what each slot and generation is called in this session."""

    due_us: int
    told: int = 0
    messages: int = 0


class SensorSharing(Application):
    """Owned by one thread."""

    name: ClassVar[str] = "sensor_sharing"
    answer: ClassVar[str] = "sensor_sharing.answer"
    opens: ClassVar[frozenset[str]] = frozenset({"sensor_sharing.request"})
    hears: ClassVar[frozenset[str]] = frozenset({"sensor_sharing.objects"})
    parameters: ClassVar[type[Any]] = SharingParameters
    is_single: ClassVar[bool] = False

    def __init__(self, parameters: SharingParameters) -> None:
        super().__init__(parameters)
        self._left, self._left_us = float(parameters.most_a_second), 0

    def lasting_s(self, request: Message) -> float:
        """As long as it asks for."""
        assert isinstance(request, SharingRequest)  # noqa: S101 - the desk sends what `opens` names
        return min(request.duration_s, float(self.p.longest_s))

    def opened(self, session: Session, turn: Turn) -> None:
        """Check the area, and begin."""
        request = session.request
        assert isinstance(request, SharingRequest)  # noqa: S101
        if not 0 < request.area.radius_m <= self.p.most_radius_m:
            raise DeclinedError(f"area.radius_m = {request.area.radius_m:g} is not allowed: up to {self.p.most_radius_m:g}")
        if request.duration_s <= 0:
            raise DeclinedError("duration_s = 0: nothing is asked for")
        away_m = self._away_m(session.device, request, turn)
        if away_m > self.p.most_away_m:
            raise DeclinedError(
                f"area.centre is {away_m:.0f} m from {session.device.device_id}, {self.p.most_away_m:.0f} m are allowed"
            )
        session.memo = Sharing(turn.now_us)
        turn.answer(session, State.GRANTED, self.answer, period_s=self.p.period_s, until_us=session.until_us)

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """What a device perceives itself: stored as it is; the picture takes perception from RSM and participants only."""
        assert isinstance(message, SharedObjects)  # noqa: S101
        turn.heard(None, sender, message)

    def step(self, session: Session, turn: Turn) -> None:
        """Tell what is in the area now, when it is time."""
        memo: Sharing | None = session.memo
        if memo is None or memo.due_us > turn.now_us or not self._may_tell(turn.now_us):
            return
        objects = self._objects(session, turn)
        self._left -= len(objects) + 1
        memo.due_us = turn.after(self.p.period_s)
        memo.told, memo.messages = memo.told + len(objects), memo.messages + 1
        body = {"type": "sensor_sharing.objects", "objects": objects}
        turn.tell(session.device, body, session, is_noted=memo.messages == 1)  # all of them would be more than the picture

    def ended(self, session: Session, turn: Turn) -> None:
        """How much it was, for the record."""
        memo: Sharing | None = session.memo
        if memo is not None:
            document = {"messages": memo.messages, "objects": memo.told}
            turn.note("told", session.device, session.number, session, document=document)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _may_tell(self, now_us: int) -> bool:
        most = float(self.p.most_a_second)
        self._left = min(most, self._left + max(0, now_us - self._left_us) / 1e6 * most)
        self._left_us = now_us
        return self._left > 0

    def _away_m(self, device: Device, request: SharingRequest, turn: Turn) -> float:
        """From where the asking vehicle, or the roadside unit, is."""
        east, north, _ = turn.local(request.area.centre)
        if device.kind is Kind.OBU:
            party = turn.own(device)
            return math.hypot(party.east_m - east, party.north_m - north)
        if device.place is None:
            return 0.0
        x, y, _ = turn.frame.to_local(*device.place)[0].tolist()
        return math.hypot(x - east, y - north)

    def _objects(self, session: Session, turn: Turn) -> list[dict[str, Any]]:
        """Who is in the area, the nearest to its centre first, itself left out."""
        request = session.request
        assert isinstance(request, SharingRequest)  # noqa: S101
        east, north, _ = turn.local(request.area.centre)
        own = turn.live.of_device(session.device.key)
        found = [one for one in turn.live.within(east, north, request.area.radius_m) if one.own_key != session.device.key]
        return [_perceived(one, turn) for one in found if not self._hears(own, one)][:MOST_OBJECTS]

    def _hears(self, own: Party | None, other: Party) -> bool:
        """Whether who asks hears it anyway."""
        if own is None or not other.own_key:
            return False
        return bool(math.hypot(own.east_m - other.east_m, own.north_m - other.north_m) < self.p.hears_m)


def _perceived(party: Party, turn: Turn) -> dict[str, Any]:
    motion: dict[str, Any] = {
        "place": turn.place(party.east_m, party.north_m, party.up_m),
        "speed_mps": round(party.speed_mps, 2),
        "heading_deg": round(party.heading_deg, 1) % 360,
    }
    return {
        "id": (party.slot * 31 + party.generation) % 65_536,
        "kind": _KINDS.get(party.kind, "unknown"),
        "motion": motion,
        "size": {"length_m": max(0.1, round(party.length_m, 2)), "width_m": max(0.1, round(party.width_m, 2))},
        "source": "v2x" if party.own_key else "fused",
        "age_s": round(max(0.0, (turn.now_us - party.time_us) / 1e6), 3),
    }
