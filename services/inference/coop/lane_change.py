"""Cooperative lane change (CLC, T/CSAE 157): into a gap that is there, or that the vehicle behind makes when it is asked.

docs/applications/coop-lane_change.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from chelu.applications.reactions import Switch
from chelu.coop.driving import LaneChangeConsent, LaneChangeOutcome, LaneChangeRequest
from chelu.coop.parts import Message
from services.inference.coop.application import Application, own_session
from services.inference.coop.live import Party
from services.inference.coop.session import Session, State
from services.inference.coop.turn import DeclinedError, Turn
from services.inference.parameters import parameter
from services.inference.register import Device

YIELD, CONSENT, OUTCOME = "lane_change.yield", "lane_change.consent", "lane_change.outcome"


@dataclass(frozen=True, slots=True)
class LaneChangeParameters(Switch):
    """docs/applications/coop-lane_change.md carries this as a table."""

    least_gap_m: float = parameter(
        4.0, "m", "bumper to bumper at standstill: what a driver keeps in a queue, twice", low=1, high=30
    )
    headway_s: float = parameter(1.0, "s", "time gap to either side: 1 s is what UNECE R157 asks of a cut-in", low=0.3, high=5)
    brake_mps2: float = parameter(2.0, "m/s²", "that the one behind may need: comfortable", low=0.5, high=6)
    consent_s: float = parameter(
        2.0, "s", "how long the vehicle behind is waited for: a driver's reaction and two messages", low=0.5, high=20
    )
    keep: float = parameter(0.7, "1", "share of the gaps with which a grant stays: positions jitter", low=0.3, high=1)
    wait_s: float = parameter(15.0, "s", "how long a gap is waited for after the wished start", low=1, high=120)
    reach_m: float = parameter(300.0, "m", "of the lane that is looked at", low=50, high=2000)


@dataclass(slots=True)
class Gap:
    """Distances bumper to bumper on the wanted lane at the start of the change; inf where nobody is."""

    ahead: Party | None
    ahead_m: float
    behind: Party | None
    behind_m: float


@dataclass(slots=True)
class Change:
    """One request. target: lane; asked: the vehicle that is to make room, the number and the instant of its notice, its word."""

    source: int
    target: int
    start_us: int
    asked: Device | None = None
    number: int = 0
    asked_us: int = 0
    consent: bool | None = None
    is_begun: bool = False


class LaneChange(Application):
    """Owned by one thread."""

    name: ClassVar[str] = "lane_change"
    answer: ClassVar[str] = "lane_change.answer"
    opens: ClassVar[frozenset[str]] = frozenset({"lane_change.request"})
    hears: ClassVar[frozenset[str]] = frozenset({CONSENT, OUTCOME})
    parameters: ClassVar[type[Any]] = LaneChangeParameters

    def lasting_s(self, request: Message) -> float:
        """Its start, its wait and its change."""
        assert isinstance(request, LaneChangeRequest)  # noqa: S101 - the desk sends what `opens` names
        return float(request.start_in_s + request.duration_s + self.p.wait_s)

    def opened(self, session: Session, turn: Turn) -> None:
        """Look at the gap; grant, or ask the one behind."""
        request = session.request
        assert isinstance(request, LaneChangeRequest)  # noqa: S101
        party = turn.motor(session.device, request.motion)
        source, target = turn.streets.lane(request.from_lane), turn.streets.lane(request.to_lane)
        beside = turn.streets.link_lanes(source)
        if target not in beside or abs(beside.index(target) - beside.index(source)) != 1:
            raise DeclinedError("to_lane is not beside from_lane")
        if party.lane != source:
            raise DeclinedError("the vehicle is not on from_lane")
        if any(
            one is not session and one.memo and one.memo.target == target and _is_near(one, party, turn)
            for one in self._open(turn)
        ):
            raise DeclinedError("another vehicle changes to that lane here")
        session.memo = Change(source, target, turn.after(request.start_in_s))
        self._decide(session, session.memo, party, turn)

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """The one behind has answered, or the change has ended."""
        if isinstance(message, LaneChangeOutcome):
            session = own_session(self.name, sender, message.answers, turn)
            turn.heard(session, sender, message)
            if message.outcome == "done" and session.state is not State.GRANTED:
                raise DeclinedError(f"answers = {message.answers} was not granted: it is {session.state}")
            turn.end(session, State.DONE if message.outcome == "done" else State.CANCELLED, "it says so")
            return
        assert isinstance(message, LaneChangeConsent)  # noqa: S101
        for session in self._open(turn):
            memo: Change = session.memo
            if memo.asked is not None and memo.asked.key == sender.key and memo.number == message.answers:
                turn.heard(session, sender, message)
                memo.consent = message.decision == "granted"
                party = turn.live.of_device(session.device.key)
                if party is not None:
                    self._decide(session, memo, party, turn)
                return
        raise DeclinedError(f"answers = {message.answers} is no notice that {sender.device_id} was told of an open request")

    def step(self, session: Session, turn: Turn) -> None:
        """The gap, over and over, until the vehicle is on the lane."""
        memo: Change = session.memo
        party = turn.own(session.device)
        if party.lane == memo.target:
            if session.state is State.GRANTED:
                turn.end(session, State.DONE, "it is on the lane")
            else:
                turn.end(session, State.CANCELLED, "it has changed without being granted to")
        elif party.lane >= 0 and party.lane != memo.source:
            turn.end(
                session, State.REVOKED if session.state is State.GRANTED else State.EXPIRED, "it has left the road it asked for"
            )
        else:
            self._decide(session, memo, party, turn)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _open(self, turn: Turn) -> list[Session]:
        return [one for one in turn.table.open_of(self.name) if one.memo is not None]

    def _decide(self, session: Session, memo: Change, party: Party, turn: Turn) -> None:
        """Granted while the gap holds; else the one behind is asked, once; else it waits."""
        ahead_s = max(0.0, (memo.start_us - turn.now_us) / 1e6)
        gap = self._gap(memo, party, ahead_s, turn)
        why = self._shortage(gap, party, ahead_s, float(self.p.keep) if session.state is State.GRANTED else 1.0)
        if not why:
            if session.state is not State.GRANTED:
                advised = party.speed_mps if gap.ahead is None else min(party.speed_mps, gap.ahead.speed_mps + 2.0)
                turn.answer(session, State.GRANTED, self.answer, speed_mps=round(advised, 2))
            return
        if session.state is not State.GRANTED and self._asks(session, memo, gap, party, turn):
            return
        if session.state is State.GRANTED or session.state is State.ASKED:
            turn.answer(session, State.DELAYED, self.answer, wait_s=1.0, reason=why)

    def _asks(self, session: Session, memo: Change, gap: Gap, party: Party, turn: Turn) -> bool:
        """Whether the word of the one behind is still to come."""
        device = turn.register.by_key.get(gap.behind.own_key) if gap.behind else None
        if memo.asked is None and device is not None and self._is_front_free(gap, party) and gap.behind_m > 0:
            lane = turn.streets.told(memo.target)
            if lane is None:
                return False
            body = {
                "type": YIELD,
                "for_vehicle": session.device.device_id,
                "lane": lane.model_dump(),
                "gap_m": round(self._wanted_m(gap.behind.speed_mps if gap.behind else 0.0) + party.length_m, 1),
                "duration_s": round(max(0.0, (session.until_us - turn.now_us) / 1e6), 1),
            }
            memo.asked, memo.asked_us = device, turn.now_us
            memo.number = turn.tell(device, body, session)
        is_silent = turn.now_us - memo.asked_us > self.p.consent_s * 1e6
        return memo.asked is not None and memo.consent is None and not is_silent

    def _is_front_free(self, gap: Gap, party: Party) -> bool:
        return gap.ahead_m >= self._wanted_m(party.speed_mps)

    def _wanted_m(self, speed_mps: float) -> float:
        return float(self.p.least_gap_m + self.p.headway_s * speed_mps)

    def _gap(self, memo: Change, party: Party, ahead_s: float, turn: Turn) -> Gap:
        """Who will be before and behind it on the wanted lane when it begins, by lane and speed."""
        streets = turn.streets
        place_m = self._along(memo, party, turn)
        end_m = float(streets.length_m[memo.target])
        found = [(one, end_m - way) for one, way in turn.live.coming(streets.upstream(memo.target, self.p.reach_m))]
        for way in streets.ways_from(memo.target):
            for lane in (*way.inner, way.to_lane):
                begins = end_m + (0.0 if lane in way.inner else way.length_m)
                found += [(one, begins + one.offset_m) for one, _ in turn.live.coming({lane: 0.0})]
        gap = Gap(None, math.inf, None, math.inf)
        for other, at_m in found:
            if other.slot == party.slot:
                continue
            apart = at_m + other.speed_mps * ahead_s - (place_m + party.speed_mps * ahead_s)
            bumper = abs(apart) - (other.length_m + party.length_m) / 2
            if apart >= 0 and bumper < gap.ahead_m:
                gap.ahead, gap.ahead_m = other, bumper
            elif apart < 0 and bumper < gap.behind_m:
                gap.behind, gap.behind_m = other, bumper
        return gap

    def _along(self, memo: Change, party: Party, turn: Turn) -> float:
        """How far along the wanted lane it is: as far as along its own, in proportion."""
        own, wanted = (float(turn.streets.length_m[lane]) for lane in (memo.source, memo.target))
        return party.offset_m / max(own, 1e-6) * wanted

    def _shortage(self, gap: Gap, party: Party, ahead_s: float, share: float) -> str:
        """What is wrong with a gap, of which a share is enough; nothing when it will do."""
        wanted_m = share * self._wanted_m(party.speed_mps)
        if gap.ahead_m < wanted_m:
            return f"{max(gap.ahead_m, 0.0):.0f} m to the vehicle ahead in {ahead_s:.1f} s, {wanted_m:.0f} m are needed"
        if gap.behind is None:
            return ""
        wanted_m = share * self._wanted_m(gap.behind.speed_mps)
        closing = max(0.0, gap.behind.speed_mps - party.speed_mps)
        room = gap.behind_m - share * self.p.least_gap_m
        needs = closing**2 / (2 * room) if room > 0 else math.inf
        if gap.behind_m < wanted_m or needs > self.p.brake_mps2 / share:
            return f"{max(gap.behind_m, 0.0):.0f} m to the vehicle behind in {ahead_s:.1f} s, {wanted_m:.0f} m are needed"
        return ""


def _is_near(session: Session, party: Party, turn: Turn) -> bool:
    other = turn.live.of_device(session.device.key)
    return other is not None and math.hypot(other.east_m - party.east_m, other.north_m - party.north_m) < 50.0
