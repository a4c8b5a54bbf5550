"""Who is in an OpenSCENARIO file: vehicles, pedestrians and objects, with their boxes and controllers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chelu.xml_tree import Element
from simulators.scenario.openscenario.catalogs import Catalogs
from simulators.scenario.openscenario.scope import Names, Scope

KINDS: Mapping[str, str] = {
    "car": "car", "van": "car", "truck": "truck", "trailer": "truck", "semitrailer": "truck", "bus": "bus",
    "motorbike": "motorcycle",
    "bicycle": "bicycle", "train": "bus", "tram": "bus", "microMobility": "bicycle", "standUpScooter": "bicycle",
    "pedestrian": "pedestrian", "wheelchair": "pedestrian", "animal": "pedestrian",
}  # fmt: skip
LONGEST_M, WIDEST_M = 40.0, 5.0


@dataclass(frozen=True, slots=True)
class Thing:
    """A scenario object. ahead_m, left_m: its box's centre from its own origin. controllers: of its names, the properties."""

    name: str
    own_name: str
    kind: str
    type: str
    length_m: float
    width_m: float
    mass_kg: float | None
    ahead_m: float
    left_m: float
    controllers: tuple[Mapping[str, str], ...]
    element: Element


def things_of(entities: Element, catalogs: Catalogs, scope: Scope) -> dict[str, Thing]:
    """By their names in the file."""
    names, found = Names(), dict[str, Thing]()
    for element in entities.children:
        if element.tag != "ScenarioObject":
            raise element.wrong(f"<{element.tag}> is not understood: ScenarioObject")
        name = element.needed("name")
        found[name] = _thing(element, name, names.of(name), catalogs, scope)
    if not found:
        raise entities.wrong("there is no ScenarioObject")
    return found


def _thing(element: Element, name: str, own_name: str, catalogs: Catalogs, scope: Scope) -> Thing:
    inner, where = _object(element, catalogs, scope)
    if inner.tag not in {"Vehicle", "Pedestrian", "MiscObject"}:
        raise inner.wrong(f"<{inner.tag}> is not understood: Vehicle, Pedestrian or MiscObject")
    category = where.text(
        inner, inner.tag[0].lower() + inner.tag[1:] + "Category", "pedestrian" if inner.tag == "Pedestrian" else ""
    )
    box = inner.only("BoundingBox")
    size, centre = box.only("Dimensions"), box.only("Center")
    length, width = where.value(size, "length"), where.value(size, "width")
    if not (0 < length <= LONGEST_M and 0 < width <= WIDEST_M):
        raise size.wrong(f"length = {length:g} and width = {width:g}: above 0, at most {LONGEST_M:g} and {WIDEST_M:g}")
    return Thing(
        name=name,
        own_name=own_name,
        kind="robot" if inner.tag == "MiscObject" else _kind(inner, category),
        type={"Vehicle": "vehicle", "Pedestrian": "pedestrian"}.get(inner.tag, "miscellaneous"),
        length_m=length,
        width_m=width,
        mass_kg=where.value(inner, "mass") if where.has(inner, "mass") else None,
        ahead_m=where.value(centre, "x", 0.0),
        left_m=where.value(centre, "y", 0.0),
        controllers=tuple(controller_of(one, catalogs, scope) for one in element.all("ObjectController") if one.children),
        element=element,
    )


def _kind(element: Element, category: str) -> str:
    if category not in KINDS:
        raise element.wrong(f"its category {category!r} is not understood: one of {', '.join(KINDS)}")
    return KINDS[category]


def _object(element: Element, catalogs: Catalogs, scope: Scope) -> tuple[Element, Scope]:
    inside = [one for one in element.children if one.tag != "ObjectController"]
    if len(inside) != 1:
        raise element.wrong("exactly one Vehicle, Pedestrian, MiscObject or CatalogReference")
    return catalogs.referred(inside[0], scope) if inside[0].tag == "CatalogReference" else (inside[0], scope)


def controller_of(element: Element, catalogs: Catalogs, scope: Scope) -> Mapping[str, str]:
    """A controller's properties; its name is among them, as `name`."""
    one, where = element.children[0], scope
    if one.tag == "CatalogReference":
        one, where = catalogs.referred(one, scope)
    if one.tag != "Controller":
        raise one.wrong(f"<{one.tag}> is not understood: Controller")
    properties = {each.needed("name"): where.text(each, "value") for each in one.below("Properties", "Property")}
    return {**properties, "name": where.text(one, "name")}
