"""SQL of emergency stops. The orders themselves are `services.registry.orders`': queued, sent, answered as any order is."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.device_rows import BELOW
from services.registry.lifecycle import SPEAKING
from services.registry.orders import rows as orders
from services.registry.orders.machine import OPEN, Attempted, Order, State, after
from services.registry.orders.rows import Letter, Task

Execute = Connection[DictRow]
STOP, RELEASE, SLOT, TOPIC = "stop", "release", "emergency stop", "command"
LASTING_S = 30 * 86_400.0
STOPPED_KINDS = ("obu", "vehicle", "signal")
MOVING_KINDS = ("obu", "vehicle")
# Nobody presses, releases or tells while the register is replaced; asked for first, so that whoever waits holds nothing.
WHILE_KEPT = "LOCK TABLE register.stop IN ROW EXCLUSIVE MODE"
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu stop'), hashtext(%s))"
COLUMNS = "stop_id, site_id, reason, pressed, pressed_by, presses, released, released_by, release_note"
IN_FORCE = f"SELECT {COLUMNS} FROM register.stop WHERE site_id = %s AND released IS NULL"  # noqa: S608 - constants only
SITES = "SELECT site_id FROM register.stop WHERE released IS NULL"
PRESS = f"""INSERT INTO register.stop (site_id, reason, pressed, pressed_by) VALUES (%(site_id)s, %(reason)s, %(now)s, %(actor)s)
    RETURNING {COLUMNS}"""  # noqa: S608 - constants only
AGAIN = f"""UPDATE register.stop SET presses = presses + 1, reason = CASE reason WHEN '' THEN %(reason)s ELSE reason END
    WHERE stop_id = %(stop_id)s RETURNING {COLUMNS}"""  # noqa: S608 - constants only
RELEASED = f"""UPDATE register.stop SET released = %(now)s, released_by = %(actor)s, release_note = %(note)s
    WHERE stop_id = %(stop_id)s RETURNING {COLUMNS}"""  # noqa: S608 - constants only
HAS_SPEAKER = """({name}.parent_key IS NOT NULL
    OR EXISTS (SELECT 1 FROM register.credential WHERE credential.device_key = {name}.device_key))"""
REACHED, OBU_REACHED = HAS_SPEAKER.format(name="device"), HAS_SPEAKER.format(name="obu")
TARGETS = f"""SELECT device.device_key, device.device_id, device.kind, stop_device.number, device_order.state
    FROM register.device LEFT JOIN register.stop_device ON stop_device.device_key = device.device_key AND stop_id = %(stop_id)s
        LEFT JOIN register.device_order ON device_order.number = stop_device.number
    WHERE site_id = %(site_id)s AND kind = ANY(%(kinds)s) AND lifecycle = ANY(%(lifecycles)s) AND {REACHED}
        AND (%(device_ids)s::text[] IS NULL OR device.device_id = ANY(%(device_ids)s)) ORDER BY device.device_id"""  # noqa: S608
UNTOLD = f"""SELECT device_id FROM register.device
    WHERE site_id = %(site_id)s AND kind = ANY(%(kinds)s) AND lifecycle = ANY(%(lifecycles)s) AND {REACHED}
        AND NOT EXISTS (SELECT 1 FROM register.stop_device
            WHERE stop_id = %(stop_id)s AND stop_device.device_key = device.device_key) ORDER BY 1"""  # noqa: S608
UNREACHABLE = f"""SELECT device_id FROM register.device WHERE site_id = %(site_id)s
    AND (kind IN ('vehicle', 'signal') OR kind = 'obu' AND on_vehicle_key IS NULL)
    AND lifecycle = ANY(%(lifecycles)s) AND NOT {REACHED} AND NOT EXISTS (SELECT 1 FROM register.device AS obu
        WHERE obu.on_vehicle_key = device.device_key AND obu.kind = 'obu' AND obu.site_id = device.site_id
            AND obu.lifecycle = ANY(%(lifecycles)s) AND {OBU_REACHED}) ORDER BY 1"""  # noqa: S608
NOTE = """INSERT INTO register.stop_device (stop_id, device_key, number)
    SELECT %s, * FROM unnest(%s::integer[], %s::bigint[])
    ON CONFLICT (stop_id, device_key) DO UPDATE SET number = excluded.number"""
NOTE_RELEASE = """UPDATE register.stop_device SET release_number = given.number
    FROM unnest(%s::integer[], %s::bigint[]) AS given (device_key, number)
    WHERE stop_id = %s AND stop_device.device_key = given.device_key"""
STAY = """SELECT 1 FROM register.device WHERE device_key IN (SELECT device_key FROM register.stop_device WHERE stop_id = %s)
    ORDER BY device_key FOR SHARE"""  # where they are: nobody is moved between the looks at it
# Who was moved to another stopped site counts as told there, though that has not noticed yet: it is that site's to let go on.
HANDED_ON = """INSERT INTO register.stop_device (stop_id, device_key, number)
    SELECT stop.stop_id, device_key, number FROM register.stop_device JOIN register.device USING (device_key)
        JOIN register.stop ON stop.site_id = device.site_id AND released IS NULL
    WHERE stop_device.stop_id = %s ON CONFLICT (stop_id, device_key) DO NOTHING"""
TOLD = """SELECT device_key, device_id, kind FROM register.stop_device JOIN register.device USING (device_key)
    WHERE stop_id = %s AND NOT EXISTS (
        SELECT 1 FROM register.stop WHERE stop.site_id = device.site_id AND released IS NULL)"""  # moved to one: stays stopped
ATTEMPTED = "UPDATE register.device_order SET attempts = %s, pause_s = %s, due = %s WHERE number = ANY(%s)"
# How each that was told is reached. A vehicle below a gateway is told in the gateway's session, and ours hands no order on; one
# with an OBU that was told, too, counts with that. Both only while it has not answered and never had a session of its own.
ANSWERING = f"""{BELOW}, told AS (
    SELECT stop_device.stop_id, device.device_key, device.device_id, device.kind, device.on_vehicle_key, order_.state,
        order_.sent, order_.delivered, order_.attempts, order_.settled, order_.detail, release.state AS release_state,
        CASE WHEN device.kind <> 'vehicle' OR order_.state = 'applied' OR credential.device_key IS NOT NULL
                AND (health.is_off OR health.beat_s IS NOT NULL OR health.uptime_s IS NOT NULL
                    OR health.heard_us > 0 AND device.device_key NOT IN (SELECT device_key FROM below)) THEN 'session'
            WHEN (stop_device.stop_id, device.device_key) IN (SELECT its.stop_id, obu.on_vehicle_key
                FROM register.stop_device AS its JOIN register.device AS obu USING (device_key)
                WHERE its.stop_id = ANY(%(stops)s) AND obu.kind = 'obu' AND obu.on_vehicle_key IS NOT NULL) THEN 'obu'
            WHEN device.device_key IN (SELECT device_key FROM below) THEN 'gateway' ELSE 'session' END AS way
    FROM register.stop_device JOIN register.device USING (device_key)
        LEFT JOIN register.credential USING (device_key) LEFT JOIN register.health USING (device_key)
        LEFT JOIN register.device_order AS order_ ON order_.number = stop_device.number
        LEFT JOIN register.device_order AS release ON release.number = stop_device.release_number
    WHERE stop_device.stop_id = ANY(%(stops)s))"""  # noqa: S608 - constants only
DEVICES = f"""{ANSWERING} SELECT told.device_id, told.kind,
        CASE WHEN told.kind = 'vehicle' THEN told.device_id ELSE vehicle.device_id END AS vehicle,
        coalesce(told.state, 'forgotten') AS state, coalesce(told.sent, told.delivered) AS told,
        coalesce(told.attempts, 0) AS attempts,
        CASE WHEN told.state = 'applied' THEN told.settled END AS answered, coalesce(told.detail, '') AS detail,
        told.release_state, told.way
    FROM told LEFT JOIN register.device AS vehicle ON vehicle.device_key = told.on_vehicle_key
    WHERE told.way <> 'obu' ORDER BY told.device_id"""  # noqa: S608 - constants only
COUNTS = f"""{ANSWERING} SELECT stop_id, count(*) AS devices, count(*) FILTER (WHERE state = 'applied') AS answered,
        count(*) FILTER (WHERE release_state = 'applied') AS going
    FROM told WHERE way = 'session' GROUP BY stop_id"""  # noqa: S608 - constants only
PAST = f"SELECT {COLUMNS} FROM register.stop WHERE site_id = %s ORDER BY stop_id DESC LIMIT %s"  # noqa: S608 - constants only
ONE = f"SELECT {COLUMNS} FROM register.stop WHERE site_id = %s AND stop_id = %s"  # noqa: S608 - constants only
# Of what was told before the register was replaced nothing is known: whoever is on the site is told anew.
FORGET_TOLD = """UPDATE register.stop_device SET number = 0, release_number = NULL FROM register.stop
    WHERE stop.stop_id = stop_device.stop_id AND released IS NULL"""
UNRELEASED = f"""SELECT DISTINCT device_id FROM register.device_order JOIN register.device USING (device_key)
    WHERE slot = '{SLOT}' AND body ->> 'command' = '{RELEASE}' AND {orders.IS_OPEN}"""  # noqa: S608 - constants only
UNKNOWN = """SELECT device_id FROM unnest(%s::text[]) AS its (device_id)
    WHERE NOT EXISTS (SELECT FROM register.device WHERE device.device_id = its.device_id) ORDER BY 1"""
GOING = """SELECT device_key, device_id, kind FROM register.device WHERE device_id = ANY(%s) AND lifecycle = ANY(%s)
    AND NOT EXISTS (SELECT 1 FROM register.stop WHERE stop.site_id = device.site_id AND released IS NULL) ORDER BY device_id"""
_LIFECYCLES = [str(state) for state in SPEAKING]


def lock(connection: Execute, site_id: str) -> None:
    """Let nobody else press or release on this site before this transaction ends."""
    connection.execute(WHILE_KEPT)
    connection.execute(LOCK, (site_id,))


def lock_with_all_stopped(connection: Execute, site_id: str) -> None:
    """Likewise on this site and on every one that is stopped; in the order in which everybody takes several."""
    for one in sorted({site_id, *stopped_sites(connection)}):
        lock(connection, one)


def in_force(connection: Execute, site_id: str) -> dict[str, Any] | None:
    """The site's stop that was not released, if there is one."""
    return connection.execute(IN_FORCE, (site_id,)).fetchone()


