"""What inference needs from the register, loaded by SQL: sites with their roads, and devices."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import Connection

from chelu.codec.envelope import Envelope
from chelu.codec.roadside import AS_WRITTEN, Reading, esn_of, reading_of
from chelu.errors import MalformedError
from chelu.geo import LocalFrame
from chelu.roads import sumo
from chelu.topics import Kind
from services.inference.network import NetworkRoads

log = logging.getLogger(__name__)

CHANNEL = "register"
KINDS, ENVELOPES = frozenset(Kind), frozenset(Envelope)
_SITES = "SELECT site_id, latitude_deg, longitude_deg, elevation_m FROM register.site ORDER BY site_id"
_DEVICES = (
    "SELECT device.device_id, device.device_key, device.kind, device.site_id, device.envelope, device.vehicle_id, device.profile,"
    " device.serial, device.reading, device.labels, coalesce(vehicle.vehicle_kind, device.vehicle_kind),"
    " coalesce(vehicle.labels, '{}') || device.labels, device.latitude_deg, device.longitude_deg, device.elevation_m"
    " FROM register.device LEFT JOIN register.device AS vehicle ON vehicle.device_key = device.on_vehicle_key"
)
_NETWORK = (
    "SELECT site_id, version, content FROM register.road_network newest WHERE format = 'sumo' AND version ="
    " (SELECT max(version) FROM register.road_network one WHERE one.site_id = newest.site_id)"
)
_VERSIONS = "SELECT site_id, max(version) FROM register.road_network GROUP BY site_id"


@dataclass(frozen=True, slots=True)
class Device:
    """vehicle_id: the 8-byte BSM id that belongs to this device, 0 when the register does not say.

    rights: roles in which its vehicle may ask for priority; place: latitude, longitude, elevation; labels: an operator's.
    """

    key: int
    device_id: str
    kind: Kind
    site_id: str
    envelope: Envelope
    vehicle_id: int
    esn: str = ""  # under which it speaks where topics have no ids
    reading: Reading = AS_WRITTEN
    rights: frozenset[str] = frozenset()
    place: tuple[float, float, float] | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def intersection(self) -> int | None:
        """The number on the air of the intersection that it is labelled with."""
        text = self.labels.get("intersection", "")
        return int(text) if text.isascii() and text.isdigit() else None


EMERGENCY = "emergency"
EMERGENCY_ROLES = frozenset({"ambulance", "fire", "police", "rescue"})
_ROLES_OF_KIND = {"emergency vehicle": EMERGENCY_ROLES, "bus": frozenset({"bus"})}


def rights_of(vehicle_kind: str | None, labels: Mapping[str, str]) -> frozenset[str]:
    """Roles of priority: those the label ``priority`` of device or vehicle names, else those of the vehicle's kind.

    `EMERGENCY` is among them where one is of an emergency vehicle.
    """
    named = labels.get("priority")
    roles = _ROLES_OF_KIND.get(vehicle_kind or "", frozenset()) if named is None else frozenset(named.replace(",", " ").split())
    return roles | {EMERGENCY} if roles & EMERGENCY_ROLES else roles


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """A site: its frame and its newest road network, None while it has none that can be read."""

    site_id: str
    frame: LocalFrame
    roads: NetworkRoads | None
    roads_version: int


@dataclass(frozen=True, slots=True)
class Register:
    """A snapshot: devices by id and by key, sites by id."""

    devices: Mapping[str, Device]
    by_key: Mapping[int, Device]
    sites: Mapping[str, SiteEntry]
    owner_of: Mapping[int, int]  # vehicle id → device key of the OBU it belongs to
    passed_over: frozenset[str] = frozenset()  # devices of a kind or envelope that this version does not know
    by_esn: Mapping[str, Device] = field(default_factory=dict)

    @property
    def tellers(self) -> frozenset[int]:
        """Keys of roadside devices that are told of dangers among those whom they see: computers, and units that speak JSON."""
        return frozenset(one.key for one in self.devices.values() if one.kind is Kind.RSCU or one.esn)


def load(connection: Connection[Any], before: Register | None = None) -> Register:
    """Read the register; road networks of a version already read in `before` are taken over."""
    devices, passed_over = _devices(connection.execute(_DEVICES).fetchall(), before.passed_over if before else frozenset())
    known = before.sites if before else {}
    networks = _networks(connection, known)
    sites = {}
    for site_id, latitude, longitude, elevation in connection.execute(_SITES).fetchall():
        version, roads = networks.get(site_id, (0, None))
        sites[site_id] = SiteEntry(site_id, LocalFrame(latitude, longitude, elevation), roads, version)
    return Register(
        devices={one.device_id: one for one in devices},
        by_key={one.key: one for one in devices},
        sites=sites,
        by_esn={one.esn: one for one in devices if one.esn},
        owner_of={one.vehicle_id: one.key for one in devices if one.vehicle_id and one.kind is Kind.OBU},
        passed_over=passed_over,
    )


def _devices(rows: Sequence[tuple[Any, ...]], before: frozenset[str]) -> tuple[list[Device], frozenset[str]]:
    """Rows that this version cannot understand (a newer registry wrote them) are passed over, and said once."""
    strange = {row[0]: row for row in rows if row[2] not in KINDS or row[4] not in ENVELOPES}
    for device_id, _, kind, _, envelope, *_ in (row for name, row in strange.items() if name not in before):
        log.warning("device %s is passed over: kind %r or envelope %r is not known to this version", device_id, kind, envelope)
    return [_device(row) for row in rows if row[0] not in strange], frozenset(strange)


def _device(row: tuple[Any, ...]) -> Device:
    device_id, key, kind, site_id, envelope, vehicle_id, profile, serial, reading, labels, vehicle_kind, said, *place = row
    latitude, longitude, elevation = place
    return Device(
        key, device_id, Kind(kind), site_id, Envelope(envelope), (vehicle_id or 0) % 2**64,
        esn=esn_of(kind, profile, serial),
        reading=reading_of(reading),
        rights=rights_of(vehicle_kind, said),
        place=None if latitude is None or longitude is None else (latitude, longitude, elevation or 0.0),
        labels=labels,
    )  # fmt: skip


def _networks(connection: Connection[Any], known: Mapping[str, SiteEntry]) -> dict[str, tuple[int, NetworkRoads | None]]:
    newest = dict(connection.execute(_VERSIONS).fetchall())
    kept = {site: (one.roads_version, one.roads) for site, one in known.items() if newest.get(site) == one.roads_version}
    if set(newest) <= set(kept):
        return kept
    found = dict(kept)
    for site_id, version, content in connection.execute(_NETWORK).fetchall():
        if site_id not in kept:
            found[site_id] = (version, _read(site_id, version, bytes(content)))
    return found


def roads_as_of(connection: Connection[Any], entry: SiteEntry, at_us: int) -> SiteEntry:
    """The site with the road network that was its newest at an instant; without one where none was older."""
    at = "'epoch'::timestamptz + %s::bigint * interval '1 microsecond'"
    query = f"SELECT max(version) FROM register.road_network WHERE site_id = %s AND format = 'sumo' AND created <= {at}"  # noqa: S608 - ours
    (version,) = connection.execute(query.encode(), (entry.site_id, at_us)).fetchone() or (None,)
    if version in {entry.roads_version, None}:
        return entry if version else replace(entry, roads=None, roads_version=0)
    content = "SELECT content FROM register.road_network WHERE site_id = %s AND version = %s"
    ((found,),) = connection.execute(content, (entry.site_id, version)).fetchall()
    return replace(entry, roads=_read(entry.site_id, version, bytes(found)), roads_version=version)


def _read(site_id: str, version: int, content: bytes) -> NetworkRoads | None:
    try:
        network = sumo.read(content)
    except MalformedError as error:
        log.warning("road network %d of site %s cannot be read, going on without: %s", version, site_id, error)
        return None
    log.info("site %s: road network %d with %d lanes", site_id, version, len(network.lanes.id))
    return NetworkRoads(network)
