"""What a site drives on now: its valid map, else the newest network that was put as its roads. One truth, for all who ask.

Which of them it is the database says (`register.roads_at`), to the registry and to inference alike.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from http import HTTPStatus

from psycopg import Connection
from psycopg.rows import DictRow

from chelu.geo import LocalFrame
from chelu.roads.at_site import open_at
from chelu.roads.network import RoadNetwork
from services.registry.problems import Fault, ProblemError
from services.registry.track.rows import frame_of, site

SUMO, GZIP = "sumo", b"\x1f\x8b"
IN_FORCE = "SELECT is_map, version FROM register.roads_at(%s, clock_timestamp())"
OF_MAP = """SELECT file, format, content FROM register.map JOIN register.map_file USING (site_id, version)
    WHERE site_id = %s AND version = %s"""
OF_ROADS = """SELECT 'road network' AS file, format, content FROM register.road_network
    WHERE site_id = %s AND version = %s"""


@dataclass(frozen=True, slots=True)
class InForce:
    """A site's roads: of its map of this version, else of the network of this version; frame: the site's."""

    site_id: str
    is_map: bool
    version: int
    frame: LocalFrame

    @property
    def tag(self) -> str:
        """An ETag: another one whenever the roads, or where their metres begin, are others."""
        frame = self.frame
        where = f"@{frame.latitude_deg},{frame.longitude_deg},{frame.elevation_m}"
        return f'"map-{self.version}{where}"' if self.is_map else f'"{self.version}"'


def find(connection: Connection[DictRow], site_id: str) -> InForce | None:
    """What a site drives on; None for nothing, or no such site."""
    row = connection.execute(IN_FORCE, (site_id,)).fetchone()
    return None if row is None else InForce(site_id, row["is_map"], row["version"], frame_of(site(connection, site_id)))


def network(connection: Connection[DictRow], roads: InForce) -> RoadNetwork:
    """Read, in the site's metres; raises what `chelu.roads.at_site.open_at` raises."""
    file = _file(connection, roads)
    return open_at(bytes(file["content"]), file["file"], roads.frame).network


def packed(connection: Connection[DictRow], roads: InForce) -> bytes:
    """The file of a SUMO network, packed with gzip; ProblemError 409 for a map of another format."""
    file = _file(connection, roads)
    if file["format"] != SUMO:
        allowed = f"a SUMO network: chelu map export {roads.version} NAME.zip --site {roads.site_id} makes the parts of one"
        fault = Fault("format", repr(file["format"]), allowed)
        text = f"the site drives on its map, version {roads.version}, which is {file['format']} and not {allowed}"
        raise ProblemError(HTTPStatus.CONFLICT, text, [fault])
    content = bytes(file["content"])
    return content if content.startswith(GZIP) else gzip.compress(content, mtime=0)


def refuse_beside_map(connection: Connection[DictRow], site_id: str) -> None:
    """ProblemError 409 where a map is valid: another network would be kept, and nobody would drive on it."""
    roads = find(connection, site_id)
    if roads is not None and roads.is_map:
        allowed = f"a new version of its map: chelu map add FILE --site {site_id} --activate"
        text = f"the site drives on its map, version {roads.version}; wanted is {allowed}"
        raise ProblemError(HTTPStatus.CONFLICT, text, [Fault("content", "a road network", allowed)])


def _file(connection: Connection[DictRow], roads: InForce) -> DictRow:
    query = OF_MAP if roads.is_map else OF_ROADS
    return connection.execute(query, (roads.site_id, roads.version)).fetchone() or {}