def stopped_sites(connection: Execute) -> set[str]:
    """Sites with a stop in force."""
    return {row["site_id"] for row in connection.execute(SITES)}


def press(connection: Execute, site_id: str, reason: str, actor: str, now: datetime.datetime) -> dict[str, Any]:
    """The stop in force, made now or pressed once more; its reason is the first that was given."""
    present = in_force(connection, site_id)
    if present is None:
        return _one(connection, PRESS, {"site_id": site_id, "reason": reason, "actor": actor, "now": now})
    return _one(connection, AGAIN, {"reason": reason, "stop_id": present["stop_id"]})


def release(connection: Execute, stop_id: int, note: str, actor: str, now: datetime.datetime) -> dict[str, Any]:
    """The stop, which is over."""
    return _one(connection, RELEASED, {"stop_id": stop_id, "note": note, "actor": actor, "now": now})


def order_stop(
    connection: Execute,
    stop: dict[str, Any],
    actor: str,
    now: datetime.datetime,
    *,
    device_ids: Collection[str] | None = None,
    is_anew: bool = False,
) -> list[Letter]:
    """Order those devices to stop that have not said that they have; is_anew: these too, since they may have forgotten.

    What is returned is to be sent once the transaction is committed. An order that is open is sent again under its number.
    """
    query = {"stop_id": stop["stop_id"], "site_id": stop["site_id"], "kinds": list(STOPPED_KINDS), "lifecycles": _LIFECYCLES}
    ids = None if device_ids is None else list(device_ids)
    targets = connection.execute(TARGETS.encode(), {**query, "device_ids": ids}).fetchall()
    open_ = [row["number"] for row in targets if row["state"] in OPEN]
    fresh = [row["device_key"] for row in targets if row["state"] not in OPEN and (is_anew or row["state"] != State.APPLIED)]
    body = {"command": STOP, "reason": stop["reason"], "since": stop["pressed"].isoformat()}
    numbers = _issued(connection, body, fresh, actor, now)
    connection.execute(NOTE, (stop["stop_id"], list(numbers), list(numbers.values())))
    new = [row for row in targets if row["device_key"] in numbers]
    return [*_again(connection, open_, now), *_letters(new, numbers, body)]


