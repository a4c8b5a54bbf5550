"""Entities as documents: key and value, as NGSI-LD writes them short. Pure but for the roads, which are read."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.errors import CheluError
from chelu.roads.network import Kind
from services.registry import roads_in_force
from services.registry.entities.kinds import ROAD_SEGMENT, TRAFFIC_FLOW, EntityKind

URN = "urn:ngsi-ld:{kind}:{name}"
PLACE = ("latitude_deg", "longitude_deg", "elevation_m")


def document(kind: EntityKind, row: Mapping[str, Any], time_us: int | None) -> dict[str, Any]:
    """A row of a kind's view as an entity; what is not known is left out."""
    site, names = row["site_id"], [one.name for one in kind.properties]
    known = {name: row[name] for name in names if row[name] is not None}
    if kind.name == TRAFFIC_FLOW:
        own = f"{site}:{row['segment']}"
        refer = {"refRoadSegment": URN.format(kind=ROAD_SEGMENT, name=own)}
    else:
        own = row["device_id"]
        refer = {"refDevice": URN.format(kind="Device", name=own)} if kind.is_measured else {}
    whole = {
        "id": URN.format(kind=kind.name, name=own if time_us is None else f"{own}:{time_us}"),
        "type": kind.name,
        **({} if time_us is None else {"dateObserved": _instant(time_us), "time_us": time_us}),
        "site": site,
        **refer,
        **known,
    }
    if row.get("latitude_deg") is not None:
        whole["location"] = {
            "type": "Point",
            "coordinates": [row["longitude_deg"], row["latitude_deg"], row["elevation_m"] or 0.0],
        }
    if not kind.is_measured and kind.name != TRAFFIC_FLOW:
        whole |= {
            "category": row["kind"],
            "controlledAsset": row["subtype"],
            "name": row["name"],
            "deviceState": row["lifecycle"],
        }
    return whole


def segments(connection: Connection[DictRow], site_id: str) -> Iterator[dict[str, Any]]:
    """The roads of a site as they are in force; none where there are none that can be read."""
    roads = roads_in_force.find(connection, site_id)
    if roads is None:
        return
    try:
        network = roads_in_force.network(connection, roads)
    except CheluError:
        return
    links, lanes = network.links, network.lanes
    driven = np.isin(links.kind, [Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE])
    for link in np.flatnonzero(driven).tolist():
        own = np.flatnonzero(lanes.link == link)
        if not len(own):
            continue
        line = lanes.shape[int(own[0])]
        latitude, longitude, elevation = roads.frame.to_geodetic(line)
        limit = float(links.speed_limit_mps[link])
        name = str(links.id[link])
        yield {
            "id": URN.format(kind=ROAD_SEGMENT, name=f"{site_id}:{name}"),
            "type": ROAD_SEGMENT,
            "site": site_id,
            "name": str(links.name[link]) or name,
            "length": round(float(links.length_m[link]), 1),
            "totalLaneNumber": len(own),
            **({"maximumAllowedSpeed": round(limit * 3.6, 1)} if np.isfinite(limit) else {}),
            "location": {
                "type": "LineString",
                "coordinates": [
                    [round(x, 7), round(y, 7), round(z, 1)]
                    for x, y, z in zip(longitude.tolist(), latitude.tolist(), elevation.tolist(), strict=True)
                ],
            },
        }


def _instant(time_us: int) -> str:
    return (datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=time_us)).isoformat()
