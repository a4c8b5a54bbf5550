"""Every application: its name, its parameters and its function. Adding one is a file and a line here (docs/inference.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.inference.v2x import avw, clw, dnpw, ebw, evw, fcw, glosa, hlw, icw, ivs, lcw, lta, slw, svw, tjw, vrucw
from services.inference.v2x.assessment import Assessment
from services.inference.v2x.scene import Scene


@dataclass(frozen=True, slots=True)
class Application:
    """`assess` is called once per evaluation from the stage's thread, with the scene and an instance of `parameters`."""

    name: str
    parameters: type[Any]
    assess: Callable[[Scene, Any], list[Assessment]]


APPLICATIONS = (
    Application(fcw.NAME, fcw.FcwParameters, fcw.assess),
    Application(icw.NAME, icw.IcwParameters, icw.assess),
    Application(lta.NAME, lta.LtaParameters, lta.assess),
    Application(lcw.NAME, lcw.LcwParameters, lcw.assess),
    Application(dnpw.NAME, dnpw.DnpwParameters, dnpw.assess),
    Application(ebw.NAME, ebw.EbwParameters, ebw.assess),
    Application(avw.NAME, avw.AvwParameters, avw.assess),
    Application(clw.NAME, clw.ClwParameters, clw.assess),
    Application(evw.NAME, evw.EvwParameters, evw.assess),
    Application(svw.NAME, svw.SvwParameters, svw.assess),
    Application(glosa.NAME, glosa.GlosaParameters, glosa.assess),
    Application(vrucw.NAME, vrucw.VrucwParameters, vrucw.assess),
    Application(hlw.NAME, hlw.HlwParameters, hlw.assess),
    Application(slw.NAME, slw.SlwParameters, slw.assess),
    Application(ivs.NAME, ivs.IvsParameters, ivs.assess),
    Application(tjw.NAME, tjw.TjwParameters, tjw.assess),
)


def assess_all(scene: Scene, parameters: Mapping[str, Any]) -> list[Assessment]:
    """Findings of every application that is switched on."""
    found: list[Assessment] = []
    for one in APPLICATIONS:
        if parameters[one.name].is_on:
            found += one.assess(scene, parameters[one.name])
    return found