def untold(connection: Execute, stop: dict[str, Any]) -> list[str]:
    """Devices that are on a stopped site now and were not when it was told to stop: moved there, or registered since."""
    query = {"stop_id": stop["stop_id"], "site_id": stop["site_id"], "kinds": list(STOPPED_KINDS), "lifecycles": _LIFECYCLES}
    return [row["device_id"] for row in connection.execute(UNTOLD.encode(), query)]


def order_release(connection: Execute, stop: dict[str, Any], actor: str, now: datetime.datetime) -> list[Letter]:
    """Order all that were told to stop to go on; orders to stop that are still open are taken back.

    Call it under the locks of all sites that are stopped.
    """
    for statement in (STAY, HANDED_ON):
        connection.execute(statement, (stop["stop_id"],))
    told = connection.execute(TOLD, (stop["stop_id"],)).fetchall()
    numbers, letters = _released(connection, told, stop["release_note"], actor, now)
    connection.execute(NOTE_RELEASE, (list(numbers), list(numbers.values()), stop["stop_id"]))
    return letters


def unreleased(connection: Execute) -> list[str]:
    """Devices that may go on and have not said that they know."""
    return [row["device_id"] for row in connection.execute(UNRELEASED.encode())]


def unknown(connection: Execute, device_ids: Sequence[str]) -> list[str]:
    """Those of these devices that are not registered."""
    return [row["device_id"] for row in connection.execute(UNKNOWN, (list(device_ids),))]


