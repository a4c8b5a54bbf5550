"""The emergency stop of a site over HTTP: pressed, shown with every device that has not answered, released."""

from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query

from services.registry.access import ActorOf
from services.registry.alarms.kinds import EMERGENCY_STOP
from services.registry.alarms.rows import clear_alarm
from services.registry.database import remember
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.track import log_rows, rows, stop_rows
from services.registry.track.chain import Happening
from services.registry.track.recall import send
from services.registry.track.stop_models import Press, Release, Stop, StopDetail, StopDevice, StopState
from services.registry.track.stopped import raise_alarm_of

ROUTER = Router(prefix="/api/sites/{site_id}", tags=["track"])
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
APPLIED = "applied"


@ROUTER.post("/stop", status_code=HTTPStatus.CREATED)
def press_stop(site_id: SiteId, press: Press, parts: PartsOf, actor: ActorOf) -> Stop:
    """Order every vehicle, OBU and signal of the site to stop, now. Pressed again it is sent again to all without an answer."""
    if parts.doorkeeper is None or parts.clerk is None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "the registry has no account at the broker: nobody can be told to stop"
        )
    now = _now(parts)
    with parts.register.transaction(actor) as connection:
        stop_rows.lock(connection, site_id)  # before anything is read: a restore may take the site away while one waits
        rows.site(connection, site_id)
        stop = stop_rows.press(connection, site_id, press.reason, actor, now)
        letters = stop_rows.order_stop(connection, stop, actor, now)
        ids = [letter.device_id for letter in letters]
        detail = {"stop": stop["stop_id"], "reason": press.reason, "press": stop["presses"], "told": ids}
        remember(connection, actor, "emergency stop", site_id, {**detail, "told": len(ids)})
        log_rows.append(connection, site_id, [Happening(actor, "emergency stop", site_id, detail)], parts.clock.wall_us())
    send(parts.doorkeeper.publish, parts.clerk, letters)
    with parts.register.transaction(actor) as connection:  # the orders are out: they wait for nobody who is writing alarms
        raise_alarm_of(connection, site_id, parts.clock.wall_us())
    return _shown(parts, stop)


@ROUTER.get("/stop")
def show_stop(site_id: SiteId, parts: PartsOf) -> StopState:
    """Whether the site is stopped."""
    with parts.register.transaction() as connection:
        rows.site(connection, site_id)
        stop = stop_rows.in_force(connection, site_id)
        counted = stop_rows.counted(connection, [stop]) if stop else []
    return StopState(in_force=Stop(**counted[0]) if counted else None)


@ROUTER.post("/stop/release")
def release_stop(site_id: SiteId, release: Release, parts: PartsOf, actor: ActorOf) -> Stop:
    """Let everybody go on who was told to stop; 409 when no stop is in force. What each device did is put into the log."""
    if parts.doorkeeper is None or parts.clerk is None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "the registry has no account at the broker: nobody can be told to go on"
        )
    now = _now(parts)
    with parts.register.transaction(actor) as connection:
        stop_rows.lock_with_all_stopped(connection, site_id)
        rows.site(connection, site_id)
        present = stop_rows.in_force(connection, site_id)
        if present is None:
            fault = Fault("stop", "none", "one that is in force")
            raise ProblemError(HTTPStatus.CONFLICT, f"site {site_id!r} is not stopped: there is nothing to release", [fault])
        did, unreachable = stop_rows.devices(connection, present)
        stop = stop_rows.release(connection, present["stop_id"], release.note, actor, now)
        letters = stop_rows.order_release(connection, stop, actor, now)
        remember(connection, actor, "stop released", site_id, {"stop": stop["stop_id"], "note": release.note})
        log_rows.append(connection, site_id, [_released(actor, site_id, stop, did, unreachable)], parts.clock.wall_us())
        clear_alarm(connection, EMERGENCY_STOP, site_id, site_id=site_id, now_us=parts.clock.wall_us())
    send(parts.doorkeeper.publish, parts.clerk, letters)
    return _shown(parts, stop)


@ROUTER.get("/stops")
def list_stops(site_id: SiteId, parts: PartsOf, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Stop]:
    """The site's stops, the newest first."""
    with parts.register.transaction() as connection:
        rows.site(connection, site_id)
        return [Stop(**row) for row in stop_rows.counted(connection, stop_rows.past(connection, site_id, limit))]


@ROUTER.get("/stops/{stop_id}")
def show_devices(site_id: SiteId, stop_id: Number, parts: PartsOf) -> StopDetail:
    """One stop with its devices: first those that have not said that they have stopped."""
    with parts.register.transaction() as connection:
        rows.site(connection, site_id)
        stop = stop_rows.one(connection, site_id, stop_id)
        if stop is None:
            raise not_found("stop", str(stop_id))
        told, unreachable = stop_rows.devices(connection, stop)
        counted = stop_rows.counted(connection, [stop])[0]
    devices = [StopDevice(**row) for row in told]
    silent = [device for device in devices if device.state != APPLIED]
    return StopDetail(**counted, silent=silent, stopped=[one for one in devices if one.state == APPLIED], unreachable=unreachable)


def _released(actor: str, site_id: str, stop: dict[str, Any], did: list[dict[str, Any]], unreachable: list[str]) -> Happening:
    """Orders are forgotten after a while; what each device did about this one is not."""
    stopped = {row["device_id"]: row["answered"].isoformat() for row in did if row["answered"] is not None}
    silent = {row["device_id"]: f"{row['state']} {row['detail']}".strip() for row in did if row["answered"] is None}
    detail = {"stop": stop["stop_id"], "note": stop["release_note"], "stopped": stopped, "silent": silent}
    detail |= {"unreachable": unreachable} if unreachable else {}
    return Happening(actor, "stop released", site_id, detail)


def _shown(parts: Parts, stop: dict[str, Any]) -> Stop:
    with parts.register.transaction() as connection:
        return Stop(**stop_rows.counted(connection, [stop])[0])


def _now(parts: Parts) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(parts.clock.wall_us() / 1e6, datetime.UTC)
