"""SQL of campaigns: how their devices stand, whose turn it is, and what it goes back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.topics import Kind
from services.registry.campaigns.planner import LIVE, Back, Installed, Phase, Wave
from services.registry.orders.rows import IS_OPEN
from services.registry.orders.selecting import Target

Execute = Connection[DictRow]
COLUMNS = """campaign_id, actor, topic, change, package_id, selection, most_at_once, most_failed, least_ended, on_failure,
    lasting_s, phase, reason, dispatch_id, created, changed"""
ONE = f"SELECT {COLUMNS} FROM register.campaign WHERE campaign_id = %s"  # noqa: S608 - constants only
LIST = f"""SELECT {COLUMNS} FROM register.campaign AS c WHERE %(sites)s::text[] IS NULL OR EXISTS (
        SELECT 1 FROM register.campaign_target AS t JOIN register.device USING (device_key)
        WHERE t.campaign_id = c.campaign_id AND site_id = ANY(%(sites)s))
    ORDER BY created DESC, campaign_id LIMIT %(limit)s"""  # noqa: S608 - constants only
ACTIVE = f"""SELECT {COLUMNS} FROM register.campaign WHERE phase IN ({", ".join(repr(str(it)) for it in Phase if it in LIVE)})
    ORDER BY created FOR UPDATE"""  # noqa: S608 - constants only
ADD = """INSERT INTO register.campaign (campaign_id, actor, topic, change, package_id, selection, most_at_once, most_failed,
        least_ended, on_failure, lasting_s, dispatch_id)
    VALUES (%(campaign_id)s, %(actor)s, %(topic)s, %(change)s, %(package_id)s, %(selection)s, %(most_at_once)s,
        %(most_failed)s, %(least_ended)s, %(on_failure)s, %(lasting_s)s, %(dispatch_id)s)"""
ADD_TARGETS = """INSERT INTO register.campaign_target (campaign_id, device_key, wave)
    SELECT %(campaign)s, * FROM unnest(%(keys)s::integer[], %(waves)s::integer[])"""
ENTER = """UPDATE register.campaign SET phase = %(phase)s, reason = %(reason)s, changed = now(),
    most_failed = coalesce(%(most_failed)s, most_failed) WHERE campaign_id = %(campaign)s"""
OPEN = IS_OPEN.replace("state", "o.state")
BACK_OPEN = IS_OPEN.replace("state", "b.state")
STANDING = f"""SELECT wave, count(*) AS devices, count(*) FILTER (WHERE t.number IS NULL AND skipped IS NULL) AS waiting,
        count(*) FILTER (WHERE {OPEN}) AS open, count(*) FILTER (WHERE o.state = 'applied') AS good,
        count(*) FILTER (WHERE o.state IN ('failed', 'timed out')) AS bad,
        count(*) FILTER (WHERE o.state = 'superseded') AS overtaken,
        count(skipped) AS skipped, count(back_skipped) AS back_skipped,
        count(*) FILTER (WHERE {{restorable}} AND back IS NULL AND back_skipped IS NULL) AS back_waiting,
        count(*) FILTER (WHERE {BACK_OPEN}) AS back_open, count(*) FILTER (WHERE b.state = 'applied') AS back_good,
        count(*) FILTER (WHERE b.state IN ('failed', 'timed out', 'superseded') OR ({{begun}} AND NOT {{restorable}})) AS back_bad
    FROM register.campaign_target AS t LEFT JOIN register.device_order AS o ON o.number = t.number
        LEFT JOIN register.device_order AS b ON b.number = t.back
    WHERE campaign_id = %s GROUP BY wave ORDER BY wave"""  # noqa: S608 - constants only
# A package that was overtaken is not there; a configuration that was still is desired.
BEGUN = "(t.number IS NOT NULL AND (o.state <> 'superseded' OR o.topic = 'config' OR back IS NOT NULL))"
RESTORABLE = f"({BEGUN} AND t.before IS NOT NULL)"
TURN = """SELECT device_key, device_id, kind, site_id FROM register.campaign_target AS t JOIN register.device USING (device_key)
    WHERE campaign_id = %(campaign)s AND wave = %(wave)s AND number IS NULL AND skipped IS NULL
    ORDER BY device_key LIMIT %(limit)s FOR UPDATE OF t"""
BACK_TURN = f"""SELECT t.device_key, t.before, o.topic, o.body ->> 'name' AS name, o.body ->> 'version' AS version,
        o.state = 'applied' AS is_applied, reported.versions ->> (o.body ->> 'name') AS reported,
        newer.version AS newer, coalesce(newer.is_open, false) AS is_newer_open
    FROM register.campaign_target AS t LEFT JOIN register.device_order AS o ON o.number = t.number
        LEFT JOIN register.reported ON reported.device_key = t.device_key
        LEFT JOIN LATERAL (SELECT body ->> 'version' AS version, {IS_OPEN} AS is_open FROM register.device_order AS n
            WHERE n.device_key = t.device_key AND n.number > t.number AND n.topic = 'upgrade'
                AND n.body ->> 'name' = o.body ->> 'name' AND ({IS_OPEN} OR state = 'applied')
            ORDER BY n.number DESC LIMIT 1) AS newer ON true
    WHERE campaign_id = %(campaign)s AND back IS NULL AND back_skipped IS NULL AND {RESTORABLE}
    ORDER BY t.device_key LIMIT %(limit)s FOR UPDATE OF t"""  # noqa: S608 - constants only
BEGIN = """UPDATE register.campaign_target AS t SET number = new.number, before = new.before
    FROM unnest(%(keys)s::integer[], %(numbers)s::bigint[], %(befores)s::jsonb[]) AS new (device_key, number, before)
    WHERE campaign_id = %(campaign)s AND t.device_key = new.device_key"""
BEGIN_BACK = """UPDATE register.campaign_target AS t SET back = new.number
    FROM unnest(%(keys)s::integer[], %(numbers)s::bigint[]) AS new (device_key, number)
    WHERE campaign_id = %(campaign)s AND t.device_key = new.device_key"""
SKIP = """UPDATE register.campaign_target AS t SET {column} = new.reason
    FROM unnest(%(keys)s::integer[], %(reasons)s::text[]) AS new (device_key, reason)
    WHERE campaign_id = %(campaign)s AND t.device_key = new.device_key"""
TARGETS = """SELECT device_id, wave + 1 AS wave, o.state, t.number, coalesce(o.detail, skipped, '') AS detail,
        skipped IS NOT NULL AS is_skipped, back_skipped, coalesce(o.is_late, false) AS is_late, before, b.state AS back
    FROM register.campaign_target AS t JOIN register.device USING (device_key)
        LEFT JOIN register.device_order AS o ON o.number = t.number
        LEFT JOIN register.device_order AS b ON b.number = t.back
    WHERE campaign_id = %(campaign)s AND device_id > %(after)s AND (%(state)s::text IS NULL OR o.state = %(state)s)
        AND (%(sites)s::text[] IS NULL OR site_id = ANY(%(sites)s)) ORDER BY device_id LIMIT %(limit)s"""
SITES = """SELECT DISTINCT site_id FROM register.campaign_target JOIN register.device USING (device_key) WHERE campaign_id = %s"""


def standing(connection: Execute, campaign_id: str) -> tuple[list[Wave], Back, list[int]]:
    """How a campaign's devices stand: by wave, of those taken back, and how many each wave has."""
    sql = STANDING.format(begun=BEGUN, restorable=RESTORABLE)
    found = connection.execute(sql.encode(), (campaign_id,)).fetchall()
    names = ("waiting", "open", "good", "bad", "skipped")
    waves = [Wave(**{name: row[name] for name in ("overtaken", *names)}) for row in found]
    back = Back(**{name: sum(row[f"back_{name}"] for row in found) for name in names})
    return waves, back, [row["devices"] for row in found]