def order_anew(
    connection: Execute, unreleased: Sequence[str], actor: str, now: datetime.datetime
) -> dict[str | None, list[Letter]]:
    """Orders to all of every stop in force, by site, and under None to those of the unreleased that are on no such site to go on.

    For a register that was replaced: what it knows of who was told is old.
    """
    connection.execute(FORGET_TOLD)
    told: dict[str | None, list[Letter]] = {}
    for site_id in sorted(stopped_sites(connection)):
        if (stop := in_force(connection, site_id)) is not None:
            told[site_id] = order_stop(connection, stop, actor, now)
    going = connection.execute(GOING, (list(unreleased), _LIFECYCLES)).fetchall()
    told[None] = _released(connection, going, "the register was restored before this was heard", actor, now)[1]
    return told


def devices(connection: Execute, stop: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """What each device has done about a stop, by id; and the vehicles of its site that no order can reach."""
    rows = connection.execute(DEVICES.encode(), {"stops": [stop["stop_id"]]}).fetchall()
    ways = [row.pop("way") for row in rows]
    beyond = {row["device_id"] for row, way in zip(rows, ways, strict=True) if way == "gateway"}
    query = {"site_id": stop["site_id"], "lifecycles": _LIFECYCLES}
    unreachable = beyond | {row["device_id"] for row in connection.execute(UNREACHABLE.encode(), query)}
    return [row for row in rows if row["device_id"] not in beyond], sorted(unreachable)


def counted(connection: Execute, stops: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stops with how many were told, have answered, and have gone on."""
    rows = connection.execute(COUNTS.encode(), {"stops": [stop["stop_id"] for stop in stops]}).fetchall()
    counts = {row["stop_id"]: row for row in rows}
    nothing = {"devices": 0, "answered": 0, "going": 0}
    return [{**stop, **{name: counts.get(stop["stop_id"], nothing)[name] for name in nothing}} for stop in stops]


def past(connection: Execute, site_id: str, limit: int) -> list[dict[str, Any]]:
    """The newest stops of a site, the newest first."""
    return connection.execute(PAST, (site_id, limit)).fetchall()


def one(connection: Execute, site_id: str, stop_id: int) -> dict[str, Any] | None:
    """A stop of a site."""
    return connection.execute(ONE, (site_id, stop_id)).fetchone()


def _issued(connection: Execute, body: dict[str, Any], keys: Sequence[int], actor: str, now: datetime.datetime) -> dict[int, int]:
    if not keys:
        return {}
    bodies = dict.fromkeys(keys, body)
    task = Task(actor=actor, topic=TOPIC, body=body, bodies=bodies, lasting_s=LASTING_S, slot=SLOT, selection={"by": SLOT})
    numbers = orders.issue(connection, task, now)[1]
    # They are sent from here, at once: to the clerk they are attempted, and due again only later. One stands for all alike.
    one = after(Order(number=0, queued=now, expires=now, due=now), Attempted(now))
    connection.execute(ATTEMPTED, (one.attempts, one.pause_s, one.due, list(numbers.values())))
    return numbers


def _released(
    connection: Execute, rows: Sequence[dict[str, Any]], note: str, actor: str, now: datetime.datetime
) -> tuple[dict[int, int], list[Letter]]:
    body = {"command": RELEASE, "reason": note}
    numbers = _issued(connection, body, [row["device_key"] for row in rows], actor, now)
    return numbers, _letters(rows, numbers, body)


def _letters(rows: Iterable[dict[str, Any]], numbers: Mapping[int, int], body: dict[str, Any]) -> list[Letter]:
    return [Letter(numbers[row["device_key"]], TOPIC, body, row["device_id"], row["kind"]) for row in rows]


def _again(connection: Execute, numbers: Sequence[int], now: datetime.datetime) -> list[Letter]:
    """Letters of orders that are open, noted as attempted once more."""
    orders.move(connection, {number: [Attempted(now)] for number in numbers})
    return orders.letters(connection, numbers) if numbers else []


def _one(connection: Execute, sql: str, parameters: Any) -> dict[str, Any]:
    row = connection.execute(sql.encode(), parameters).fetchone()
    if row is None:
        raise LookupError("a statement that returns its row returned none")
    return row
