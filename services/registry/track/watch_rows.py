"""SQL of the watch over the track: what it reads of the register, and what it writes when something changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.alarms.kinds import AREA_LEFT, INTRUDER, PERMIT_MODE, PERMIT_SPEED, TRACK_BLIND, TRESPASS
from services.registry.track import log_rows, presence, rows
from services.registry.track.alarming import Word, say
from services.registry.track.chain import Happening
from services.registry.track.conditions import Change, Key
from services.registry.track.roster import Roster, roster_of

Execute = Connection[DictRow]
ACTOR = "registry"
TABLES = ["site", "device", "area", "permit"]
SITES = """SELECT site_id FROM register.site WHERE site_id = ANY(%s)
        OR EXISTS (SELECT 1 FROM register.area WHERE area.site_id = site.site_id) OR EXISTS (
            SELECT 1 FROM register.alarm WHERE alarm.site_id = site.site_id AND state IN ('pending', 'raised') AND kind = ANY(%s))
    ORDER BY 1"""
DEVICES = """SELECT device.device_key, device.vehicle_id AS bsm_id,
        coalesce(vehicle.device_key, device.device_key) AS vehicle_key,
        coalesce(vehicle.device_id, device.device_id) AS vehicle, coalesce(vehicle.team, device.team) AS team
    FROM register.device LEFT JOIN register.device AS vehicle ON vehicle.device_key = device.on_vehicle_key
    WHERE device.site_id = %s AND device.kind IN ('obu', 'vehicle')"""
PERMITS = """SELECT permit_id, vehicle_key, area_id, max_speed_mps, modes,
        (extract(epoch FROM starts) * 1000000)::bigint AS starts_us, (extract(epoch FROM ends) * 1000000)::bigint AS ends_us
    FROM register.permit WHERE site_id = %s AND revoked IS NULL
        AND ends > 'epoch'::timestamptz + %s::bigint * interval '1 microsecond' ORDER BY permit_id"""
INSIDE = """SELECT subject, area FROM (
        SELECT DISTINCT ON (subject, area) subject, entry::jsonb -> 'detail' ->> 'area' AS area, what
        FROM register.track_log WHERE site_id = %s AND what IN ('entered', 'left') AND at_us > %s
        ORDER BY subject, area, number DESC) AS last WHERE what = 'entered'"""
OPEN = """SELECT kind, subject, part, detail FROM register.alarm WHERE state <> 'cleared' AND site_id = %s AND kind = ANY(%s)"""
# Of those lost whose alarm is not open, or acknowledged since they were seen last: whether somebody did that, or cleared it.
UNRAISED = """SELECT number, EXISTS (SELECT 1 FROM register.alarm WHERE alarm.kind = lost.kind AND alarm.subject = lost.subject
            AND alarm.part = lost.part AND site_id = %(site_id)s AND greatest(acknowledged, cleared)
                > 'epoch'::timestamptz + lost.last_us * interval '1 microsecond') AS is_seen_to
    FROM unnest(%(kinds)s::text[], %(subjects)s::text[], %(areas)s::text[], %(last_us)s::bigint[])
        WITH ORDINALITY AS lost (kind, subject, part, last_us, number)
    WHERE NOT EXISTS (SELECT 1 FROM register.alarm WHERE alarm.kind = lost.kind AND alarm.subject = lost.subject
        AND alarm.part = lost.part AND site_id = %(site_id)s AND state <> 'cleared' AND (acknowledged IS NULL
            OR acknowledged <= 'epoch'::timestamptz + lost.last_us * interval '1 microsecond'))"""
SEEN_TO, SWITCHED_OFF = "somebody has seen to it", "it has no alarm that anybody could see to"
NO_PICTURE = "no picture comes"
REMEMBERED_US = 86_400_000_000
KIND_OF = {
    presence.TRESPASS: TRESPASS,
    presence.INTRUDER: INTRUDER,
    presence.OUTSIDE: AREA_LEFT,
    presence.SPEED: PERMIT_SPEED,
    presence.MODE: PERMIT_MODE,
}
WHAT_OF = {kind: what for what, kind in KIND_OF.items()}


def as_one(connection: Execute) -> None:
    """Let all that this transaction reads be of one instant; it must not have read yet."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def rosters(connection: Execute, watched: Iterable[str], now_us: int) -> tuple[dict[str, Roster], dict[str, str]]:
    """What the register says of every site that has areas, or alarms of those it had, or was watched; and why it makes no sense.

    Of permits those that have not ended. A site of which it makes no sense has no roster: the others are watched all the same.
    """
    found: dict[str, Roster] = {}
    faults: dict[str, str] = {}
    for site_id in [row["site_id"] for row in connection.execute(SITES, (list(watched), [*WHAT_OF, TRACK_BLIND]))]:
        permits = connection.execute(PERMITS, (site_id, now_us)).fetchall()
        devices = connection.execute(DEVICES, (site_id,)).fetchall()
        site, areas = rows.site(connection, site_id), rows.areas(connection, site_id)
        try:
            found[site_id] = roster_of(site, areas, permits, devices)
        except Exception as error:  # noqa: BLE001 - it is told, and that the others are not watched must not be its consequence
            faults[site_id] = str(error) or repr(error)
    return found, faults


