"""An explanation as one JSON document: the warning and its life, what was known at the decision, why so severe, the replay."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from services.inference.explain import evidence
from services.inference.explain.compared import Difference, Verdict, verdict
from services.inference.explain.evidence import Json, Moment
from services.inference.explain.margins import margins
from services.inference.explain.rerun import Rerun
from services.inference.explain.warnings import Stored
from services.inference.explain.who import ABSENT, Case, Finding
from services.inference.life import Notice, State
from services.inference.outbox import documents
from services.inference.register import Register, SiteEntry
from services.inference.v2x.assessment import HELD, IMMINENT, NOTHING, WARNING
from services.inference.v2x.catalogue import APPLICATIONS, Application

AFTER_US = 1_000_000  # so long after the decision the replay may still raise it
NEAR_US = 2_000_000  # what was raised longer before and is over is another warning
_SHOWN_US = 1_500_000  # of findings before the decision
SEVERITIES = {NOTHING: "nothing", HELD: "kept, not raised", WARNING: "warning", IMMINENT: "imminent"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding of some turn."""

    at_us: int
    event_us: int
    level: int


@dataclass(slots=True)
class Search:
    """Looks on while a replay runs, and explains the turn in which it raises the warning."""

    stored: Stored
    register: Register
    entry: SiteEntry
    case: Case
    seen: list[Seen] = field(default_factory=list)
    raised: tuple[Notice, Json] | None = None  # as replayed, with what was known then

    def watch(self, rerun: Rerun, begin_us: int) -> None:
        """Run until the warning is raised, or a second after it was."""
        decided_us = self.stored.raised.decided_us
        for now_us, notices in rerun.run(rerun.pace.turns(begin_us, self.stored.raised, decided_us + AFTER_US)):
            finding = self._note(rerun, now_us)
            found = next((one for one in notices if one.state is State.RAISED and self._is_it(rerun, one)), None)
            if found is not None:
                self.raised = found, self.known(rerun, now_us, finding)
            elif now_us < decided_us - NEAR_US and self._is_cleared(notices):
                self.raised = None
            if self.raised is not None and now_us >= decided_us:
                return

    def known(self, rerun: Rerun, now_us: int, finding: Finding | None) -> Json:
        """Everything that counted in the newest turn."""
        at = Moment(rerun.site, self.entry.roads, self.register, now_us)
        slots = {"host": self.case.host.slot(rerun.site)}
        if self.case.other is not None:
            slots["other"] = self.case.other.slot(rerun.site)
        known: Json = {
            "at_us": now_us,
            **{side: evidence.of_road_user(at, slot) if slot != ABSENT else None for side, slot in slots.items()},
            "level": finding.level if finding else NOTHING,
            "severity": SEVERITIES[finding.level if finding else NOTHING],
            "view": None,
            "margins": [],
            "parameters": evidence.parameters(rerun.site, self.stored.application),
        }
        evaluation = rerun.site.evaluated
        if finding is not None and evaluation is not None:
            chosen = rerun.site.parameters.applications[self.stored.application]
            application = application_of(self.stored.application)
            known["view"] = evidence.view(evaluation, finding)
            known["margins"] = [asdict(one) for one in margins(application, evaluation.scene, chosen, finding.key)]
        places = [point for side in slots for point in _places(known[side])]
        return {**known, "lanes_m": evidence.lanes_near(self.entry.roads, places) if places else []}

    def _note(self, rerun: Rerun, now_us: int) -> Finding | None:
        evaluation = rerun.site.evaluated
        if evaluation is None or now_us < self.stored.raised.decided_us - _SHOWN_US:
            return None
        finding = self.case.finding(rerun.site, evaluation)
        if finding is not None:
            times = rerun.site.picture.ints["time_us"]
            event_us = max(int(times[slot]) for slot in finding.key[:2] if slot >= 0)
            self.seen.append(Seen(now_us, event_us, finding.level))
        return finding

    def _is_cleared(self, notices: Sequence[Notice]) -> bool:
        """Whether what was raised long before is over: it was another one."""
        ids = {one.warning_id for one in notices if one.state is State.CLEARED}
        return self.raised is not None and self.raised[0].warning_id in ids

    def _is_it(self, rerun: Rerun, notice: Notice) -> bool:
        (document,) = documents([notice], self.register, rerun.frame)
        return notice.application == self.stored.application and Case.of(document, self.register) == self.case


def document(stored: Stored, search: Search, rerun: Rerun, recorded: Mapping[str, int], known: Json) -> Json:
    """The whole explanation; known: of the turn that raised it, or of the decision where none did."""
    replayed = None
    if search.raised is not None:
        notice = replace(search.raised[0], warning_id=stored.warning_id)
        (replayed,) = documents([notice], search.register, rerun.frame)
    said, differences = verdict(stored.raised.detail, replayed)
    return {
        "warning": {
            "warning_id": stored.warning_id,
            "site": stored.site_id,
            "application": stored.application,
            "about": about(stored.application),
            "level": stored.raised.level,
            "severity": SEVERITIES.get(stored.raised.level) if stored.raised.level else "advice",
            "raised": dict(stored.raised.detail),
            "life": [_life(row.state, row.level, row.decided_us, row.detail) for row in stored.rows],
        },
        "known": known,
        "found": [asdict(one) for one in search.seen],
        "replay": {
            **_replay(said, differences, replayed),
            "rows_taken_in": rerun.rows,
            "stored_rows": dict(recorded),
            "roads_version": search.entry.roads_version or None,
            "is_map": search.entry.is_map,
        },
    }


def _replay(said: Verdict, differences: Sequence[Difference], replayed: Json | None) -> Json:
    return {
        "verdict": said.name.lower(),
        "says": str(said),
        "differences": [asdict(one) for one in differences],
        "raised": replayed,
    }


def _life(state: str, level: int, decided_us: int, detail: Mapping[str, Any]) -> Json:
    names = ("ttc_s", "required_deceleration_mps2", "distance_m")
    return {"state": str(state), "level": level, "decided_us": decided_us, **{name: detail[name] for name in names}}


def _places(road_user: Json | None) -> list[list[float]]:
    if road_user is None:
        return []
    return [point for way in road_user["futures"] for point in way["xy_m"]] + [road_user["place_m"][:2]]


def application_of(name: str) -> Application:
    """The application of this name; KeyError where this version has none."""
    return {one.name: one for one in APPLICATIONS}[name]


def about(name: str) -> str:
    """The first sentence of the application's own account of itself."""
    text = sys.modules[application_of(name).assess.__module__].__doc__ or name
    return " ".join(text.split("\n\n")[0].split())
