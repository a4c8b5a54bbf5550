"""What a list of devices can be asked for, as the API's query parameters."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Query

from chelu.topics import Kind
from services.registry.device_models import VehicleKind
from services.registry.lifecycle import Lifecycle
from services.registry.models import Identifier, Name, Word
from services.registry.problems import Fault, ProblemError

Id = Annotated[Identifier | None, Query()]
Text = Annotated[Word | None, Query()]
Label = Annotated[list[Name] | None, Query(description="KEY=VALUE; may be given several times", max_length=10)]
Words = Annotated[
    Name | None,
    Query(description="words; each begins a word of id, name, subtype, vendor, model, serial, VIN, plate or team", min_length=1),
]


async def filters(
    kind: Kind | None = None,
    site: Id = None,
    subtype: Text = None,
    lifecycle: Lifecycle | None = None,
    vendor: Id = None,
    model: Text = None,
    serial: Text = None,
    parent: Id = None,
    on_vehicle: Id = None,
    team: Id = None,
    vin: Text = None,
    plate: Text = None,
    vehicle_kind: VehicleKind | None = None,
    label: Label = None,
    q: Words = None,
) -> dict[str, Any]:
    """The filters by their names in `device_search.FILTERS`; None where one is not asked for. Async: no change of threads."""
    places = {"site": site, "parent": parent, "on_vehicle": on_vehicle}
    makers = {"vendor": vendor, "model": model, "serial": serial, "subtype": subtype}
    vehicles = {"team": team, "vin": vin and vin.upper(), "plate": plate, "vehicle_kind": vehicle_kind}
    return {"kind": kind, "lifecycle": lifecycle, **places, **makers, **vehicles, "labels": _labels(label), "q": q}


def _labels(pairs: list[str] | None) -> dict[str, str] | None:
    if pairs is None:
        return None
    for pair in pairs:
        if "=" not in pair:
            fault = Fault("label", repr(pair), "KEY=VALUE")
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"label = {pair!r} is not allowed: KEY=VALUE", [fault])
    return dict(pair.split("=", 1) for pair in pairs)


FiltersOf = Annotated[dict[str, Any], Depends(filters)]
