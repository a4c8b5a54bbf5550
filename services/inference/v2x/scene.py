"""What an application sees: the tracks of this moment, and every other road user as it lies to whoever may be warned.

Worked out once for all applications. An application is a function of a scene and its own parameters, nothing else: it keeps no
state, so that switching one off, or giving it other parameters, changes no other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Protocol, Self

import numpy as np

from chelu.applications.common import EventParameters
from chelu.motion.footprints import forward, rightward
from services.inference.approach import Approach, FirstLine
from services.inference.events.holding import Holding, holding_of
from services.inference.events.nearing import NOTHING, Nearing
from services.inference.futures import STEP_S
from services.inference.pairs import Pairs, Tracks
from services.inference.reports import Floats, Ints
from services.inference.types import Mask
from services.inference.v2x.coming import NOBODY_COMES, Coming
from services.inference.v2x.hosts import Hosts


@dataclass(frozen=True, slots=True)
class Views:
    """q ordered pairs: a host, which is a vehicle and can be told, and another; both index the scene's tracks.

    turn_deg: how far the other points to the right of the host, −180 … 180. ahead_m, aside_m (right positive): where its centre
    lies on the circle through both, so that a bend counts as a straight road; an oncoming one is taken by its axis. gap_m: bumper
    to bumper along that circle, negative when they are side by side. overlap_m: how much of both widths cover one another,
    negative when they pass at a distance; nears_mps: how fast that distance shrinks, in a bend as on a straight road. first_s,
    probability, likeliest_s: `chelu.motion.sweep.Meeting`, over all ways that both may take; host_way, other_way:
    rows of the tracks on the ways on which they meet (on the likeliest, where they do not); taken: how likely it is that both
    take such ways. pair: row of the scene's pairs.
    """

    pair: Ints
    host: Ints
    other: Ints
    turn_deg: Floats
    ahead_m: Floats
    aside_m: Floats
    gap_m: Floats
    overlap_m: Floats
    nears_mps: Floats
    first_s: Floats
    probability: Floats
    likeliest_s: Floats
    taken: Floats
    host_way: Ints
    other_way: Ints

    def __len__(self) -> int:
        return len(self.host)

    def where(self, mask: Mask) -> Self:
        """These only."""
        return self.take(np.flatnonzero(mask))  # mostly few of many: a mask would be read once for each column

    def take(self, rows: Ints) -> Self:
        """These, in this order."""
        if not len(rows) and not len(self.host):
            return self
        return type(self)(*[column.take(rows) for column in _columns(self)])

    def contact_s(self) -> Floats:
        """When they touch, else when they are likeliest to."""
        return np.where(np.isfinite(self.first_s), self.first_s, self.likeliest_s)


_columns = attrgetter(*(one.name for one in fields(Views)))


class RoadKnowledge(Protocol):
    """What applications ask the roads, by slots (q,), from the stage's thread. Where they cannot tell, the pair is kept."""

    def leads_to(self, slot: Ints, other: Ints) -> Mask:
        """Whether the lane of `slot` leads to the other's without changing lanes."""

    def may_cross(self, slot: Ints, other: Ints) -> Mask:
        """Whether the ways of both can meet over the next junction."""

    def are_beside(self, slot: Ints, other: Ints) -> Mask:
        """Whether both are known to be on one road in one direction, where lanes run side by side."""

    def share_lane(self, slot: Ints, other: Ints) -> Mask:
        """Whether both are known to be on one lane."""

    def slants_deg(self, slot: Ints) -> Floats:
        """How far it points to the right of its lane, NaN where no road tells."""

    def asides_m(self, slot: Ints) -> Floats:
        """How far it is to the right of its lane's middle, NaN where no road tells."""

    def sent_asides_m(self, slot: Ints) -> Floats:
        """The same of the place that it sent, which may be off."""

    def lingers_m(self, slot: Ints) -> Floats:
        """How far (q, 2) from its newest place who walks or cycles was seen on average while it stood: 0 for who moves."""

    def off_pavements_m(self, slot: Ints, xy: Floats) -> Floats:
        """How far places (q, 2) that it is at or will be are from the next pavement: 0 upon it, inf where none is near."""

    def bends_deg(self, slot: Ints) -> Floats:
        """How far its lane still turns to the right from here to its end, NaN where no road tells."""

    def is_in_junction(self, slot: Ints) -> Mask:
        """Whether it is in a junction."""

    def is_single_lane(self, slot: Ints) -> Mask:
        """Whether there is but one lane in its direction, so that who overtakes must use the oncoming one."""

    def limit_mps(self, slot: Ints) -> Floats:
        """The road's own speed limit, NaN where it is not known."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events and signs of the roadside, and for each host (a row of the scene's hosts) those it is in or drives into."""

    holding: Holding
    near: Nearing


NO_EVENTS = Events(holding_of((), until_us=np.empty(0, np.int64), lane_count=0, p=EventParameters()), NOTHING)


