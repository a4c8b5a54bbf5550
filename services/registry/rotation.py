"""Changing a device's credential without locking it out, over HTTP."""

from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from psycopg import Connection
from psycopg.rows import DictRow

from services.registry import credentials, device_search, rotation_rows
from services.registry.access import ActorOf
from services.registry.changes import check_end
from services.registry.database import remember
from services.registry.device_models import Device
from services.registry.joining_models import NewRotation, Rotation
from services.registry.models import Identifier
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router

ROUTER = Router(prefix="/api/devices", tags=["devices"])
LONGEST = datetime.timedelta(days=31)
DeviceId = Annotated[Identifier, Path()]


@ROUTER.post("/{device_id}/rotation", status_code=HTTPStatus.CREATED)
def begin_rotation(device_id: DeviceId, wanted: NewRotation, parts: PartsOf, actor: ActorOf) -> Rotation:
    """Begin to change a credential.

    By device: it is asked over its session to make a secret of its own, which counts as soon as it has kept it. By hand: the new
    secret is shown here; the old one counts until then, and a broker that asks by HTTP lets both in until the new one is used.
    """
    _check(wanted, parts)
    parts.broker.check()
    secret = credentials.new_secret() if wanted.by == "hand" else None
    line = None if secret is None else credentials.verifier(secret)
    with parts.register.transaction(actor) as connection:
        device = _find(connection, device_id)
        begun = rotation_rows.begin(connection, device.device_key, wanted.by, verifier=line, until=wanted.until)
        if begun is None:
            fault = Fault("device_id", repr(device_id), "a device that has a credential")
            raise ProblemError(HTTPStatus.CONFLICT, f"{device_id} has no credential that could be changed", [fault])
        remember(connection, actor, "begin rotation", device_id, {"by": wanted.by})
    parts.broker.announce()
    if wanted.by == "device" and parts.doorkeeper is not None:
        parts.doorkeeper.order(device.kind, device_id, begun["rotation"])
    return Rotation(device_id=device_id, by=wanted.by, until=begun["next_until"], secret=secret)


@ROUTER.get("/{device_id}/rotation")
def show_rotation(device_id: DeviceId, parts: PartsOf) -> Rotation:
    """The change that is under way; 404 when none is: it was done, given up or never begun."""
    with parts.register.reading() as connection:
        row = rotation_rows.show(connection, _find(connection, device_id).device_key)
    if row is None:
        raise not_found("rotation of", device_id)
    return Rotation(device_id=device_id, by=row["by"], until=row["until"], secret=None)


@ROUTER.delete("/{device_id}/rotation", status_code=HTTPStatus.NO_CONTENT)
def give_up_rotation(device_id: DeviceId, parts: PartsOf, actor: ActorOf) -> None:
    """Let the old credential stay."""
    with parts.register.transaction(actor) as connection:
        if not rotation_rows.give_up(connection, _find(connection, device_id).device_key):
            raise not_found("rotation of", device_id)
        remember(connection, actor, "give up rotation", device_id, {})
    parts.broker.announce()


@ROUTER.post("/{device_id}/rotation/finish", status_code=HTTPStatus.NO_CONTENT)
def finish_rotation(device_id: DeviceId, parts: PartsOf, actor: ActorOf) -> None:
    """Let the new secret, which was made by hand, count from now on alone; a session opened with the old one is cut."""
    with parts.register.transaction(actor) as connection:
        if not rotation_rows.finish(connection, _find(connection, device_id).device_key):
            raise not_found("rotation by hand of", device_id)
        remember(connection, actor, "finish rotation", device_id, {})
    parts.broker.announce()


def _check(wanted: NewRotation, parts: Parts) -> None:
    check_end("until", wanted.until, parts.clock, LONGEST)
    if wanted.by == "device" and parts.doorkeeper is None:
        fault = Fault("by", "device", "hand, since this registry has no session at the broker (CHELU_MQTT_URL with an account)")
        raise ProblemError(HTTPStatus.CONFLICT, f"by = device is not allowed: {fault.allowed}", [fault])


def _find(connection: Connection[DictRow], device_id: str) -> Device:
    row = device_search.found(connection, device_id, for_update=True)
    if row is None:
        raise not_found("device", device_id)
    return Device(**row)
