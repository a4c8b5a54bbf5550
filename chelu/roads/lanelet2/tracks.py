"""Lanelets as somebody uses them: in their own direction and, where they are no one-way, against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from chelu.roads.lanelet2.borders import between
from chelu.roads.lanelet2.model import Lanelet, Lanelet2, Nodes
from chelu.roads.lanelet2.users import users_of
from chelu.roads.network import VEHICLES, Floats, User


class At(NamedTuple):
    """A lanelet in its own direction, or against it."""

    lanelet: str
    is_forward: bool = True

    @property
    def name(self) -> str:
        """What the lane is called in a network."""
        return self.lanelet if self.is_forward else f"{self.lanelet}.back"


@dataclass(frozen=True, slots=True)
class Track:
    """One direction of a lanelet: who may use it, its shape (k, 3), its mean width, its borders in this direction."""

    at: At
    lanelet: Lanelet
    users: User
    shape: Floats
    width_m: float
    left: Nodes
    right: Nodes

    @property
    def begin(self) -> tuple[str, str]:
        """Left and right node where it begins."""
        return self.left[0], self.right[0]

    @property
    def end(self) -> tuple[str, str]:
        """Left and right node where it ends."""
        return self.left[-1], self.right[-1]

    @property
    def is_for_vehicles(self) -> bool:
        """Whether any kind of motor vehicle may use it."""
        return bool(self.users & VEHICLES)


def tracks_of(model: Lanelet2) -> dict[At, Track]:
    """All that somebody may use, in the file's order."""
    return {track.at: track for lanelet in model.lanelets.values() for track in _tracks(model, lanelet)}


def _tracks(model: Lanelet2, lanelet: Lanelet) -> Iterator[Track]:
    users = users_of(lanelet.tags)
    middle, width = between(model.places(lanelet.left), model.places(lanelet.right))
    if not users or not len(middle):
        return
    shape = model.places(lanelet.centre) if lanelet.centre else middle
    yield Track(At(lanelet.id), lanelet, users, shape, width, lanelet.left, lanelet.right)
    if lanelet.tags.get("one_way") in {"no", "false", "0"} and users & (VEHICLES | User.BICYCLE):
        back = At(lanelet.id, is_forward=False)
        yield Track(back, lanelet, users, shape[::-1], width, lanelet.right[::-1], lanelet.left[::-1])


def followers(tracks: Mapping[At, Track]) -> dict[At, list[At]]:
    """Which tracks each one leads into: those that begin at the two nodes at which it ends, and have a user in common."""
    beginning: dict[tuple[str, str], list[Track]] = defaultdict(list)
    for track in tracks.values():
        beginning[track.begin].append(track)
    return {
        at: [one.at for one in beginning.get(track.end, ()) if one.users & track.users and one.lanelet is not track.lanelet]
        for at, track in tracks.items()
    }


def side_by_side(tracks: Mapping[At, Track], family: Mapping[At, object]) -> list[list[At]]:
    """Tracks that share borders and run alike, from the rightmost to the left; only those of one family go together."""
    by_left: dict[tuple[Nodes, object], At] = {}
    for at, track in tracks.items():
        by_left.setdefault((track.left, family[at]), at)
    to_the_right = {at: by_left.get((track.right, family[at])) for at, track in tracks.items()}
    has_left = set(to_the_right.values())
    groups, seen = list[list[At]](), set[At]()
    for first in sorted(tracks, key=lambda at: at in has_left):  # leftmost ones first; the rest only where borders form a ring
        group = list[At]()
        one: At | None = first
        while one is not None and one not in seen:
            seen.add(one)
            group.append(one)
            one = to_the_right[one]
        if group:
            groups.append(group[::-1])
    return groups
