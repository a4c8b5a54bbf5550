"""Every application: its name, its parameters and its function. Adding one is a file and a line here (docs/inference.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chelu.applications import catalogue
from services.inference.lacks import Lack
from services.inference.v2x import avw, clw, dnpw, ebw, evw, fcw, glosa, hlw, icw, ivs, lcw, lta, slw, svw, tjw, vrucw
from services.inference.v2x.assessment import Assessment
from services.inference.v2x.scene import Scene


@dataclass(frozen=True, slots=True)
class Application:
    """`assess` is called once per evaluation from the stage's thread, with the scene and an instance of `parameters`.

    needs: what it asks for beside fresh states of road users with place, speed and heading; where that lacks, it is counted.
    """

    name: str
    assess: Callable[[Scene, Any], list[Assessment]]
    needs: frozenset[Lack] = frozenset()

    @property
    def parameters(self) -> type[Any]:
        """Whose instances `assess` takes: the kernel has them, so that the register knows them, too."""
        return catalogue.APPLICATIONS[self.name]


_CONFLICT = frozenset({Lack.NO_HEIGHT, Lack.NO_WEATHER})
_SIGNAL = frozenset({Lack.NO_ROAD, Lack.NO_SIGNAL, Lack.NO_WEATHER})


APPLICATIONS = (
    Application(fcw.NAME, fcw.assess, _CONFLICT),
    Application(icw.NAME, icw.assess, _CONFLICT),
    Application(lta.NAME, lta.assess, _CONFLICT),
    Application(lcw.NAME, lcw.assess, _CONFLICT),
    Application(dnpw.NAME, dnpw.assess, _CONFLICT),
    Application(ebw.NAME, ebw.assess, _CONFLICT),
    Application(avw.NAME, avw.assess, _CONFLICT),
    Application(clw.NAME, clw.assess, _CONFLICT),
    Application(evw.NAME, evw.assess, _CONFLICT),
    Application(svw.NAME, svw.assess, _SIGNAL),
    Application(glosa.NAME, glosa.assess, _SIGNAL),
    Application(vrucw.NAME, vrucw.assess, _CONFLICT),
    Application(hlw.NAME, hlw.assess, frozenset({Lack.NO_WEATHER})),
    Application(slw.NAME, slw.assess, frozenset({Lack.NO_LIMIT, Lack.NO_WEATHER})),
    Application(ivs.NAME, ivs.assess),
    Application(tjw.NAME, tjw.assess, frozenset({Lack.NO_ROAD})),
)


def assess_all(scene: Scene, parameters: Mapping[str, Any]) -> list[Assessment]:
    """Findings of every application that is switched on."""
    found: list[Assessment] = []
    for one in APPLICATIONS:
        if parameters[one.name].is_on:
            found += one.assess(scene, parameters[one.name])
    return found
