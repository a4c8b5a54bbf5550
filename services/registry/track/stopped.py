"""What holds as long as a stop is in force: an alarm says so, and neither that nor the orders to stop can be taken away."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from http import HTTPStatus

from psycopg import Connection
from psycopg.rows import DictRow

from chelu.clock import Clock
from services.registry.alarms.kinds import EMERGENCY_STOP
from services.registry.alarms.rows import raise_alarm
from services.registry.database import ITSELF, Register
from services.registry.orders.rows import IS_OPEN, Letter
from services.registry.problems import Fault, ProblemError
from services.registry.rounds import Rounds
from services.registry.track import log_rows, stop_rows
from services.registry.track.chain import Happening

ANEW = "told to stop, since the register was restored"
PERIOD_S = 1.0  # between two looks whether every stop has its alarm
SILENT = """SELECT site_id FROM register.stop WHERE released IS NULL AND NOT EXISTS (SELECT 1 FROM register.alarm
        WHERE kind = %(kind)s AND subject = stop.site_id AND alarm.site_id = stop.site_id AND state IN ('pending', 'raised'))
    ORDER BY site_id"""
OF_DISPATCH = f"""SELECT site_id, released IS NOT NULL AS is_released FROM register.stop JOIN register.stop_device USING (stop_id)
        JOIN register.device_order ON device_order.number IN (stop_device.number, release_number)
    WHERE dispatch_id = %s AND (released IS NULL OR device_order.number = release_number AND {IS_OPEN}) LIMIT 1"""  # noqa: S608
OF_DEVICE = """SELECT site_id FROM register.stop JOIN register.stop_device USING (stop_id)
    WHERE device_key = %s AND released IS NULL LIMIT 1"""
Execute = Connection[DictRow]


def raise_alarm_of(connection: Execute, site_id: str, now_us: int) -> None:
    """Raise the alarm of a site's stop, if one is in force: it may have been released meanwhile."""
    stop_rows.lock(connection, site_id)
    stop = stop_rows.in_force(connection, site_id)
    if stop is not None:
        detail = {"stop": stop["stop_id"], "reason": stop["reason"], "pressed_by": stop["pressed_by"]}
        raise_alarm(connection, EMERGENCY_STOP, site_id, site_id=site_id, now_us=now_us, detail=detail)


def watching(register: Register, clock: Clock) -> Rounds:
    """Raises the alarms of stops that have none: the registry died after the orders, or a backup without it was restored."""
    return Rounds.every(PERIOD_S, "stops", lambda: _raise_what_is_missing(register, clock), "a stop may have no alarm")


def keep_alarm(connection: Execute, kind: str, site_id: str) -> None:
    """ProblemError 409 when an alarm is one of a stop that is in force."""
    if kind == EMERGENCY_STOP and stop_rows.in_force(connection, site_id) is not None:
        raise _in_force(site_id, "its alarm")


def keep_orders(connection: Execute, dispatch_id: int) -> None:
    """ProblemError 409 when a dispatch has orders of a stop that is in force, or to go on after one that are not heard yet."""
    row = connection.execute(OF_DISPATCH.encode(), (dispatch_id,)).fetchone()
    if row is not None and row["is_released"]:
        allowed = "its orders to be heard: who was told to stop would not go on otherwise"
        detail = f"the release of a stop cannot be taken back: allowed is {allowed}"
        raise ProblemError(HTTPStatus.CONFLICT, detail, [Fault("dispatch_id", str(dispatch_id), allowed)])
    if row is not None:
        raise _in_force(row["site_id"], "its orders")


def keep_site(connection: Execute, site_id: str) -> None:
    """ProblemError 409 when a site has a stop in force: who was told and has been moved away would stay stopped for ever."""
    if stop_rows.in_force(connection, site_id) is not None:
        raise _in_force(site_id, "the site")


def keep_device(connection: Execute, device_key: int) -> None:
    """ProblemError 409 when a device was told to stop: deleted it would stay stopped, and nobody would know."""
    row = connection.execute(OF_DEVICE, (device_key,)).fetchone()
    if row is not None:
        raise _in_force(row["site_id"], "the device")


def keep_register(connection: Execute) -> None:
    """ProblemError 409 when a stop is in force anywhere: with another register nobody could let go on who was told to stop."""
    for site_id in sorted(stop_rows.stopped_sites(connection)):
        raise _in_force(site_id, "the register")


def tell_anew(connection: Execute, unreleased: Sequence[str], actor: str, now_us: int) -> list[Letter]:
    """What is to be sent once a register has been replaced: in its stops to everybody, and to whoever has not heard of a release.

    In its stops nobody counts as told, since a release may have been heard after the backup.
    """
    now = datetime.datetime.fromtimestamp(now_us / 1e6, datetime.UTC)
    told = stop_rows.order_anew(connection, unreleased, actor, now)
    for site_id, letters in told.items():
        if site_id is not None and letters:
            detail = {"told": [letter.device_id for letter in letters]}
            log_rows.append(connection, site_id, [Happening(actor, ANEW, site_id, detail)], now_us)
    return [letter for letters in told.values() for letter in letters]


def _raise_what_is_missing(register: Register, clock: Clock) -> None:
    for row in register.rows(SILENT, {"kind": EMERGENCY_STOP}):
        with register.transaction(ITSELF) as connection:
            raise_alarm_of(connection, row["site_id"], clock.wall_us())


def _in_force(site_id: str, what: str) -> ProblemError:
    allowed = f"{what} to end with the stop: release that (POST /api/sites/{site_id}/stop/release)"
    detail = f"the emergency stop of {site_id!r} is in force: allowed is {allowed}"
    return ProblemError(HTTPStatus.CONFLICT, detail, [Fault("stop", "in force", allowed)])