@dataclass(frozen=True, slots=True)
class Scene:
    """One evaluation. hosts: who can be warned, for applications about things; views: about others.

    signals: what stop lines lie ahead of whom, and what they show; first_lines: those next to the hosts, row by row. coming:
    emergency vehicles that come up to hosts.
    """

    pairs: Pairs
    views: Views
    roads: RoadKnowledge
    hosts: Hosts
    signals: Approach
    first_lines: FirstLine
    events: Events = NO_EVENTS
    coming: Coming = NOBODY_COMES

    @property
    def tracks(self) -> Tracks:
        """The tracks that pairs and views index."""
        return self.pairs.tracks


def scene_of(
    pairs: Pairs,
    roads: RoadKnowledge,
    hosts: Hosts,
    signals: Approach,
    events: Events = NO_EVENTS,
    coming: Coming = NOBODY_COMES,
) -> Scene:
    """Both ways round of every pair, as far as the host can be warned."""
    tracks = pairs.tracks
    row = np.arange(len(pairs))
    host, other, pair = (np.concatenate(both) for both in ((pairs.a, pairs.b), (pairs.b, pairs.a), (row, row)))
    is_warnable = tracks.can_be_told[host] & tracks.is_vehicle[host]
    views = _views(pairs, host[is_warnable], other[is_warnable], pair[is_warnable])
    return Scene(pairs, views, roads, hosts, signals, signals.first(hosts.slots), events, coming)


def _views(pairs: Pairs, host: Ints, other: Ints, pair: Ints) -> Views:
    tracks = pairs.tracks
    turn = wrapped_deg(tracks.heading_deg[other, 0] - tracks.heading_deg[host, 0])
    bend = turn - 180.0 * np.rint(turn / 180.0)
    chord = tracks.heading_deg[host, 0] + bend / 2.0
    offset = tracks.xy[other, 0] - tracks.xy[host, 0]
    ahead, aside = (np.einsum("qk,qk->q", offset, axis(chord)) for axis in (forward, rightward))
    length, width = ((tracks.size_m[host, extent] + tracks.size_m[other, extent]) / 2.0 for extent in (0, 1))
    meeting = pairs.mixed.meeting
    is_a = host == pairs.a[pair]
    way_a, way_b = pairs.mixed.way_a[pair], pairs.mixed.way_b[pair]
    return Views(
        pair=pair,
        host=host,
        other=other,
        turn_deg=turn,
        ahead_m=ahead,
        aside_m=aside,
        gap_m=np.abs(ahead) - length,
        overlap_m=width - np.abs(aside),
        nears_mps=-np.sign(aside) * _aside_rate(tracks, host, other, bend, ahead),
        first_s=meeting.first_s[pair],
        probability=meeting.probability[pair],
        likeliest_s=meeting.likeliest_s[pair],
        taken=pairs.mixed.taken[pair],
        host_way=np.where(is_a, way_a, way_b),
        other_way=np.where(is_a, way_b, way_a),
    )


def _aside_rate(tracks: Tracks, host: Ints, other: Ints, bend_deg: Floats, ahead_m: Floats) -> Floats:
    """Change of `Views.aside_m`: both speeds across the chord, less what the chord itself turns; 0 for two on one circle."""
    half = np.sin(np.radians(bend_deg) / 2.0)
    yaw = wrapped_deg(tracks.heading_deg[:, 1] - tracks.heading_deg[:, 0]) / STEP_S
    turning = np.radians(yaw[host] + yaw[other]) / 2.0
    return np.asarray((tracks.speed_mps[host] + tracks.speed_mps[other]) * half - ahead_m * turning)


def wrapped_deg(turn_deg: Floats) -> Floats:
    """−180 … 180: from 359° to 1° it is 2° to the right."""
    return np.asarray(turn_deg - 360.0 * np.rint(turn_deg / 360.0))


def turned_deg(tracks: Tracks, side: Ints, until_s: Floats) -> Floats:
    """How far each of `side` will have turned to the right by `until_s` from now."""
    return wrapped_deg(tracks.heading_deg[side, _step_at(tracks, until_s)] - tracks.heading_deg[side, 0])


def angle_at_deg(tracks: Tracks, host: Ints, other: Ints, at_s: Floats) -> Floats:
    """Angle 0 … 180 between both headings `at_s` from now."""
    step = _step_at(tracks, at_s)
    return np.abs(wrapped_deg(tracks.heading_deg[other, step] - tracks.heading_deg[host, step]))


def places_at(tracks: Tracks, side: Ints, at_s: Floats) -> Floats:
    """Where (q, 2) each of `side` will be `at_s` from now."""
    return np.asarray(tracks.xy[side, _step_at(tracks, at_s)])


def headings_at(tracks: Tracks, side: Ints, at_s: Floats) -> Floats:
    """Where (q,) each of `side` will point `at_s` from now."""
    return np.asarray(tracks.heading_deg[side, _step_at(tracks, at_s)])


def _step_at(tracks: Tracks, at_s: Floats) -> Ints:
    """The futures' sample before an instant; their first where there is none."""
    step = np.where(np.isfinite(at_s), at_s, 0.0) / STEP_S
    return np.asarray(np.minimum(np.maximum(step, 0.0), tracks.heading_deg.shape[1] - 1).astype(np.int64))
