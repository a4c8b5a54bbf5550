"""Cooperative merge (CVM, T/CSAE 157): in which order and how fast vehicles of a ramp and of the main line come together.

docs/applications/coop-merge.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from chelu.applications.reactions import Switch
from chelu.coop.driving import MergeRequest
from chelu.coop.parts import Message
from services.inference.coop.application import Application
from services.inference.coop.live import Party
from services.inference.coop.session import Session, State
from services.inference.coop.streets import Streets, Way
from services.inference.coop.turn import DeclinedError, Turn
from services.inference.coop.zones import shared
from services.inference.free_flow import free_flow_mps
from services.inference.parameters import parameter

GUIDANCE = "merge.guidance"


@dataclass(frozen=True, slots=True)
class MergeParameters(Switch):
    """docs/applications/coop-merge.md carries this as a table."""

    headway_s: float = parameter(1.8, "s", "from one to the next at the merging point: dense traffic's time gap", low=0.8, high=5)
    reach_m: float = parameter(300.0, "m", "before the merging point: who is further comes later", low=50, high=1000)
    slowest_mps: float = parameter(5.0, "m/s", "advised at least; who would have to be slower waits", low=1, high=20)
    again_s: float = parameter(0.5, "s", "a time that has moved by so much is told anew", low=0.1, high=5)
    longest_s: float = parameter(120.0, "s", "of one request", low=10, high=600)


@dataclass(frozen=True, slots=True)
class Comer:
    """A vehicle on its way to the merging point. is_told: it has a unit, and may be asked to come later."""

    party: Party
    way_m: float
    eta_s: float
    is_told: bool
    branch: int


@dataclass(slots=True)
class Merge:
    """branches: lane → metres to the merging point, of ramp and main line; told_us, places: last time and order, by vehicle."""

    branches: tuple[Mapping[int, float], Mapping[int, float]]
    inner: frozenset[int]
    limit_mps: float
    told_us: dict[int, int] = field(default_factory=dict)
    places: Mapping[int, int] = field(default_factory=dict)
    was_before: bool = False


class MergeRamp(Application):
    """Owned by one thread."""

    name: ClassVar[str] = "merge"
    answer: ClassVar[str] = GUIDANCE
    opens: ClassVar[frozenset[str]] = frozenset({"merge.request"})
    parameters: ClassVar[type[Any]] = MergeParameters

    def lasting_s(self, request: Message) -> float:
        """Until it should long have merged."""
        assert isinstance(request, MergeRequest)  # noqa: S101 - the desk sends what `opens` names
        return float(min(request.arrival_in_s + 30.0, self.p.longest_s))

    def opened(self, session: Session, turn: Turn) -> None:
        """Find where both meet, and who comes when."""
        request = session.request
        assert isinstance(request, MergeRequest)  # noqa: S101
        party = turn.motor(session.device, request.motion)
        ramp, main = turn.streets.lane(request.ramp), turn.streets.lane(request.main_line)
        session.memo = memo = self._meeting(turn.streets, ramp, main)
        if party.lane not in memo.branches[0]:
            raise DeclinedError(
                f"the vehicle is not on the ramp it names, within {self.p.reach_m:.0f} m before the merging point"
            )
        self._guide(session, memo, turn)

    def step(self, session: Session, turn: Turn) -> None:
        """The order anew; done when it is past the merging point."""
        memo: Merge = session.memo
        party = turn.own(session.device)
        way = _way_m(party, memo.branches[0])
        if party.lane in memo.inner and way is not None and way > 0:
            memo.was_before = True
        if way is None or way <= 0:
            state = State.DONE if session.state is State.GRANTED else State.CANCELLED
            turn.end(session, state, "it is past the merging point")
            return
        self._guide(session, memo, turn)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _meeting(self, streets: Streets, ramp: int, main: int) -> Merge:
        """Where the ways of both lanes over the next node come together; DeclinedError where they do not."""
        for one in streets.ways_from(ramp):
            for other in streets.ways_from(main):
                if one.to_lane == other.to_lane and one.from_lane != other.from_lane:
                    return self._merge_of(streets, one, other)
        raise DeclinedError("ramp and main_line do not lead into one lane over the next intersection")

    def _merge_of(self, streets: Streets, one: Way, other: Way) -> Merge:
        parts = shared(one, other)
        begin = (one.length_m, other.length_m) if parts is None else (parts[0][0], parts[1][0])
        branches = tuple(self._ways_to(streets, way, at_m) for way, at_m in zip((one, other), begin, strict=True))
        limit = float(free_flow_mps(streets.network.lanes.speed_limit_mps[one.to_lane]))
        return Merge((branches[0], branches[1]), frozenset(one.inner), limit)

    def _ways_to(self, streets: Streets, way: Way, at_m: float) -> Mapping[int, float]:
        """Lanes from which one comes to a place on a way, with the metres from their beginning."""
        before = streets.upstream(way.from_lane, self.p.reach_m)
        found = {lane: length + at_m for lane, length in before.items()}
        inside = 0.0
        for lane in way.inner:
            found[lane] = at_m - inside
            inside += float(streets.length_m[lane])
        return found

    def _guide(self, session: Session, memo: Merge, turn: Turn) -> None:
        """Order all that come, and tell those whose time has changed."""
        comers = self._comers(memo, turn)
        times = order(comers, float(self.p.headway_s), first_come(comers, memo.places, float(self.p.headway_s)))
        mine = next((row for row, one in enumerate(comers) if one.party.own_key == session.device.key), None)
        if mine is None:
            raise DeclinedError("its vehicle is not on its way to the merging point any more")
        ranks = sorted(range(len(comers)), key=lambda row: times[row])
        memo.places = {comers[row].party.own_key: rank for rank, row in enumerate(ranks) if comers[row].party.own_key}
        place = ranks.index(mine)
        advised = comers[mine].way_m / max(times[mine], 0.1)
        neighbours: dict[str, Any] = {
            "ahead": comers[ranks[place - 1]].party.name(turn.register) if place else None,
            "behind": comers[ranks[place + 1]].party.name(turn.register) if place + 1 < len(ranks) else None,
        }
        if advised < self.p.slowest_mps and times[mine] > comers[mine].eta_s + 0.1:
            if session.state is not State.DELAYED:
                reason = f"no gap before {times[mine]:.1f} s: it would have to drive {advised:.1f} m/s"
                turn.answer(session, State.DELAYED, self.answer, wait_s=round(times[mine], 1), reason=reason)
            return
        self._tell_own(session, memo, turn, times[mine], advised, neighbours)
        for row, one in enumerate(comers):
            if row != mine and one.is_told and times[row] > one.eta_s + self.p.again_s:
                self._tell_other(session, memo, turn, one, times[row])

    def _tell_own(
        self, session: Session, memo: Merge, turn: Turn, time_s: float, advised: float, neighbours: Mapping[str, Any]
    ) -> None:
        if session.state is State.GRANTED and not self._has_moved(memo, session.device.key, turn.after(time_s)):
            return
        memo.told_us[session.device.key] = turn.after(time_s)
        speed = round(min(advised, memo.limit_mps), 2)
        turn.answer(session, State.GRANTED, self.answer, arrival_us=turn.after(time_s), speed_mps=speed, **neighbours)

    def _tell_other(self, session: Session, memo: Merge, turn: Turn, comer: Comer, time_s: float) -> None:
        """One of the others is to come later; `answers` is the number of the request for which it makes room."""
        key, arrival_us = comer.party.own_key, turn.after(time_s)
        device = turn.register.by_key.get(key)
        if device is None or not self._has_moved(memo, key, arrival_us):
            return
        memo.told_us[key] = arrival_us
        body = {
            "type": GUIDANCE,
            "answers": session.number,
            "decision": "granted",
            "arrival_us": arrival_us,
            "speed_mps": round(min(max(comer.way_m / max(time_s, 0.1), 0.0), memo.limit_mps), 2),
        }
        turn.tell(device, body, session)

    def _has_moved(self, memo: Merge, key: int, arrival_us: int) -> bool:
        return abs(memo.told_us.get(key, 0) - arrival_us) > round(float(self.p.again_s) * 1e6)

    def _comers(self, memo: Merge, turn: Turn) -> list[Comer]:
        found = []
        for branch, ways in enumerate(memo.branches):
            for party, way_m in turn.live.coming(ways):
                if 0 < way_m <= self.p.reach_m + 100.0:
                    is_told = turn.register.by_key.get(party.own_key) is not None
                    found.append(Comer(party, way_m, way_m / max(party.speed_mps, 1.0), is_told, branch))
        return found


def first_come(comers: Sequence[Comer], places: Mapping[int, int], headway_s: float) -> list[int]:
    """Rows of `comers`, who comes first first; two that had an order keep it until the later comes a headway sooner. Pure.

    Then it fits in before the other; until then two that come at one time would only change places with every metre of noise.
    places: by vehicle, of those ordered before.
    """
    before = [places.get(one.party.own_key) for one in comers]
    rows: list[int] = []
    for row in sorted(range(len(comers)), key=lambda row: (comers[row].eta_s, comers[row].way_m)):
        at = len(rows)
        while at and _stays_before(comers, before, row, rows[at - 1], headway_s):
            at -= 1
        rows.insert(at, row)
    return rows


def _stays_before(comers: Sequence[Comer], before: Sequence[int | None], row: int, other: int, headway_s: float) -> bool:
    mine, its = before[row], before[other]
    return mine is not None and its is not None and mine < its and comers[row].eta_s - comers[other].eta_s < headway_s


def order(comers: Sequence[Comer], headway_s: float, rows: Sequence[int]) -> list[float]:
    """When each is to be at the merging point: nobody before it can, each `headway_s` from all others. Pure.

    Those who cannot be told come when they come; the others, in the order of `rows`, go round them. On one branch nobody
    overtakes.
    """
    times = [0.0] * len(comers)
    taken = [one.eta_s for one in comers if not one.is_told]
    last: dict[int, float] = {}
    for row in rows:
        one = comers[row]
        if not one.is_told:
            times[row] = one.eta_s
            last[one.branch] = max(last.get(one.branch, 0.0), one.eta_s)
            continue
        soonest = max(one.eta_s, last.get(one.branch, -headway_s) + headway_s)
        times[row] = _free(soonest, taken, headway_s)
        taken.append(times[row])
        last[one.branch] = times[row]
    return times


def _free(soonest_s: float, taken: Sequence[float], headway_s: float) -> float:
    """The soonest time that is a headway away from all that are taken."""
    time_s = soonest_s
    for other in sorted(taken):
        if abs(other - time_s) < headway_s - 1e-9:
            time_s = other + headway_s
    return time_s


def _way_m(party: Party, ways: Mapping[int, float]) -> float | None:
    return ways[party.lane] - party.offset_m if party.lane in ways else None
