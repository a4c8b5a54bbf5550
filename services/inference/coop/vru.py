"""Safe passing of vulnerable road users (VRUSP, T/CSAE 157): whether somebody may cross now, and who gives way.

docs/applications/coop-vru.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from chelu.applications.reactions import Switch
from chelu.coop.parts import Message
from chelu.coop.road import VruConsent, VruRequest
from chelu.topics import Kind
from services.inference.coop.application import Application
from services.inference.coop.live import Party
from services.inference.coop.session import Session, State
from services.inference.coop.turn import DeclinedError, Turn
from services.inference.parameters import parameter
from services.inference.register import Device
from services.inference.reports import Floats, Participant

NOTICE, CONSENT = "vru.notice", "vru.consent"


@dataclass(frozen=True, slots=True)
class VruParameters(Switch):
    """docs/applications/coop-vru.md carries this as a table."""

    margin_s: float = parameter(2.0, "s", "between a vehicle and somebody on foot, before and after", low=0.5, high=10)
    look_s: float = parameter(
        15.0, "s", "vehicles that come within this time are looked at, at least the crossing's own", low=5, high=60
    )
    consent_s: float = parameter(
        2.0, "s", "how long a vehicle's word is waited for: a driver's reaction and two messages", low=0.5, high=20
    )
    brake_mps2: float = parameter(
        2.0, "m/s²", "comfortable: who needs more is not asked to give way, but waited for", low=0.5, high=6
    )
    away_m: float = parameter(3.0, "m", "how far before the crossing a vehicle that gives way stops", high=20)
    longest_way_m: float = parameter(60.0, "m", "of a crossing: eight lanes and a refuge", low=5, high=200)
    most_away_m: float = parameter(60.0, "m", "a roadside unit may ask for somebody so far from it at most", low=5, high=1000)
    slow_mps: float = parameter(5.56, "m/s", "what vehicles that are told are asked to drive: 20 km/h", low=1, high=20)


@dataclass(slots=True)
class Asked:
    """A vehicle that was told. number: of the notice; answer: None, while it has said nothing."""

    device: Device
    number: int
    at_us: int
    answer: bool | None = None


@dataclass(slots=True)
class Crossing:
    """Where somebody crosses; begin, end: local metres; asked: by device key."""

    begin: Floats
    end: Floats
    from_us: int
    lasts_s: float
    asked: dict[int, Asked] = field(default_factory=dict)


class Vru(Application):
    """Owned by one thread."""

    name: ClassVar[str] = "vru"
    answer: ClassVar[str] = "vru.answer"
    opens: ClassVar[frozenset[str]] = frozenset({"vru.request"})
    hears: ClassVar[frozenset[str]] = frozenset({CONSENT})
    parameters: ClassVar[type[Any]] = VruParameters
    is_single: ClassVar[bool] = False  # a roadside unit asks for several

    def lasting_s(self, request: Message) -> float:
        """Its wait, its way, and a minute in which the road may become free."""
        assert isinstance(request, VruRequest)  # noqa: S101 - the desk sends what `opens` names
        return min(request.start_in_s + request.duration_s + 60.0, 600.0)

    def opened(self, session: Session, turn: Turn) -> None:
        """Look who comes: nobody, or they are asked."""
        request = session.request
        assert isinstance(request, VruRequest)  # noqa: S101
        begin, end = (np.array(turn.local(place)[:2]) for place in (request.motion.place, request.towards))
        way_m = float(np.hypot(*(end - begin)))
        if not 1.0 <= way_m <= self.p.longest_way_m:
            raise DeclinedError(f"towards is {way_m:.0f} m away, 1 to {self.p.longest_way_m:.0f} m are allowed")
        if request.duration_s <= 0:
            raise DeclinedError("duration_s = 0: nobody crosses in no time")
        self._check_who(session.device, request, begin, turn)
        session.memo = Crossing(begin, end, turn.after(request.start_in_s), request.duration_s)
        self._decide(session, session.memo, turn)

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """A vehicle gives way, or cannot."""
        assert isinstance(message, VruConsent)  # noqa: S101
        for session in turn.table.open_of(self.name):
            asked = session.memo.asked.get(sender.key) if session.memo else None
            if asked is not None and asked.number == message.answers:
                turn.heard(session, sender, message)
                if asked.answer is None or message.decision != "granted":  # who has said no may not say yes after all
                    asked.answer = message.decision == "granted"
                self._decide(session, session.memo, turn)
                return
        raise DeclinedError(f"answers = {message.answers} is no notice that {sender.device_id} was told of an open request")

    def step(self, session: Session, turn: Turn) -> None:
        """Look again, as long as it lasts."""
        memo: Crossing = session.memo
        if session.state is State.GRANTED and turn.now_us > memo.from_us + round(memo.lasts_s * 1e6):
            turn.end(session, State.DONE, "its time to cross is over")
            return
        self._decide(session, memo, turn)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _check_who(self, device: Device, request: VruRequest, begin: Floats, turn: Turn) -> None:
        if device.kind is Kind.OBU:
            party = turn.moving(device, request.motion)
            if party.kind == Participant.MOTOR and party.speed_mps > 3.0:
                raise DeclinedError(f"{device.device_id} speaks for a motor vehicle that drives")
        elif device.place is not None:
            x, y = turn.frame.to_local(*device.place)[0, :2].tolist()
            away_m = math.hypot(x - begin[0], y - begin[1])
            if away_m > self.p.most_away_m:
                raise DeclinedError(
                    f"motion.place is {away_m:.0f} m from {device.device_id}, {self.p.most_away_m:.0f} m are allowed"
                )

    def _decide(self, session: Session, memo: Crossing, turn: Turn) -> None:
        if session.state is not State.GRANTED:
            memo.from_us = max(memo.from_us, turn.now_us)
        blocking = [one for one in self._coming(session, memo, turn) if not self._yields(session, memo, *one, turn)]
        waits = [
            asked for asked in memo.asked.values() if asked.answer is None and turn.now_us - asked.at_us < self.p.consent_s * 1e6
        ]
        if not blocking:
            if session.state is not State.GRANTED:
                turn.answer(session, State.GRANTED, self.answer, duration_s=memo.lasts_s)
        elif session.state is State.GRANTED or (session.state is State.ASKED and not self._is_pending(blocking, waits)):
            party, way_m = blocking[0]
            passes_s = way_m / max(party.speed_mps, 1.0) + self.p.margin_s
            reason = f"a vehicle is {max(way_m, 0.0):.0f} m away and does not give way"
            turn.answer(session, State.DELAYED, self.answer, wait_s=round(min(passes_s, 600.0), 1), reason=reason)

    def _is_pending(self, blocking: list[tuple[Party, float]], waits: list[Asked]) -> bool:
        """Whether all that is in the way are vehicles whose word is still to come."""
        keys = {asked.device.key for asked in waits}
        return all(party.own_key in keys for party, _ in blocking)

    def _coming(self, session: Session, memo: Crossing, turn: Turn) -> list[tuple[Party, float]]:
        """Vehicles that would be at the crossing while somebody is on it, with their way to it; the nearest first."""
        begin_s = max(0.0, (memo.from_us - turn.now_us) / 1e6)
        end_s = max(0.0, (memo.from_us - turn.now_us) / 1e6 + memo.lasts_s)
        if session.state is not State.GRANTED:
            end_s = begin_s + memo.lasts_s
        found = []
        for party, way_m in self._towards(memo, turn):
            if party.own_key == session.device.key:
                continue
            speed = party.speed_mps
            there_s = max(way_m, 0.0) / speed if speed > 0.5 else (0.0 if way_m <= 0 else math.inf)
            gone_s = (way_m + party.length_m) / max(speed, 0.5) if way_m > -party.length_m else -math.inf
            if there_s < end_s + self.p.margin_s and gone_s > begin_s - self.p.margin_s:
                found.append((party, way_m))
        return found

    def _towards(self, memo: Crossing, turn: Turn) -> list[tuple[Party, float]]:
        """Motor vehicles whose straight way, or whose lane, leads over the crossing; metres from their front to it."""
        middle, reach = (memo.begin + memo.end) / 2, float(np.hypot(*(memo.end - memo.begin))) / 2 + 250.0
        near = turn.live.within(float(middle[0]), float(middle[1]), reach)
        straight = ((one, _way_m(one, memo.begin, memo.end)) for one in near if one.kind == Participant.MOTOR)
        found = [(party, way - party.length_m / 2) for party, way in straight if way is not None]
        by_lane = self._by_lane(memo, turn)
        seen = {party.slot for party, _ in found}
        found += [(party, way) for party, way in by_lane if party.slot not in seen]
        return sorted(found, key=lambda pair: pair[1])

    def _by_lane(self, memo: Crossing, turn: Turn) -> list[tuple[Party, float]]:
        """Those whose road bends towards the crossing."""
        if not turn.has_streets:
            return []
        found = []
        for lane, offset_m in turn.streets.crossed(memo.begin, memo.end):
            coming = turn.live.coming(turn.streets.upstream(lane, 250.0, offset_m))
            found += [(party, way_m - party.length_m / 2) for party, way_m in coming if way_m > -party.length_m]
        return found

    def _yields(self, session: Session, memo: Crossing, party: Party, way_m: float, turn: Turn) -> bool:
        """Whether a vehicle that comes gives way; who has a unit and can still stop is asked once."""
        asked = memo.asked.get(party.own_key)
        room_m = way_m - self.p.away_m
        needs = party.speed_mps**2 / (2 * room_m) if room_m > 0 else math.inf
        if asked is not None:
            return asked.answer is True and (needs <= self.p.brake_mps2 * 1.5 or party.speed_mps < 0.5)
        device = turn.register.by_key.get(party.own_key)
        if device is not None and (needs <= self.p.brake_mps2 or party.speed_mps < 0.5):
            self._tell(session, memo, device, turn)
        return False

    def _tell(self, session: Session, memo: Crossing, device: Device, turn: Turn) -> None:
        request = session.request
        assert isinstance(request, VruRequest)  # noqa: S101
        middle, radius = (memo.begin + memo.end) / 2, float(np.hypot(*(memo.end - memo.begin))) / 2
        body = {
            "type": NOTICE,
            "area": {"centre": turn.place(float(middle[0]), float(middle[1]), math.nan), "radius_m": round(radius, 1)},
            "count": request.count,
            "from_us": memo.from_us,
            "duration_s": memo.lasts_s,
            "speed_limit_mps": self.p.slow_mps,
        }
        memo.asked[device.key] = Asked(device, turn.tell(device, body, session), turn.now_us)


def _way_m(party: Party, begin: Floats, end: Floats) -> float | None:
    """Metres from a vehicle straight on to the line from begin to end; None where it passes beside it, or is long past."""
    angle = math.radians(party.heading_deg)
    ahead = np.array([math.sin(angle), math.cos(angle)])
    right = np.array([ahead[1], -ahead[0]])
    across = [float((point - (party.east_m, party.north_m)) @ right) for point in (begin, end)]
    along = [float((point - (party.east_m, party.north_m)) @ ahead) for point in (begin, end)]
    half = party.width_m / 2 + 1.0
    if min(across) > half or max(across) < -half:
        return None
    span = across[1] - across[0]
    share = float(np.clip(-across[0] / span, 0.0, 1.0)) if abs(span) > 1e-6 else 0.5
    way = along[0] + share * (along[1] - along[0])
    return way if way > -party.length_m else None
