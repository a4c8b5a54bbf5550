"""Devices and their credentials over HTTP. A request is answered when the broker has been told."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, Header, Path, Query, Response
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic_core import to_json

from services.registry import callers, changes, credentials, device_removal, device_rows, device_search
from services.registry.access import ActorOf, CallerOf, require
from services.registry.changes import IfMatch
from services.registry.database import remember
from services.registry.device_filters import FiltersOf
from services.registry.device_models import Device, DeviceChange, DevicePage, LifecycleEntry, NewDevice, Registered, Step
from services.registry.lifecycle import SPEAKING, Lifecycle, allowed, may_follow
from services.registry.models import Identifier
from services.registry.parts import Parts, PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role
from services.registry.routing import Router

ROUTER = Router(prefix="/api/devices", tags=["devices"])
MAX_DEVICES = 20_000

DeviceId = Annotated[Identifier, Path()]
NewDevices = Annotated[list[NewDevice], Body(min_length=1, max_length=MAX_DEVICES, description="all are registered, or none")]
REVOKE = "DELETE FROM register.credential WHERE device_key = %s"
STEP = "UPDATE register.device SET lifecycle = %s, version = version + 1 WHERE device_key = %s"
NOTE = "INSERT INTO register.lifecycle (device_key, former, state, actor, note) VALUES (%s, %s, %s, %s, %s)"
STEPS = "SELECT at, former, state, actor, note FROM register.lifecycle WHERE device_key = %s ORDER BY at"


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_devices(devices: NewDevices, parts: PartsOf, who: CallerOf, actor: ActorOf) -> list[Registered]:
    """Register devices, all or none. The secrets are shown here and never again."""
    require_operator(parts, who, devices)
    parts.broker.check()
    secrets = new_secrets(devices)
    with parts.register.transaction(actor) as connection:
        registered = device_rows.register(connection, devices, secrets, actor)
        detail: dict[str, Any] = {"devices": [device.device_id for device in registered]}
        remember(connection, actor, "add devices", f"{len(registered)} devices", detail)
    parts.broker.announce()
    return registered


@ROUTER.get("", response_model=DevicePage)
def list_devices(
    parts: PartsOf,
    who: CallerOf,
    filters: FiltersOf,
    limit: Annotated[int, Query(ge=1, le=20_000)] = 100,
    after: Annotated[str, Query(pattern=r"^[A-Za-z0-9_.-]{0,64}$", description="the id after which the page begins")] = "",
) -> Response:
    """Devices by id, a page at a time, that fit all filters."""
    with parts.register.reading() as connection:
        rows = device_search.listed(connection, {**filters, "sites": who.sites(Role.VIEWER)}, after=after, limit=limit + 1)
    page = rows[:limit]  # as they are, which they were found to be when they were registered: to look again takes the longest
    document = {"devices": page, "next": page[-1]["device_id"] if len(rows) > limit else None}
    return Response(to_json(document), media_type="application/json")


@ROUTER.get("/{device_id}")
def show_device(device_id: DeviceId, parts: PartsOf, response: Response) -> Device:
    """One device; its version is the ETag."""
    with parts.register.reading() as connection:
        device = _find(connection, device_id)
    changes.set_version(response, device.version)
    return device


@ROUTER.patch("/{device_id}")
def change_device(
    device_id: DeviceId,
    change: DeviceChange,
    parts: PartsOf,
    who: CallerOf,
    actor: ActorOf,
    response: Response,
    if_match: IfMatch = None,
) -> Device:
    """Change what the request names and leave the rest; null takes a value away. Needs If-Match with the version meant."""
    require(who, Role.OPERATOR, [change.site_id] if change.site_id else [])
    require_named(parts, who, [change.parent, change.on_vehicle])
    with parts.register.transaction(actor) as connection:
        after = present = _find(connection, device_id, for_update=True)
        changes.check_version(if_match, present.version, device_id)
        device = changes.changed(NewDevice, {**_as_new(present), "credential": False}, change)
        if changes.differs(device, present):
            device_rows.change(connection, device)
            remember(connection, actor, "change device", device_id, change.model_dump(mode="json", exclude_unset=True))
            after = _find(connection, device_id)
    if _spoken_for(after) != _spoken_for(present):
        parts.broker.announce()
    changes.set_version(response, after.version)
    return after


@ROUTER.delete("/{device_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_device(
    device_id: DeviceId, parts: PartsOf, actor: ActorOf, if_match: Annotated[str, Header(description="as for a change")] = "*"
) -> None:
    """Delete a device that nothing depends on, neither other devices nor stored rows: such a one can be retired."""
    with parts.register.transaction(actor) as connection:
        device_removal.hold(connection, device_id)
        device = _find(connection, device_id, for_update=True)
        changes.check_version(if_match, device.version, device_id)
        device_removal.delete(connection, device)
        remember(connection, actor, "delete device", device_id, {})
    parts.broker.announce()


@ROUTER.get("/{device_id}/lifecycle")
def show_lifecycle(device_id: DeviceId, parts: PartsOf) -> list[LifecycleEntry]:
    """The states a device came into, oldest first."""
    with parts.register.reading() as connection:
        device = _find(connection, device_id)
        return [LifecycleEntry(**row) for row in connection.execute(STEPS, (device.device_key,))]


@ROUTER.post("/{device_id}/lifecycle", status_code=HTTPStatus.CREATED)
def step(device_id: DeviceId, step: Step, parts: PartsOf, actor: ActorOf) -> Device:
    """Let a device go into its next state; one that retires loses its credential, and its session is cut."""
    with parts.register.transaction(actor) as connection:
        device = _find(connection, device_id, for_update=True)
        if not may_follow(device.lifecycle, step.to):
            fault = Fault("to", step.to, allowed(device.lifecycle))
            raise ProblemError(HTTPStatus.CONFLICT, f"to = {step.to} is not allowed: {fault.allowed}", [fault])
        connection.execute(STEP, (step.to, device.device_key))
        connection.execute(NOTE, (device.device_key, device.lifecycle, step.to, actor, step.note))
        if step.to not in SPEAKING:
            connection.execute(REVOKE, (device.device_key,))
        remember(connection, actor, "lifecycle", device_id, {"from": device.lifecycle, "to": step.to, "note": step.note})
        after = _find(connection, device_id)
    if step.to not in SPEAKING:
        parts.broker.announce()
    return after


@ROUTER.post("/{device_id}/credential", status_code=HTTPStatus.CREATED)
def new_credential(device_id: DeviceId, parts: PartsOf, actor: ActorOf) -> Registered:
    """Give a device a new secret; the old one no longer counts, and a session opened with it is cut."""
    parts.broker.check()
    secret = credentials.new_secret()
    with parts.register.transaction(actor) as connection:
        found = _find(connection, device_id, for_update=True)
        _check_speaking(found.lifecycle)
        device_rows.trust(connection, {found.device_key: credentials.verifier(secret)})
        remember(connection, actor, "new credential", device_id, {})
    parts.broker.announce()
    return Registered(device_id=device_id, device_key=found.device_key, secret=secret)


@ROUTER.delete("/{device_id}/credential", status_code=HTTPStatus.NO_CONTENT)
def revoke_credential(device_id: DeviceId, parts: PartsOf, actor: ActorOf) -> None:
    """Take a device's credential away; its session is cut. Nothing happens when it has none."""
    with parts.register.transaction(actor) as connection:
        found = _find(connection, device_id, for_update=True)
        connection.execute(REVOKE, (found.device_key,))
        remember(connection, actor, "revoke credential", device_id, {})
    parts.broker.announce()


