"""Devices and their credentials over HTTP. A request is answered when the broker has been told."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query

from chelu.topics import Kind
from services.registry import credentials, device_rows
from services.registry.database import remember
from services.registry.models import Device, DevicePage, Identifier, NewDevice, Registered
from services.registry.parts import ActorOf, Parts, PartsOf
from services.registry.problems import not_found

ROUTER = APIRouter(prefix="/api/devices", tags=["devices"])
MAX_DEVICES = 20_000

DeviceId = Annotated[Identifier, Path()]
NewDevices = Annotated[list[NewDevice], Body(min_length=1, max_length=MAX_DEVICES, description="all are registered, or none")]
REVOKE = "DELETE FROM register.credential WHERE device_key = %s"


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_devices(devices: NewDevices, parts: PartsOf, actor: ActorOf) -> list[Registered]:
    """Register devices, all or none. The secrets are shown here and never again."""
    ids = [device.device_id for device in devices if device.has_credential]
    made = [credentials.new_secret() for _ in ids]
    secrets = (
        dict(zip(ids, zip(made, credentials.verifiers(made), strict=True), strict=True)) if len(set(ids)) == len(ids) else {}
    )
    with parts.register.transaction() as connection:
        registered = device_rows.register(connection, devices, secrets)
        detail: dict[str, Any] = {"devices": [device.device_id for device in registered]}
        remember(connection, actor, "add devices", f"{len(registered)} devices", detail)
    parts.broker.announce()
    return registered


@ROUTER.get("")
def list_devices(
    parts: PartsOf,
    kind: Kind | None = None,
    site: Annotated[Identifier | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=20_000)] = 100,
    after: Annotated[str, Query(pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="the id after which the page begins")] = "",
) -> DevicePage:
    """Devices by id, a page at a time."""
    query = {"kind": kind, "site": site, "limit": limit + 1, "after": after}
    rows = parts.register.rows(device_rows.LIST, query)
    page = [Device(**device_rows.device(row)) for row in rows[:limit]]
    return DevicePage(devices=page, next=page[-1].device_id if len(rows) > limit else None)


@ROUTER.get("/{device_id}")
def show_device(device_id: DeviceId, parts: PartsOf) -> Device:
    """One device."""
    return _find(parts, device_id)


@ROUTER.post("/{device_id}/credential", status_code=HTTPStatus.CREATED)
def new_credential(device_id: DeviceId, parts: PartsOf, actor: ActorOf) -> Registered:
    """Give a device a new secret; the old one no longer counts, and a session opened with it is cut."""
    found = _find(parts, device_id)
    secret = credentials.new_secret()
    with parts.register.transaction() as connection:
        device_rows.trust(connection, {found.device_key: credentials.verifier(secret)})
        remember(connection, actor, "new credential", device_id, {})
    parts.broker.announce()
    return Registered(device_id=device_id, device_key=found.device_key, secret=secret)


@ROUTER.delete("/{device_id}/credential", status_code=HTTPStatus.NO_CONTENT)
def revoke_credential(device_id: DeviceId, parts: PartsOf, actor: ActorOf) -> None:
    """Take a device's credential away; its session is cut. Nothing happens when it has none."""
    found = _find(parts, device_id)
    with parts.register.transaction() as connection:
        connection.execute(REVOKE, (found.device_key,))
        remember(connection, actor, "revoke credential", device_id, {})
    parts.broker.announce()


def _find(parts: Parts, device_id: str) -> Device:
    rows = parts.register.rows(device_rows.FIND, {"device_id": device_id})
    if not rows:
        raise not_found("device", device_id)
    return Device(**device_rows.device(rows[0]))
