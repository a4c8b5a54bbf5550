"""What devices must keep among each other and with the rest of the register. Pure: `Known` says what the register holds."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from chelu.topics import OPENV2X_PROFILE, Kind
from services.registry.changes import RowFault
from services.registry.device_models import VEHICLE_FIELDS, NewDevice
from services.registry.lifecycle import SPEAKING
from services.registry.models import DEVICE_ID, FIRST, LAST
from services.registry.problems import Fault, shown
from services.registry.rights import is_service
from services.registry.site_models import OrganisationRole

Is = Callable[[NewDevice], bool]


@dataclass(frozen=True, slots=True)
class Known:
    """What the register holds of what some devices name, themselves left out: kinds and parents by id, roles by organisation."""

    kinds: Mapping[str, Kind]
    parents: Mapping[str, str]
    sites: frozenset[str]
    roles: Mapping[str, OrganisationRole]
    vins: frozenset[str]
    serials: frozenset[tuple[str, str | None]]
    esns: frozenset[str] = frozenset()  # under which OpenV2X's roadsides speak


def find_faults(devices: Sequence[NewDevice], known: Known) -> list[RowFault]:
    """All that is wrong with devices that are to be registered, or with one as it is to become."""
    faults: list[RowFault] = []
    for field, allowed, is_bad, status in (*_uniqueness(devices, known), *_references(devices, known), *_own(devices)):
        faults += [
            RowFault(row, Fault(field, shown(_value(device, field)), allowed), status)
            for row, device in enumerate(devices)
            if is_bad(device)
        ]
    return faults


Rule = tuple[str, str, Is, HTTPStatus]


def find_orphans(devices: Sequence[NewDevice], bad: Iterable[int], known: Known) -> list[RowFault]:
    """Faults of the rows that name, directly or through others, one of the `bad` rows, which are not registered."""
    naming: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for row, device in enumerate(devices):
        for field in ("parent", "on_vehicle"):
            naming[_value(device, field) or ""].append((row, field))
        for name in device.carries:
            naming[name].append((row, "carries"))
    waiting, seen, faults = list(bad), set(bad), []
    while waiting:
        name = devices[waiting.pop()].device_id
        lost = [] if name in known.kinds else [(row, field) for row, field in naming[name] if row not in seen]
        faults += [
            RowFault(row, Fault(field, shown(name), "a registered device, or a good one of the file")) for row, field in lost
        ]
        seen.update(row for row, _ in lost)
        waiting += {row for row, _ in lost}
    return faults


def _uniqueness(devices: Sequence[NewDevice], known: Known) -> Iterator[Rule]:
    ids = Counter(device.device_id for device in devices)
    vins: Counter[str | None] = Counter(device.vin for device in devices if device.vin)
    serials: Counter[tuple[str | None, str | None]] = Counter((it.serial, it.vendor) for it in devices if it.serial)
    taken = HTTPStatus.CONFLICT
    yield "device_id", "one that is not registered yet", lambda it: it.device_id in known.kinds, taken
    yield "device_id", "each id once", lambda it: ids[it.device_id] > 1, taken
    yield "device_id", "a name no service has", lambda it: is_service(it.device_id), taken
    yield "vin", "one that is not registered yet", lambda it: it.vin in known.vins, taken
    yield "vin", "each VIN once", lambda it: vins[it.vin] > 1, taken
    yield "serial", "one that its vendor's devices do not have yet", lambda it: (it.serial, it.vendor) in known.serials, taken
    yield "serial", "each serial once per vendor", lambda it: serials[it.serial, it.vendor] > 1, taken
    esns = Counter(device.serial for device in devices if _is_openv2x(device))
    yield "serial", "an ESN that no other openv2x has", lambda it: _is_openv2x(it) and it.serial in known.esns, taken
    yield "serial", "each ESN once", lambda it: _is_openv2x(it) and esns[it.serial] > 1, taken


def _references(devices: Sequence[NewDevice], known: Known) -> Iterator[Rule]:
    kinds = {**known.kinds, **{device.device_id: device.kind for device in devices}}
    circular = circle({**known.parents, **{device.device_id: device.parent for device in devices if device.parent}})
    bad = HTTPStatus.UNPROCESSABLE_ENTITY
    yield "site_id", "a registered site", lambda it: it.site_id not in known.sites, bad
    yield "parent", "a registered device", lambda it: it.parent is not None and it.parent not in kinds, bad
    yield "parent", "not below itself", lambda it: it.device_id in circular, bad
    yield "on_vehicle", "a registered vehicle", lambda it: _is_no_vehicle(it.on_vehicle, kinds), bad
    yield "on_vehicle", "nothing, since it is a vehicle", lambda it: bool(it.on_vehicle) and it.kind is Kind.VEHICLE, bad
    carried = Counter(name for device in devices for name in device.carries)
    yield "carries", "nothing, unless its kind is vehicle", lambda it: bool(it.carries) and it.kind is not Kind.VEHICLE, bad
    yield "carries", "registered devices that are no vehicles", lambda it: _has_no_device(it.carries, kinds), bad
    yield "carries", "each device once", lambda it: any(carried[name] > 1 for name in it.carries), bad
    yield "vendor", "a registered vendor", lambda it: _is_other(it.vendor, OrganisationRole.VENDOR, known), bad
    yield "team", "a registered vehicle team", lambda it: _is_other(it.team, OrganisationRole.TEAM, known), bad


def _own(devices: Sequence[NewDevice]) -> Iterator[Rule]:
    bad = HTTPStatus.UNPROCESSABLE_ENTITY
    yield "credential", "none while planned or retired", lambda it: it.has_credential and it.lifecycle not in SPEAKING, bad
    yield "kind", "rsu, since its profile is openv2x", lambda it: _is_openv2x(it) and it.kind is not Kind.RSU, bad
    yield "serial", "its ESN, 1..64 of letters, digits, '_', '.', '-', since its profile is openv2x", _has_no_esn, bad
    for field, other in (("latitude_deg", "longitude_deg"), ("longitude_deg", "latitude_deg")):
        yield field, f"a value, since {other} has one", _is_half_a_position(field, other), bad
    yield "calibration", f"one made from {FIRST.date()} to {LAST.date()} that holds longer than until then", _is_timeless, bad
    for field in VEHICLE_FIELDS:
        if any(_value(device, field) is not None for device in devices):
            yield field, "nothing, unless its kind is vehicle", _is_of_vehicle_only(field), bad


def _is_timeless(device: NewDevice) -> bool:
    if (its := device.calibration) is None:
        return False
    return not FIRST <= its.at <= LAST or (its.valid_until is not None and not its.at < its.valid_until <= LAST)


def _is_of_vehicle_only(field: str) -> Is:
    return lambda it: it.kind is not Kind.VEHICLE and _value(it, field) is not None


def _is_half_a_position(field: str, other: str) -> Is:
    return lambda it: _value(it, field) is None and _value(it, other) is not None


def _is_openv2x(device: NewDevice) -> bool:
    return device.profile == OPENV2X_PROFILE


def _has_no_esn(device: NewDevice) -> bool:
    """An ESN is a level of a topic."""
    return _is_openv2x(device) and not re.fullmatch(DEVICE_ID, device.serial or "")


def _value(device: NewDevice, field: str) -> Any:
    return getattr(device, field)


def _is_no_vehicle(name: str | None, kinds: Mapping[str, Kind]) -> bool:
    return name is not None and kinds.get(name) is not Kind.VEHICLE


def _has_no_device(names: Iterable[str], kinds: Mapping[str, Kind]) -> bool:
    return any(kinds.get(name) in {None, Kind.VEHICLE} for name in names)


def _is_other(name: str | None, role: OrganisationRole, known: Known) -> bool:
    return name is not None and known.roles.get(name) is not role


def circle(parents: Mapping[str, str]) -> set[str]:
    """The ids of a circle of parents, empty when there is none."""
    fine: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        here: str | None = start
        while here is not None and here in parents and here not in fine:
            if here in path:
                return set(path)
            path[here] = None
            here = parents.get(here)
        fine.update(path)
    return set()


def wanted(devices: Iterable[NewDevice]) -> list[str]:
    """The ids of devices that these devices are, or name."""
    return list({name for it in devices for name in (it.device_id, it.parent, it.on_vehicle, *it.carries) if name})