def require_operator(parts: Parts, who: Caller, devices: Sequence[NewDevice]) -> None:
    """Raise ProblemError 403 unless the caller is operator of the sites of these devices, and of those that they name."""
    require(who, Role.OPERATOR, {device.site_id for device in devices})
    require_named(parts, who, [name for device in devices for name in (*device.carries, device.parent, device.on_vehicle)])


def require_named(parts: Parts, who: Caller, named: Sequence[str | None]) -> None:
    """The same of devices that others are to be hung on: whoever is below a gateway or on a vehicle speaks for it."""
    if names := [name for name in named if name is not None]:
        require(who, Role.OPERATOR, {row["site_id"] for row in callers.devices(parts.register, names).values()})


def new_secrets(devices: Sequence[NewDevice]) -> dict[str, tuple[str, str]]:
    """(secret, verifier) by id, of those devices that get a credential."""
    ids = list(dict.fromkeys(device.device_id for device in devices if device.has_credential))
    made = [credentials.new_secret() for _ in ids]
    return dict(zip(ids, zip(made, credentials.verifiers(made), strict=True), strict=True))


def _spoken_for(device: Device) -> tuple[str | None, ...]:
    """What of a device decides who may speak for it, and under which name: its gateway, and an OpenV2X RSU's ESN."""
    return device.parent, device.profile, device.serial


def _as_new(device: Device) -> dict[str, Any]:
    return device.model_dump(include=set(NewDevice.model_fields))


def _check_speaking(state: Lifecycle) -> None:
    if state not in SPEAKING:
        fault = Fault("lifecycle", state, f"one of {', '.join(it for it in Lifecycle if it in SPEAKING)}")
        raise ProblemError(HTTPStatus.CONFLICT, f"a credential is not for a device that is {state}", [fault])


def _find(connection: Connection[DictRow], device_id: str, *, for_update: bool = False) -> Device:
    row = device_search.found(connection, device_id, for_update=for_update)
    if row is None:
        raise not_found("device", device_id)
    return Device(**row)
