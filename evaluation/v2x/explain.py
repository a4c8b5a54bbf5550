"""Why a warning was raised in recorded traffic: both tracks, what was foreseen of them, what they then did, and the thresholds.

For a person who wants to look at each needless warning: one JSON document a line, and a cause by which they can be sorted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from chelu.motion.footprints import forward, rightward
from evaluation.models.motion.tracks import Recording
from evaluation.v2x.actors import Floats
from evaluation.v2x.hindsight import Hindsight, Raised, Verdict
from services.inference.futures import ALIGNED_STEPS, STEP_S
from services.inference.life import Notice, Party
from services.inference.pairs import DeckGate, find
from services.inference.site import Site
from services.inference.v2x.hosts import hosts_of
from services.inference.v2x.scene import Scene, Views, scene_of

_AHEAD_S: Floats = np.arange(ALIGNED_STEPS, dtype=np.float64) * STEP_S
_SHOWN = slice(None, None, 2)  # every 0.4 s
_AS_FORESEEN_M = 1.5  # so far off, a future is what came


class Explanations:
    """Explanations of the warnings of one recording, in their order."""

    def __init__(self, recording: Recording, hindsight: Hindsight, *, is_exact: bool = True) -> None:
        self._recording, self._hindsight, self._is_exact = recording, hindsight, is_exact
        self._documents: list[dict[str, Any]] = []

    def note(self, site: Site, notice: Notice, other: Party, warning: Raised) -> None:
        """Write down what the site saw when it raised this about another; call it before the site's next step."""
        scene, view = _view_of(site, notice, other)
        contact_s = _contact_s(view, notice)
        parties = {
            "host": self._party(site, scene, notice.host.slot, warning.host, warning.at_s, contact_s),
            "other": self._party(site, scene, other.slot, warning.other, warning.at_s, contact_s),
        }
        self._documents.append({
            "recording": self._recording.name,
            "is_exact": self._is_exact,
            "application": notice.application,
            "at_s": warning.at_s,
            "level": notice.level,
            "cause": _cause(parties),
            "contact_s": _number(contact_s),
            "ttc_s": _number(notice.ttc_s),
            "required_mps2": _number(notice.required_mps2),
            "distance_m": _number(notice.distance_m),
            "view": view,
            **parties,
            "thresholds": asdict(site.parameters.applications[notice.application]),
        })  # fmt: skip

    def append_to(self, file: Path, verdicts: Sequence[Verdict]) -> None:
        """Add them to the file, one a line, each with what hindsight says of it."""
        with file.open("a", encoding="utf-8") as out:
            for document, verdict in zip(self._documents, verdicts, strict=True):
                out.write(json.dumps({"verdict": str(verdict), **document}) + "\n")

    def _party(self, site: Site, scene: Scene, slot: int, actor: int, at_s: float, contact_s: float) -> dict[str, Any]:
        picture, lane = site.picture, int(site.placement.lane[slot])
        row = int(np.flatnonzero(scene.tracks.slots == slot)[0])
        future, heading = scene.tracks.xy[row], scene.tracks.heading_deg[row]
        really = self._hindsight.places(actor, at_s + _AHEAD_S)
        along_m, across_m = _missed(future, heading, really, contact_s)
        return {
            "road_user": actor,
            "place_m": [_number(value) for value in picture.xyz[slot].tolist()],
            "heading_deg": _number(float(picture.floats["heading_deg"][slot])),
            "speed_mps": _number(float(scene.tracks.speed_mps[row])),
            "acceleration_mps2": _number(float(scene.tracks.acceleration_mps2[row])),
            "yaw_rate_dps": _number(float(picture.floats["yaw_rate_dps"][slot])),
            "size_m": self._recording.size_m[actor].tolist(),
            "lane": self._recording.roads.lane_id(lane) if self._recording.roads is not None else None,
            "lane_offset_m": _number(float(site.placement.offset_m[slot])),
            "is_modelled": bool(site.futures.is_modelled[slot]),
            "future_m": _rounded(future[_SHOWN]),
            "really_m": _rounded(really[_SHOWN]),
            "missed_along_m": along_m,
            "missed_across_m": across_m,
        }


def _view_of(site: Site, notice: Notice, other: Party) -> tuple[Scene, dict[str, Any]]:
    """The scene of host and other alone, as the applications had it, and the host's view in it."""
    slots = np.array([notice.host.slot, other.slot], np.int64)
    pairs = find(
        site.picture, site.futures, site.placement,
        candidates=slots, changed=slots, gate=DeckGate(), now_us=notice.decided_us,
    )  # fmt: skip
    hosts = hosts_of(site.picture, site.futures, site.placement, slots[:1], notice.decided_us)
    scene = scene_of(pairs, site.placement, hosts, site.approach(notice.decided_us))
    (row,) = np.flatnonzero(scene.tracks.slots[scene.views.host] == notice.host.slot)
    return scene, {one.name: _number(float(getattr(scene.views, one.name)[row])) for one in fields(Views)[3:]}


def _contact_s(view: dict[str, Any], notice: Notice) -> float:
    foreseen = [view[name] for name in ("first_s", "likeliest_s") if view[name] is not None]
    return min(next(iter(foreseen), notice.ttc_s if math.isfinite(notice.ttc_s) else _AHEAD_S[-1]), float(_AHEAD_S[-1]))


def _missed(future: Floats, heading_deg: Floats, really: Floats, contact_s: float) -> tuple[float | None, float | None]:
    """How much further along, and to the right, it really was at the foreseen contact than its future had it."""
    step = min(round(contact_s / STEP_S), len(future) - 1)
    off = really[step] - future[step]
    along, across = (float(off @ axis) for axis in (forward(heading_deg[step]), rightward(heading_deg[step])))
    return _number(along), _number(across)


def _cause(parties: dict[str, dict[str, Any]]) -> str:
    """What was foreseen worst: of whom, and whether it went elsewhere, slower or faster."""
    misses = [
        (abs(value), f"{side} {_word(what, value)}")
        for side, party in parties.items()
        for what in ("missed_along_m", "missed_across_m")
        if (value := party[what]) is not None
    ]
    largest, words = max(misses, default=(math.nan, "left the recording"))
    return words if not largest <= _AS_FORESEEN_M else "as foreseen"


def _word(what: str, value_m: float) -> str:
    if what == "missed_across_m":
        return "went elsewhere"
    return "went slower" if value_m < 0 else "went faster"


def _rounded(xy: Floats) -> list[list[float | None]]:
    return [[_number(value, 1) for value in row] for row in xy.tolist()]


def _number(value: float, digits: int = 3) -> float | None:
    return round(value, digits) if math.isfinite(value) else None
