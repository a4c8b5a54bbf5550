"""Where an actor begins on a road of a map file, in that file's own words."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from simulators.scenario.parts import Part
from simulators.scenario.values import Value


def _text(given: Any) -> Any:
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


MapId = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1, max_length=128)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class OnMap(Part):
    """The middle of a lane: OpenDRIVE's `road`, `lane` and `s_m`, SUMO's `edge`, `lane` and `pos_m`, or `lanelet` and `s_m`.

    lane: SUMO's 0 is the rightmost. through: roads, edges or lanelets over which the way goes on where it forks; straight on
    where none of them is.
    """

    road: MapId | None = None
    edge: MapId | None = None
    lanelet: MapId | None = None
    lane: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    s_m: Value | None = None
    pos_m: Value | None = None
    through: Annotated[tuple[MapId, ...], Field(max_length=64)] = ()

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        given = frozenset(name for name in ("road", "edge", "lanelet", "lane", "s_m", "pos_m") if getattr(self, name) is not None)
        if given not in _PLACES:
            raise ValueError("road, lane and s_m (OpenDRIVE), edge, lane and pos_m (SUMO), or lanelet and s_m (lanelet2)")
        return self

    @property
    def way_m(self) -> Value:
        """How far along its road, edge or lanelet."""
        found = self.s_m if self.s_m is not None else self.pos_m
        return 0.0 if found is None else found

    @property
    def kind(self) -> str:
        """Of which kind of file it speaks: a key of the scenario's `road`."""
        return "opendrive" if self.road is not None else "sumo" if self.edge is not None else "lanelet2"


_PLACES = {frozenset({"road", "lane", "s_m"}), frozenset({"edge", "lane", "pos_m"}), frozenset({"lanelet", "s_m"})}