def enter(connection: Execute, campaign_id: str, phase: Phase, reason: str, most_failed: float | None = None) -> None:
    """Let a campaign go into another phase."""
    values = {"campaign": campaign_id, "phase": phase, "reason": reason, "most_failed": most_failed}
    connection.execute(ENTER, values)


def turn(connection: Execute, campaign_id: str, wave: int, limit: int) -> list[Target]:
    """Whose turn it is in a wave."""
    rows = connection.execute(TURN, {"campaign": campaign_id, "wave": wave, "limit": limit})
    return [Target(row["device_key"], row["device_id"], Kind(row["kind"]), row["site_id"]) for row in rows]


def back_turn(connection: Execute, campaign_id: str, limit: int) -> dict[int, tuple[dict[str, Any], Installed | None]]:
    """Who is taken back next, by device key: to what, and what it was ordered to install."""
    rows = connection.execute(BACK_TURN.encode(), {"campaign": campaign_id, "limit": limit})
    return {row["device_key"]: (row["before"], _installed(row) if row["topic"] == "upgrade" else None) for row in rows}


def _installed(row: Mapping[str, Any]) -> Installed:
    names = ("name", "version", "is_applied", "reported", "newer", "is_newer_open")
    return Installed(before=row["before"]["version"], **{name: row[name] for name in names})


def skip(connection: Execute, campaign_id: str, reasons: Mapping[int, str], *, is_back: bool = False) -> None:
    """Let the turn of these devices, by key, pass: to be told something, or to be taken back."""
    query = {"campaign": campaign_id, "keys": list(reasons), "reasons": list(reasons.values())}
    connection.execute(SKIP.format(column="back_skipped" if is_back else "skipped").encode(), query)


def begin(connection: Execute, campaign_id: str, numbers: Mapping[int, int], befores: Mapping[int, Any]) -> None:
    """Note the orders of devices, by key, and what they go back to; None where that is not known."""
    keys = list(numbers)
    kept = [None if befores[key] is None else Jsonb(befores[key]) for key in keys]
    query = {"campaign": campaign_id, "keys": keys, "numbers": [numbers[key] for key in keys], "befores": kept}
    connection.execute(BEGIN, query)


def begin_back(connection: Execute, campaign_id: str, numbers: Mapping[int, int]) -> None:
    """Note the orders that take devices back."""
    query = {"campaign": campaign_id, "keys": list(numbers), "numbers": list(numbers.values())}
    connection.execute(BEGIN_BACK, query)


def add_targets(connection: Execute, campaign_id: str, keys: Sequence[int], sizes: Sequence[int]) -> None:
    """The devices of a campaign, so many in each wave."""
    waves = [wave for wave, size in enumerate(sizes) for _ in range(size)]
    connection.execute(ADD_TARGETS, {"campaign": campaign_id, "keys": list(keys), "waves": waves})