def before(connection: Execute, site_id: str, now_us: int) -> tuple[dict[Key, Mapping[str, Any]], str]:
    """What counted when the registry ended (open alarms, who was where) and what was known of it; why it was blind, or ""."""
    alarms = connection.execute(OPEN, (site_id, [*WHAT_OF, TRACK_BLIND])).fetchall()
    held = {Key(WHAT_OF[row["kind"]], row["subject"], row["part"]): row["detail"] for row in alarms if row["kind"] in WHAT_OF}
    inside = connection.execute(INSIDE, (site_id, now_us - REMEMBERED_US)).fetchall()
    held |= {Key(presence.ENTERED, row["subject"], row["area"]): {} for row in inside}
    blind = [row["detail"].get("reason", NO_PICTURE) for row in alarms if row["kind"] == TRACK_BLIND]
    return held, blind[0] if blind else ""


def write(connection: Execute, site_id: str, changes: Sequence[Change], keys: Mapping[str, int], now_us: int) -> None:
    """Note changes in the log, and raise and clear their alarms; keys: device keys by vehicle."""
    log_rows.append(connection, site_id, [_happening(change) for change in changes], now_us)
    words = [
        Word(KIND_OF[key.what], key.subject, change.is_on, key.area, keys.get(key.subject), change.detail)
        for change in changes
        if (key := change.key).what in KIND_OF
    ]
    say(connection, site_id, words, now_us)


def say_again(
    connection: Execute, site_id: str, on: Mapping[Key, Mapping[str, Any]], keys: Mapping[str, int], now_us: int
) -> None:
    """Raise what holds and has no open alarm any more: somebody cleared it by hand, or a backup without it was restored."""
    there = {(row["kind"], row["subject"], row["part"]) for row in connection.execute(OPEN, (site_id, list(WHAT_OF)))}
    words = [
        Word(KIND_OF[key.what], key.subject, is_so=True, part=key.area, device_key=keys.get(key.subject), detail=detail)
        for key, detail in on.items()
        if key.what in KIND_OF and (KIND_OF[key.what], key.subject, key.area) not in there
    ]
    say(connection, site_id, words, now_us)


def unraised(connection: Execute, site_id: str, lost: Mapping[Key, int]) -> dict[Key, str]:
    """Of those lost while inside (and last seen when, µs), who has no alarm to go and look for any more, and why."""
    keys = list(lost)
    columns = {"kinds": [KIND_OF[key.what] for key in keys], "subjects": [key.subject for key in keys]}
    columns |= {"areas": [key.area for key in keys]}
    query = {**columns, "last_us": list(lost.values()), "site_id": site_id}
    found = connection.execute(UNRAISED, query).fetchall()
    return {keys[row["number"] - 1]: SEEN_TO if row["is_seen_to"] else SWITCHED_OFF for row in found}


def note_blindness(connection: Execute, site_id: str, now_us: int, what: str, *, is_blind: bool) -> None:
    """Note why a site is blind, or that it is no longer."""
    log_rows.append(connection, site_id, [Happening(ACTOR, what, site_id, {})], now_us)
    say(connection, site_id, [Word(TRACK_BLIND, site_id, is_blind, detail={"reason": what} if is_blind else {})], now_us)


def _happening(change: Change) -> Happening:
    key = change.key
    if key.what == presence.ENTERED:
        what = "entered" if change.is_on else "left"
    else:
        what = key.what if change.is_on else f"over: {key.what}"
    if change.is_on and change.because:
        return Happening(ACTOR, change.because, key.subject, {"area": key.area, **change.detail})
    because = {"because": change.because} if change.because else {}
    return Happening(ACTOR, what, key.subject, {"area": key.area, **change.detail, **because})
