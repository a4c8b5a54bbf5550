"""Priority vehicle passing (CHPVP, T/CSAE 157): green for who has the right to it, as far as each signal's own agent allows.

docs/applications/coop-priority.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from chelu.applications.reactions import Switch
from chelu.coop.parts import Message
from chelu.coop.road import PriorityCancel, PriorityRequest, SignalRequest
from chelu.signal_control import PRIORITY, may_have_priority
from chelu.topics import Kind
from services.inference.coop.application import Application, own_session
from services.inference.coop.live import Party
from services.inference.coop.session import Session, State
from services.inference.coop.streets import UnknownPlaceError, Way
from services.inference.coop.turn import DeclinedError, Turn
from services.inference.parameters import parameter
from services.inference.register import EMERGENCY_ROLES, Device


@dataclass(frozen=True, slots=True)
class PriorityParameters(Switch):
    """docs/applications/coop-priority.md carries this as a table."""

    answer_s: float = parameter(
        2.0, "s", "how long a signal's answer is waited for: a message each way, three times over", low=0.2, high=30
    )
    signal_reach_m: float = parameter(
        60.0, "m", "a signal without a number is that of the node nearest to it, if so near", low=5, high=300
    )
    longest_s: float = parameter(300.0, "s", "of one request", low=10, high=3600)
    slack_s: float = parameter(3.0, "s", "green is asked for so long before and after: the error of a predicted arrival", high=30)
    again_s: float = parameter(2.0, "s", "an arrival that has moved so far is told to the signal anew", low=0.5, high=60)
    reach_m: float = parameter(1000.0, "m", "how far before a signal one may ask for it: 60 s at 60 km/h", low=50, high=5000)
    most_at_signal: float = parameter(
        1.0, "1", "requests in force at one signal; the more urgent takes its place", low=1, high=10
    )


@dataclass(slots=True)
class Wish:
    """One signal for one request. number: of the document it was last asked with, 0 for none; green_us: from when to when."""

    request: SignalRequest
    signal: Device
    way: Way
    number: int = 0
    asked_us: int = 0
    arrival_us: int = 0
    green_us: tuple[int, int] | None = None
    trouble: str = ""
    is_over: bool = False
    was_before: bool = False


@dataclass(slots=True)
class Plan:
    """All signals of one request, in the order they were asked for."""

    wishes: list[Wish] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    seen_us: int = 0


class Priority(Application):
    """Owned by one thread."""

    name: ClassVar[str] = "priority"
    answer: ClassVar[str] = "priority.answer"
    opens: ClassVar[frozenset[str]] = frozenset({"priority.request"})
    hears: ClassVar[frozenset[str]] = frozenset({"priority.cancel"})
    parameters: ClassVar[type[Any]] = PriorityParameters

    def lasting_s(self, request: Message) -> float:
        """As long as it asks for."""
        return min(super().lasting_s(request), float(self.p.longest_s))

    def opened(self, session: Session, turn: Turn) -> None:
        """Check the right, find the signals, ask them."""
        request = session.request
        assert isinstance(request, PriorityRequest)  # noqa: S101 - the desk sends what `opens` names
        if request.role not in session.device.rights:
            has = ", ".join(sorted(session.device.rights - {"emergency"})) or "none"
            raise DeclinedError(
                f"role = {request.role!r} is no right of {session.device.device_id}'s vehicle in the register: it has {has}"
            )
        party = turn.motor(session.device, request.motion)
        if not request.signals:
            raise DeclinedError("signals is empty, and lanes are not kept clear by this site: nothing is asked for")
        plan = session.memo = Plan(seen_us=turn.now_us)
        for one in request.signals:
            try:
                plan.wishes.append(self._wish(one, request.role, turn))
            except (DeclinedError, UnknownPlaceError) as error:
                plan.troubles.append(str(error))
        if not plan.wishes:
            raise DeclinedError("; ".join(plan.troubles))
        self._make_room(session, plan, request.urgency, turn)
        for wish in plan.wishes:
            self._ask(session, wish, self._arrival_us(wish, party, turn), turn)

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """No longer needed."""
        assert isinstance(message, PriorityCancel)  # noqa: S101
        session = own_session(self.name, sender, message.answers, turn)
        turn.heard(session, sender, message)
        turn.end(session, State.CANCELLED, "it says so")

    def acknowledged(self, device: Device, document: Mapping[str, Any], turn: Turn) -> None:
        """What a signal says to a wish: from when to when it will be green, or why not."""
        number = document.get("seqNum")
        for session in turn.table.open_of(self.name):
            for wish in session.memo.wishes if session.memo else ():
                if wish.number == number and wish.signal.key == device.key and not wish.is_over:
                    turn.note("heard", device, int(number or 0), session, document=document)
                    self._answered(wish, document)
                    self._decide(session, turn)
                    return

    def step(self, session: Session, turn: Turn) -> None:
        """Signals that do not answer; arrivals that move; signals that are behind it."""
        plan: Plan = session.memo
        party = turn.live.of_device(session.device.key)
        self._note_silent(session, plan, turn)
        if session.state is not State.GRANTED:
            return
        if party is None:
            if turn.now_us - plan.seen_us > self.p.answer_s * 1e6:
                turn.end(session, State.REVOKED, "its vehicle is not seen any more")
            return
        plan.seen_us = turn.now_us
        for wish in plan.wishes:
            if wish.green_us and not wish.is_over:
                self._follow(session, wish, party, turn)
        if all(wish.is_over or wish.trouble for wish in plan.wishes) and any(wish.is_over for wish in plan.wishes):
            turn.end(session, State.DONE, "it has passed its signals")

    def ended(self, session: Session, turn: Turn) -> None:
        """Every signal that was asked goes back to its own plan."""
        plan: Plan | None = session.memo
        for wish in plan.wishes if plan else ():
            self._let_go(session, wish, turn)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _wish(self, request: SignalRequest, role: str, turn: Turn) -> Wish:
        streets = turn.streets
        node, approach = streets.node(request.intersection), streets.lane(request.approach)
        leaving = None if request.exit is None else streets.lane(request.exit)
        ways = [
            way for way in streets.ways_from(approach) if way.node == node and way.group >= 0 and leaving in {None, way.to_lane}
        ]
        if not ways:
            raise DeclinedError(f"no signal of intersection {request.intersection.id} lets that approach go")
        signal = self._signal_at(node, request, turn)
        if signal is None:
            raise DeclinedError(f"no signal is registered at intersection {request.intersection.id}")
        if not may_have_priority(signal.labels.get(PRIORITY, ""), is_emergency=role in EMERGENCY_ROLES):
            raise DeclinedError(f"at {signal.device_id} there is no priority for role = {role!r}: the label {PRIORITY} says so")
        return Wish(request, signal, ways[0])

    def _signal_at(self, node: int, request: SignalRequest, turn: Turn) -> Device | None:
        """The signal that is labelled with the intersection's number, else the one that stands nearest to the node."""
        signals = [one for one in turn.register.devices.values() if one.kind is Kind.SIGNAL]
        named = [one for one in signals if one.intersection == request.intersection.id]
        if named:
            return named[0]
        east, north = turn.streets.network.nodes.position[node, :2].tolist()
        near = []
        for one in signals:
            if one.place is not None and one.intersection is None:
                x, y = turn.frame.to_local(*one.place)[0, :2].tolist()
                near.append((math.hypot(x - east, y - north), one))
        best = min(near, key=lambda pair: pair[0], default=None)
        return best[1] if best and best[0] <= self.p.signal_reach_m else None

    def _make_room(self, session: Session, plan: Plan, urgency: int, turn: Turn) -> None:
        """A signal serves so many at a time: a more urgent one takes a less urgent one's place."""
        for wish in list(plan.wishes):
            rivals = [one for one in turn.table.open_of(self.name) if one is not session and _has(one, wish.signal)]
            if len(rivals) < self.p.most_at_signal:
                continue
            least = min(rivals, key=lambda one: one.request.urgency)  # type: ignore[attr-defined]
            if least.request.urgency >= urgency:  # type: ignore[attr-defined]
                plan.wishes.remove(wish)
                plan.troubles.append(f"{wish.signal.device_id} is green for another vehicle that is as urgent")
            else:
                turn.end(least, _lost(least), "a more urgent vehicle takes its place")
        if not plan.wishes:
            raise DeclinedError("; ".join(plan.troubles))

    def _arrival_us(self, wish: Wish, party: Party, turn: Turn) -> int:
        """By the picture where the vehicle is on its way to the line; else as it says itself."""
        ways = turn.streets.upstream(wish.way.from_lane, self.p.reach_m)
        if party.lane not in ways or party.speed_mps < 1.0:
            said = wish.arrival_us or turn.after(wish.request.arrival_in_s)
            return max(said, turn.now_us)
        wish.was_before = True
        return turn.after(max(0.0, ways[party.lane] - party.offset_m) / party.speed_mps)

    def _ask(self, session: Session, wish: Wish, arrival_us: int, turn: Turn) -> None:
        slack_us = round(self.p.slack_s * 1e6)
        until_us = min(arrival_us + round(wish.request.stay_s * 1e6) + slack_us, session.until_us)
        wish.arrival_us, wish.asked_us = arrival_us, turn.now_us
        wish.number = turn.signal(
            wish.signal,
            {
                "priority": "green",
                "session": session.session_id,
                "phase": wish.way.group + 1,
                "from_us": max(turn.now_us, arrival_us - slack_us),
                "until_us": max(until_us, turn.now_us),
            },
            session,
        )

    def _is_silent(self, wish: Wish, now_us: int) -> bool:
        return not (wish.is_over or wish.green_us or wish.trouble) and abs(now_us - wish.asked_us) > self.p.answer_s * 1e6

    def _note_silent(self, session: Session, plan: Plan, turn: Turn) -> None:
        silent = [one for one in plan.wishes if self._is_silent(one, turn.now_us)]
        for wish in silent:
            wish.trouble = f"{wish.signal.device_id} has not answered within {self.p.answer_s:g} s"
        if silent:
            self._decide(session, turn)

    def _answered(self, wish: Wish, document: Mapping[str, Any]) -> None:
        begin, end = document.get("from_us"), document.get("until_us")
        if document.get("errorCode") == 0 and isinstance(begin, int) and isinstance(end, int) and begin <= end:
            wish.green_us, wish.trouble = (begin, end), ""
        else:
            wish.green_us = None
            wish.trouble = f"{wish.signal.device_id}: {str(document.get('errorDesc', 'it said no'))[:80]}"

    def _decide(self, session: Session, turn: Turn) -> None:
        """Answer when every signal has; again when what they say has changed."""
        plan: Plan = session.memo
        if any(not wish.green_us and not wish.trouble for wish in plan.wishes):
            return
        greens = [_green(wish) for wish in plan.wishes if wish.green_us and not wish.is_over]
        why = "; ".join([*plan.troubles, *(wish.trouble for wish in plan.wishes if wish.trouble)])
        if greens:
            turn.answer(session, State.GRANTED, self.answer, greens=greens, reason=why)
        elif session.state is State.ASKED:
            turn.answer(session, State.REFUSED, self.answer, reason=why)
        elif any(wish.trouble for wish in plan.wishes):
            turn.end(session, State.REVOKED, why)

    def _follow(self, session: Session, wish: Wish, party: Party, turn: Turn) -> None:
        """Out of the crossing: done with this signal; else the signal is told when it comes at another time."""
        ways = turn.streets.upstream(wish.way.from_lane, self.p.reach_m)
        is_before, is_inside = party.lane in ways, party.lane in wish.way.inner
        if is_inside or (is_before and ways[party.lane] - party.offset_m >= 0):
            wish.was_before = True
            arrival = self._arrival_us(wish, party, turn)
            if not is_inside and abs(arrival - wish.arrival_us) > self.p.again_s * 1e6:
                wish.green_us = None
                self._ask(session, wish, arrival, turn)
        elif wish.was_before:
            self._let_go(session, wish, turn)

    def _let_go(self, session: Session, wish: Wish, turn: Turn) -> None:
        if wish.number and not wish.is_over:
            wish.is_over = True
            turn.signal(wish.signal, {"priority": "over", "session": session.session_id}, session)


def _has(session: Session, signal: Device) -> bool:
    return session.memo is not None and any(wish.signal.key == signal.key and not wish.is_over for wish in session.memo.wishes)


def _lost(session: Session) -> State:
    return State.REVOKED if session.state is State.GRANTED else State.EXPIRED


def _green(wish: Wish) -> dict[str, Any]:
    begin, end = wish.green_us or (0, 0)
    return {
        "intersection": wish.request.intersection.model_dump(),
        "phase": wish.way.group + 1,
        "from_us": begin,
        "duration_s": round((end - begin) / 1e6, 3),
    }
