"""Cooperative intersection passing (CIP, T/CSAE 157): who crosses a node without signals when, by conflict zones held in time.

First come, first served; an emergency vehicle on duty goes before who can still stop. docs/applications/coop-intersection.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from chelu.applications.reactions import Switch
from chelu.coop.driving import IntersectionRelease, IntersectionRequest
from chelu.coop.parts import Message
from services.inference.coop.application import Application, own_session
from services.inference.coop.bookings import Bookings, placed
from services.inference.coop.live import Party
from services.inference.coop.session import Session, State
from services.inference.coop.streets import Streets, Way
from services.inference.coop.turn import DeclinedError, Turn
from services.inference.coop.zones import Stretch, Zones
from services.inference.parameters import parameter
from services.inference.register import Device

Spans = dict[int, tuple[int, int]]
MOST_SLOTS = 32  # the message's


@dataclass(frozen=True, slots=True)
class IntersectionParameters(Switch):
    """docs/applications/coop-intersection.md carries this as a table."""

    margin_s: float = parameter(
        1.0, "s", "kept free before and after each in a zone: two of them are the gap of two vehicles", high=10
    )
    drift_s: float = parameter(0.8, "s", "off its plan, a holder is revoked; below margin_s, or two could meet", high=10)
    horizon_s: float = parameter(30.0, "s", "how far ahead zones are held; beyond, one waits", low=5, high=300)
    slowest_mps: float = parameter(3.0, "m/s", "at which one crosses at least: who starts from the line", low=1, high=10)
    fastest_mps: float = parameter(10.0, "m/s", "at which one crosses at most", low=1, high=30)
    reach_m: float = parameter(300.0, "m", "from which on one may ask: range of T/CSAE 157's applications", low=20, high=2000)
    brake_mps2: float = parameter(
        2.0, "m/s²", "comfortable: who needs more to stop before the line is not asked to", low=0.5, high=8
    )
    lost_s: float = parameter(1.5, "s", "not seen for so long, a holder is revoked", low=0.5, high=10)
    queue: float = parameter(50, "1", "who wait at one node at most", low=1, high=500)
    grace_s: float = parameter(5.0, "s", "after its time a session without a word ends", high=60)


@dataclass(slots=True)
class Plan:
    """A session's way and, when granted, its time at the stop line. seen_us: when the picture had its vehicle last.

    tried: the book's count of changes when it was planned last.
    """

    way: Way
    stretches: list[Stretch]
    wanted_us: int
    speed_mps: float
    is_first: bool
    line_us: int = 0
    is_inside: bool = False
    seen_us: int = 0
    lengths_m: float = 4.6
    tried: int = -1


@dataclass(slots=True)
class Node:
    """What is known of one node."""

    zones: Zones
    book: Bookings = field(default_factory=Bookings)


class Intersection(Application):
    """Owned by one thread."""

    name: ClassVar[str] = "intersection"
    answer: ClassVar[str] = "intersection.reservation"
    opens: ClassVar[frozenset[str]] = frozenset({"intersection.request"})
    hears: ClassVar[frozenset[str]] = frozenset({"intersection.release"})
    parameters: ClassVar[type[Any]] = IntersectionParameters

    def __init__(self, parameters: IntersectionParameters) -> None:
        super().__init__(parameters)
        self.nodes: dict[int, Node] = {}

    def lasting_s(self, request: Message) -> float:
        """Until it should long be through."""
        assert isinstance(request, IntersectionRequest)  # noqa: S101 - the desk sends what `opens` names
        return float(request.arrival_in_s + self.p.horizon_s + self.p.grace_s)

    def opened(self, session: Session, turn: Turn) -> None:
        """Find a time for it, or let it wait."""
        request = session.request
        assert isinstance(request, IntersectionRequest)  # noqa: S101
        party = turn.motor(session.device, request.motion)
        way, line_m = self._way(request, party, turn.streets)
        node = self.nodes.setdefault(way.node, Node(Zones(turn.streets.ways(way.node))))
        waiting = [one for one in self._at(way.node, turn) if one is not session and one.state is State.DELAYED]
        if len(waiting) >= self.p.queue:
            raise DeclinedError(f"{len(waiting)} vehicles wait at intersection {request.intersection.id}, {self.p.queue:.0f} may")
        speed = self._crossing_speed(party, way)
        soonest_s = max(line_m / max(way.speed_mps, party.speed_mps, 1.0), request.earliest_in_s or 0.0)
        wanted = turn.after(max(request.arrival_in_s, soonest_s))
        is_first = party.is_responding and "emergency" in session.device.rights
        plan = Plan(way, node.zones.of(way), wanted, speed, is_first, seen_us=turn.now_us, lengths_m=request.size.length_m)
        session.memo = plan
        self._decide(session, plan, node, party, line_m, turn)

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """It has crossed, or will not."""
        assert isinstance(message, IntersectionRelease)  # noqa: S101
        session = own_session(self.name, sender, message.answers, turn)
        turn.heard(session, sender, message)
        plan: Plan = session.memo
        if message.outcome == "crossed" and session.state is not State.GRANTED:
            raise DeclinedError(f"answers = {message.answers} was not granted: it is {session.state}")
        if message.outcome == "crossed" and self._is_in(plan, turn.live.of_device(sender.key)):
            raise DeclinedError(f"the vehicle of {sender.device_id} is still in the crossing")
        done = message.outcome == "crossed"
        turn.end(session, State.DONE if done else State.CANCELLED, "it says so")

    def step(self, session: Session, turn: Turn) -> None:
        """Who holds must keep to its plan; who waits is planned anew, the first first."""
        plan: Plan | None = session.memo
        if plan is None:
            return
        node = self.nodes[plan.way.node]
        if session.state is State.GRANTED:
            self._watch(session, plan, node, turn)
        elif all(one.memo.tried == node.book.changes for one in self._before(session, turn)):
            self._plan_waiting(session, plan, node, turn)

    def ended(self, session: Session, turn: Turn) -> None:
        """What it held is free, unless its vehicle may still be in the crossing: then until its time is over."""
        plan: Plan | None = session.memo
        if plan is None:
            return
        node = self.nodes[plan.way.node]
        if not (plan.is_inside and session.state in {State.REVOKED, State.EXPIRED, State.CANCELLED}):
            node.book.drop(session.session_id)
        node.book.forget(turn.now_us, {one.session_id for one in self._at(plan.way.node, turn)})

    # -- planning ------------------------------------------------------------------------------------------------------------

    def _way(self, request: IntersectionRequest, party: Party, streets: Streets) -> tuple[Way, float]:
        """The way it means, and its metres to the stop line."""
        node, approach, leaving = streets.node(request.intersection), streets.lane(request.approach), streets.lane(request.exit)
        way = streets.way(approach, leaving)
        if way is None or way.node != node:
            raise DeclinedError("no way leads from approach to exit over this intersection")
        if way.signal >= 0:
            raise DeclinedError(f"intersection {request.intersection.id} has signals: they say who goes")
        lanes = {lane for mine in streets.link_lanes(approach) for lane in streets.upstream(mine, self.p.reach_m)}
        ways = streets.upstream(approach, self.p.reach_m)
        line = ways[party.lane] - party.offset_m if party.lane in ways else None
        if line is None and party.lane in lanes:  # on a lane beside: it still has to change
            beside = [streets.upstream(mine, self.p.reach_m) for mine in streets.link_lanes(approach)]
            line = min(one[party.lane] - party.offset_m for one in beside if party.lane in one)
        if line is None or not 0 <= line <= self.p.reach_m:
            raise DeclinedError(f"the vehicle is not within {self.p.reach_m:.0f} m before the approach it names")
        return way, line

    def _crossing_speed(self, party: Party, way: Way) -> float:
        return float(min(max(party.speed_mps, self.p.slowest_mps), self.p.fastest_mps, way.speed_mps))

    def _spans(self, plan: Plan) -> Spans:
        """When each zone is taken, from when the front is at the line: until the rear is out, with the margin on both sides."""
        return {
            one.zone: (
                round((one.begin_m / plan.speed_mps - self.p.margin_s) * 1e6),
                round(((one.end_m + plan.lengths_m) / plan.speed_mps + self.p.margin_s) * 1e6),
            )
            for one in plan.stretches
        }

    def _decide(self, session: Session, plan: Plan, node: Node, party: Party, line_m: float, turn: Turn) -> bool:
        """Grant it the earliest time that is free, or let it wait; whether it was granted."""
        spans = self._spans(plan)
        displaced = self._displaceable(session, plan, turn) if plan.is_first else {}
        soonest = max(plan.wanted_us, turn.after(line_m / max(plan.way.speed_mps, party.speed_mps, 1.0)))
        start, why = self._behind(session, plan, soonest, line_m, turn)
        last = turn.after(self.p.horizon_s)
        found = None if start is None else node.book.earliest(spans, session.session_id, start, last, passing_over=displaced)
        if found is None:
            if session.state is State.ASKED:
                self._wait(session, plan, why or f"all is held for the next {self.p.horizon_s:.0f} s", turn)
            return False
        holds = placed(spans, session.session_id, found)
        for other in {hold.session_id for hold in node.book.against(holds)}:
            node.book.drop(other)
            self._wait(displaced[other], displaced[other].memo, "an emergency vehicle goes first", turn)
        node.book.take(session.session_id, holds)
        plan.line_us = found
        self._grant(session, plan, holds, line_m, turn)
        return True

    def _behind(self, session: Session, plan: Plan, soonest_us: int, line_m: float, turn: Turn) -> tuple[int | None, str]:
        """The soonest time behind those who are before it on its lane; None while one of them has none, with why."""
        mine = {one.device.key: one for one in self._at(plan.way.node, turn)}
        lane = plan.way.from_lane
        for party, way_m in turn.live.coming({lane: float(turn.streets.length_m[lane])}):
            if party.own_key == session.device.key or not 0 <= way_m < line_m - 1.0:
                continue
            other = mine.get(party.own_key)
            if other is not None and other.state is State.GRANTED:  # the zone of the stop line keeps them apart
                soonest_us = max(soonest_us, other.memo.line_us)
            elif party.speed_mps < 1.0:
                return None, "a vehicle stands before it on its lane"
            else:
                soonest_us = max(soonest_us, turn.after(way_m / party.speed_mps + self.p.margin_s))
        return soonest_us, ""

    def _displaceable(self, session: Session, plan: Plan, turn: Turn) -> dict[str, Session]:
        """Who holds and can still stop comfortably before its line."""
        found = {}
        for other in self._at(plan.way.node, turn):
            if other is session or other.state is not State.GRANTED or other.memo.is_first or other.memo.is_inside:
                continue
            if other.memo.way.from_lane == plan.way.from_lane:
                continue  # it would only stand in the way
            party = turn.live.of_device(other.device.key)
            line = None if party is None else turn.streets.line_m(other.memo.way, party.lane, party.offset_m)
            if party is not None and line is not None and party.speed_mps**2 / (2 * self.p.brake_mps2) + party.speed_mps < line:
                found[other.session_id] = other
        return found

    def _before(self, session: Session, turn: Turn) -> list[Session]:
        """Who waits at the same node and is to be planned first."""
        rank = not session.memo.is_first, session.opened_us
        waiting = [one for one in self._at(session.memo.way.node, turn) if one.state is State.DELAYED]
        return [one for one in waiting if (not one.memo.is_first, one.opened_us) < rank]

    def _plan_waiting(self, session: Session, plan: Plan, node: Node, turn: Turn) -> None:
        """Plan one that waits anew; one at a time, because a long queue would keep warnings waiting."""
        plan.tried = node.book.changes
        party = turn.live.of_device(session.device.key)
        if party is None:
            if turn.now_us - plan.seen_us > self.p.lost_s * 1e6:
                turn.end(session, State.EXPIRED, "its vehicle is not seen any more")
            return
        plan.seen_us = turn.now_us
        line_m = self._line(plan, party, turn)
        if line_m is None or line_m < -1.0:
            turn.end(session, State.EXPIRED, "its vehicle has left the approach without a reservation")
            return
        plan.speed_mps = self._crossing_speed(party, plan.way)
        self._decide(session, plan, node, party, max(line_m, 0.0), turn)

    # -- watching ------------------------------------------------------------------------------------------------------------

    def _watch(self, session: Session, plan: Plan, node: Node, turn: Turn) -> None:
        party = turn.live.of_device(session.device.key)
        if party is None:
            if turn.now_us - plan.seen_us > self.p.lost_s * 1e6:
                turn.end(session, State.REVOKED, "its vehicle is not seen any more")
            return
        plan.seen_us = turn.now_us
        line_m = self._line(plan, party, turn)
        if line_m is None:
            self._off_the_way(session, plan, party, turn)
        elif line_m > 0:
            self._before_the_line(session, plan, party, line_m, turn)
        else:
            self._inside(session, plan, node, line_m, turn)

    def _off_the_way(self, session: Session, plan: Plan, party: Party, turn: Turn) -> None:
        if plan.is_inside and (party.lane == plan.way.to_lane or turn.now_us > plan.line_us):
            turn.end(session, State.DONE, "it has crossed")
        elif turn.now_us > plan.line_us + round(self.p.drift_s * 1e6):
            turn.end(session, State.REVOKED, "it is not where it planned to be")

    def _before_the_line(self, session: Session, plan: Plan, party: Party, line_m: float, turn: Turn) -> None:
        """Late when even at the limit it would come too late."""
        soonest_us = turn.after(line_m / max(plan.way.speed_mps, party.speed_mps, self.p.slowest_mps))
        late_s = (soonest_us - plan.line_us) / 1e6
        if late_s > self.p.drift_s:
            turn.end(session, State.REVOKED, f"it is {late_s:.1f} s behind its plan: stop at the line and ask again")

    def _inside(self, session: Session, plan: Plan, node: Node, line_m: float, turn: Turn) -> None:
        """Early is as bad as late; and who is slower than planned keeps what it is in, and others wait."""
        if not plan.is_inside:
            plan.is_inside = True
            early_s = (plan.line_us - turn.now_us) / 1e6 - (-line_m) / plan.speed_mps
            if early_s > self.p.drift_s:
                self._keep(session, plan, node, turn.now_us, turn)
                turn.end(session, State.REVOKED, f"it crossed the line {early_s:.1f} s before its time")
                return
        expected_m = (turn.now_us - plan.line_us) / 1e6 * plan.speed_mps
        if expected_m + line_m > self.p.drift_s * plan.speed_mps:
            self._keep(session, plan, node, turn.now_us - round(-line_m / plan.speed_mps * 1e6), turn)

    def _keep(self, session: Session, plan: Plan, node: Node, line_us: int, turn: Turn) -> None:
        """Hold all that still lies ahead as if it had crossed the line then: whoever's time that was has to wait."""
        holds = placed(self._spans(plan), session.session_id, line_us)
        open_ = {one.session_id: one for one in turn.table.open_of(self.name)}
        for other in {hold.session_id for hold in node.book.against(holds)}:
            if other in open_ and not open_[other].memo.is_inside:
                node.book.drop(other)
                self._wait(open_[other], open_[other].memo, "the crossing is still occupied", turn)
        if not node.book.against(holds):
            node.book.take(session.session_id, holds)
            plan.line_us = line_us

    # -- telling -------------------------------------------------------------------------------------------------------------

    def _grant(self, session: Session, plan: Plan, holds: list[Any], line_m: float, turn: Turn) -> None:
        slots = [_slot(hold.zone, hold.from_us, hold.until_us) for hold in sorted(holds, key=lambda hold: hold.from_us)]
        if len(slots) > MOST_SLOTS:
            slots = [_slot(0, min(hold.from_us for hold in holds), max(hold.until_us for hold in holds))]
        left_s = max((plan.line_us - turn.now_us) / 1e6, 0.1)
        advised = min(line_m / left_s, plan.way.speed_mps)
        turn.answer(
            session,
            State.GRANTED,
            self.answer,
            slots=slots,
            speed_mps=round(max(advised, 0.0), 2),
            stop_at=self._stop_at(plan, turn),
        )

    def _wait(self, session: Session, plan: Plan, why: str, turn: Turn) -> None:
        turn.answer(
            session,
            State.DELAYED,
            self.answer,
            reason=why,
            wait_s=round(self.p.margin_s * 2, 1),
            stop_at=self._stop_at(plan, turn),
        )

    def _stop_at(self, plan: Plan, turn: Turn) -> dict[str, float]:
        east, north, up = plan.way.points[0].tolist()
        return turn.place(east, north, up)

    # -- helpers -------------------------------------------------------------------------------------------------------------

    def _at(self, node: int, turn: Turn) -> list[Session]:
        """Open sessions at a node, the oldest first."""
        return [one for one in turn.table.open_of(self.name) if one.memo is not None and one.memo.way.node == node]

    def _line(self, plan: Plan, party: Party, turn: Turn) -> float | None:
        """Metres to the line by the lane it is on, also of lanes beside and before; negative inside, None elsewhere."""
        exact = turn.streets.line_m(plan.way, party.lane, party.offset_m)
        if exact is not None:
            return exact
        for lane in turn.streets.link_lanes(plan.way.from_lane):
            ways = turn.streets.upstream(lane, self.p.reach_m)
            if party.lane in ways:
                return ways[party.lane] - party.offset_m
        return None

    def _is_in(self, plan: Plan, party: Party | None) -> bool:
        return party is not None and party.lane in plan.way.inner


def _slot(zone: int, from_us: int, until_us: int) -> dict[str, Any]:
    return {"zone": zone, "from_us": from_us, "duration_s": round((until_us - from_us) / 1e6, 3)}
