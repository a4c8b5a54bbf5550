"""What inference needs from the register, loaded by SQL: sites with the roads in force and their parameters, and devices."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import Connection

from chelu.codec.envelope import Envelope
from chelu.codec.roadside import AS_WRITTEN, Reading, esn_of, reading_of
from chelu.errors import CheluError
from chelu.geo import LocalFrame
from chelu.roads.at_site import open_at
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
_IN_FORCE = (
    "SELECT site_id, found.is_map, found.version"
    " FROM register.site, LATERAL register.roads_at(site_id, clock_timestamp()) AS found"
)
_AS_OF = "SELECT is_map, version FROM register.roads_at(%s, 'epoch'::timestamptz + %s::bigint * interval '1 microsecond')"
_MAP = (
    "SELECT file, content FROM register.map JOIN register.map_file USING (site_id, version) WHERE site_id = %s AND version = %s"
)
_NETWORK = "SELECT 'road network', content FROM register.road_network WHERE site_id = %s AND version = %s"
_VALUES = "SELECT site_id, version, own FROM register.site_parameters"
_VALUES_AS_OF = (
    "SELECT DISTINCT ON (application, parameter) application, parameter, latter, max(version) OVER ()"
    " FROM register.parameter_change WHERE site_id = %s AND at <= 'epoch'::timestamptz + %s::bigint * interval '1 microsecond'"
    " ORDER BY application, parameter, change_id DESC"
)
_NEXT = (
    "SELECT extract(epoch FROM min(since) - clock_timestamp())::float8 FROM register.map_change WHERE since > clock_timestamp()"
)


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
    """A site: its frame, and the roads in force, None while it has none that can be read.

    roads_version, is_map: of the map that is valid, else of the network that was put as its roads; 0 for neither.
    """

    site_id: str
    frame: LocalFrame
    roads: NetworkRoads | None
    roads_version: int
    is_map: bool = False

    @property
    def roads_name(self) -> str:
        """For people."""
        return f"{'map' if self.is_map else 'road network'} {self.roads_version} of site {self.site_id}"


@dataclass(frozen=True, slots=True)
class SiteValues:
    """What a site has of its own, application → parameter → value; version: counts its changes, 0 for none."""

    version: int = 0
    own: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Register:
    """A snapshot: devices by id and by key, sites by id."""

    devices: Mapping[str, Device]
    by_key: Mapping[int, Device]
    sites: Mapping[str, SiteEntry]
    owner_of: Mapping[int, int]  # vehicle id → device key of the OBU it belongs to
    passed_over: frozenset[str] = frozenset()  # devices of a kind or envelope that this version does not know
    by_esn: Mapping[str, Device] = field(default_factory=dict)
    values: Mapping[str, SiteValues] = field(default_factory=dict)  # by site, of those that have any

    @property
    def tellers(self) -> frozenset[int]:
        """Keys of roadside devices that are told of dangers among those whom they see: computers, and units that speak JSON."""
        return frozenset(one.key for one in self.devices.values() if one.kind is Kind.RSCU or one.esn)


def load(connection: Connection[Any], before: Register | None = None) -> Register:
    """Read the register; road networks that were already read in `before` are taken over."""
    devices, passed_over = _devices(connection.execute(_DEVICES).fetchall(), before.passed_over if before else frozenset())
    known = before.sites if before else {}
    in_force = {site_id: found for site_id, *found in connection.execute(_IN_FORCE).fetchall()}
    sites = {}
    for site_id, *place in connection.execute(_SITES).fetchall():
        is_map, version = in_force.get(site_id, (False, 0))
        sites[site_id] = _with_roads(
            connection, SiteEntry(site_id, LocalFrame(*place), None, version, is_map), known.get(site_id)
        )
    return Register(
        devices={one.device_id: one for one in devices},
        by_key={one.key: one for one in devices},
        sites=sites,
        by_esn={one.esn: one for one in devices if one.esn},
        owner_of={one.vehicle_id: one.key for one in devices if one.vehicle_id and one.kind is Kind.OBU},
        passed_over=passed_over,
        values={site_id: SiteValues(version, own) for site_id, version, own in connection.execute(_VALUES).fetchall()},
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


def next_change_s(connection: Connection[Any]) -> float:
    """In how many seconds a map begins or ceases to be valid somewhere, as it is planned; infinite when nothing is."""
    (seconds,) = connection.execute(_NEXT).fetchone() or (None,)
    return float("inf") if seconds is None else float(seconds)


def roads_as_of(connection: Connection[Any], entry: SiteEntry, at_us: int) -> SiteEntry:
    """The site with the roads that were in force at an instant; without any where there were none."""
    is_map, version = connection.execute(_AS_OF, (entry.site_id, at_us)).fetchone() or (False, 0)
    return _with_roads(connection, replace(entry, roads=None, roads_version=version, is_map=is_map), entry)


def values_as_of(connection: Connection[Any], site_id: str, at_us: int) -> SiteValues:
    """What the site had of its own at an instant."""
    own: dict[str, dict[str, float]] = {}
    version = 0
    for application, parameter, latter, newest in connection.execute(_VALUES_AS_OF, (site_id, at_us)).fetchall():
        version = newest
        if latter is not None:
            own.setdefault(application, {})[parameter] = latter
    return SiteValues(version, own)


def _with_roads(connection: Connection[Any], entry: SiteEntry, known: SiteEntry | None) -> SiteEntry:
    """An entry with its roads: those of the known one when they are the same, in the same metres."""
    if known is not None and replace(known, roads=None) == entry:
        return known
    return replace(entry, roads=_read(connection, entry)) if entry.roads_version else entry


def _read(connection: Connection[Any], entry: SiteEntry) -> NetworkRoads | None:
    row = connection.execute(_MAP if entry.is_map else _NETWORK, (entry.site_id, entry.roads_version)).fetchone()
    if row is None:  # it was deleted between two queries, which is told as well
        return None
    try:
        network = open_at(bytes(row[1]), row[0], entry.frame).network
        if not len(network.lanes.id):
            log.warning("%s has no lanes, going on without", entry.roads_name)
            return None
        roads = NetworkRoads(network)
    except CheluError as error:
        log.warning("%s cannot be read, going on without: %s", entry.roads_name, error)
        return None
    except Exception:  # a fault here is to cost this site its roads, and not all sites their warnings
        log.exception("%s cannot be used, going on without until another is in force", entry.roads_name)
        return None
    log.info("%s: %d lanes", entry.roads_name, len(network.lanes.id))
    return roads
