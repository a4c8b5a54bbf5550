"""A second reading of GB/T 32960.3, one frame at a time and field by field, written from the tables and not from Chelu's codec.

It shares names with the codec's details, nothing else; `random_report` makes frames whose content is known.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import reduce
from operator import xor
from random import Random
from typing import Any

VIN = b"LCHELU00000000017"


def u8(value: int) -> float | None:
    return None if value >= 0xFE else value


def u16(value: int) -> float | None:
    return None if value >= 0xFFFE else value


def u32(value: int) -> float | None:
    return None if value >= 0xFFFFFFFE else value


def scaled(value: float | None, factor: float, offset: float = 0) -> float | None:
    return None if value is None else value * factor + offset


class Walker:
    """Takes numbers off the front; IndexError or struct.error when there are none."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from(">" + layout, self.data, self.at)
        self.at += struct.calcsize(">" + layout)
        return found

    def one(self, layout: str) -> int:
        return self.take(layout)[0]

    def some(self, layout: str, most: int) -> list[int]:
        """A counted list whose count may be 'invalid' or 'abnormal'."""
        count = self.one("B" if most == 255 else "H")
        return [self.one(layout) for _ in range(0 if count >= most - 1 else count)]

    def raw(self) -> str:
        size = self.one("H")
        if self.at + size > len(self.data):
            raise struct.error("too short")
        self.at += size
        return self.data[self.at - size : self.at].hex()


def vehicle(walk: Walker, edition: int) -> dict[str, Any]:
    state, charge, mode, speed, mileage, voltage, current, soc, dcdc, gear, insulation = walk.take("BBBHIHHBBBH")
    found = {
        "vehicle_state": u8(state),
        "charge_state": u8(charge),
        "power_mode": u8(mode),
        "speed_mps": scaled(u16(speed), 0.1 / 3.6),
        "mileage_m": scaled(u32(mileage), 100),
        "voltage_v": scaled(u16(voltage), 0.1),
        "current_a": scaled(u16(current), 0.1, -1000 if edition == 2016 else -3000),
        "state_of_charge": scaled(u8(soc), 0.01),
        "dcdc_state": u8(dcdc),
        "gear_byte": gear,
        "insulation_ohm": scaled(u16(insulation), 1000),
    }
    if edition == 2016:
        accelerator, brake = walk.take("BB")
        found |= {"accelerator": scaled(u8(accelerator), 0.01), "brake": scaled(u8(brake), 0.01)}
    return found


def motors(walk: Walker, edition: int) -> dict[str, Any]:
    count = walk.one("B")
    found = []
    for _ in range(0 if count >= 254 else count):
        index, state, controller = walk.take("BBB")
        one = {"index": u8(index), "state": u8(state), "controller_temperature_c": scaled(u8(controller), 1, -40)}
        if edition == 2016:
            speed, torque, heat, voltage, current = walk.take("HHBHH")
            one |= {"speed_rpm": scaled(u16(speed), 1, -20000), "torque_nm": scaled(u16(torque), 0.1, -2000)}
            one |= {"voltage_v": scaled(u16(voltage), 0.1), "current_a": scaled(u16(current), 0.1, -1000)}
        else:
            speed, torque, heat = walk.take("HIB")
            one |= {"speed_rpm": scaled(u16(speed), 1, -32000), "torque_nm": scaled(u32(torque), 0.1, -20000)}
        found.append(one | {"temperature_c": scaled(u8(heat), 1, -40)})
    return {"motors": found}


def fuel_cell(walk: Walker, edition: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if edition == 2016:
        voltage, current, used = walk.take("HHH")
        found = {
            "fuel_cell_voltage_v": scaled(u16(voltage), 0.1),
            "fuel_cell_current_a": scaled(u16(current), 0.1),
            "hydrogen_kg_per_100km": scaled(u16(used), 0.01),
            "probes": [scaled(u8(heat), 1, -40) for heat in walk.some("B", 65535)],
        }
    heat, probe, share, sensor, pressure, gauge, dcdc = walk.take("HBHBHBB")
    found |= {
        "hydrogen_temperature_max_c": scaled(u16(heat), 0.1, -40),
        "hydrogen_temperature_probe": u8(probe),
        "hydrogen_concentration_raw": u16(share),
        "hydrogen_concentration_sensor": u8(sensor),
        "hydrogen_pressure_max_pa": scaled(u16(pressure), 100_000),
        "hydrogen_pressure_sensor": u8(gauge),
        "fuel_cell_dcdc_state": u8(dcdc),
    }
    if edition == 2025:
        left, heat = walk.take("BB")
        found |= {"hydrogen_left_raw": u8(left), "fuel_cell_dcdc_temperature_c": scaled(u8(heat), 1, -40)}
    return found


def engine(walk: Walker, edition: int) -> dict[str, Any]:
    if edition == 2025:
        return {"engine_speed_rpm": u16(walk.one("H"))}
    state, speed, fuel = walk.take("BHH")
    return {"engine_state": u8(state), "engine_speed_rpm": u16(speed), "fuel_l_per_100km": scaled(u16(fuel), 0.01)}


def position(walk: Walker, edition: int) -> dict[str, Any]:
    found: dict[str, Any] = {"position_flags": walk.one("B")}
    if edition == 2025:
        found["coordinate_system"] = u8(walk.one("B"))
    longitude, latitude = walk.take("II")
    return found | {"longitude_deg": scaled(u32(longitude), 1e-6), "latitude_deg": scaled(u32(latitude), 1e-6)}


def extremes(walk: Walker, edition: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("cell_voltage_max", "cell_voltage_min"):
        pack, cell, voltage = walk.take("BBH")
        found |= {f"{name}_pack": u8(pack), f"{name}_cell": u8(cell), f"{name}_v": scaled(u16(voltage), 0.001)}
    for name in ("battery_temperature_max", "battery_temperature_min"):
        pack, probe, heat = walk.take("BBB")
        found |= {f"{name}_pack": u8(pack), f"{name}_probe": u8(probe), f"{name}_c": scaled(u8(heat), 1, -40)}
    return found


def alarms(walk: Walker, edition: int) -> dict[str, Any]:
    level, flags = walk.take("BI")
    found: dict[str, Any] = {"alarm_level": u8(level), "alarm_flags": flags}
    for name in ("battery_faults", "motor_faults", "engine_faults", "other_faults"):
        found[name] = walk.some("I", 255)
    if edition == 2025:
        count = walk.one("B")
        pairs = [walk.take("BB") for _ in range(0 if count >= 254 else count)]
        found["general_faults"] = [{"number": number, "level": level} for number, level in pairs]
    return found


def cells(walk: Walker, edition: int) -> dict[str, Any]:
    count = walk.one("B")
    packs = []
    for _ in range(0 if count >= 254 else count):
        index, voltage, current = walk.take("BHH")
        offset = -1000 if edition == 2016 else -3000
        one = {"index": u8(index), "voltage_v": scaled(u16(voltage), 0.1), "current_a": scaled(u16(current), 0.1, offset)}
        if edition == 2016:
            total, first = walk.take("HH")
            one |= {"cells": u16(total), "first_cell": u16(first)}
        voltages = walk.some("H", 255 if edition == 2016 else 65535)
        packs.append(one | {"voltages": [scaled(u16(cell), 0.001) for cell in voltages]})
    return {"packs": packs}


def temperatures(walk: Walker, edition: int) -> dict[str, Any]:
    count = walk.one("B")
    return {"packs": [_probes(walk) for _ in range(0 if count >= 254 else count)]}


def _probes(walk: Walker) -> dict[str, Any]:
    index = u8(walk.one("B"))
    return {"index": index, "temperatures": [scaled(u8(heat), 1, -40) for heat in walk.some("B", 65535)]}


def stacks(walk: Walker, edition: int) -> dict[str, Any]:
    count = walk.one("B")
    found = []
    for _ in range(0 if count >= 254 else count):
        index, voltage, current, hydrogen, air, heat = walk.take("BHHHHB")
        one = {"index": u8(index), "voltage_v": scaled(u16(voltage), 0.1), "current_a": scaled(u16(current), 0.1)}
        one |= {"hydrogen_inlet_pressure_raw": u16(hydrogen), "air_inlet_pressure_raw": u16(air)}
        one |= {"air_inlet_temperature_c": scaled(u8(heat), 1, -40)}
        found.append(one | {"temperatures": [scaled(u8(heat), 1, -40) for heat in walk.some("B", 65535)]})
    return {"stacks": found}


def capacitors(walk: Walker, edition: int) -> dict[str, Any]:
    index, voltage, current = walk.take("BHH")
    return {
        "index": u8(index),
        "voltage_v": scaled(u16(voltage), 0.1),
        "current_a": scaled(u16(current), 0.1, -3000),
        "voltages": [scaled(u16(cell), 0.001) for cell in walk.some("H", 65535)],
        "temperatures": [scaled(u8(heat), 1, -40) for heat in walk.some("B", 65535)],
    }


def capacitor_extremes(walk: Walker, edition: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("voltage_max", "voltage_min"):
        system, cell, voltage = walk.take("BHH")
        found |= {f"{name}_system": u8(system), f"{name}_cell": u16(cell), f"{name}_v": scaled(u16(voltage), 0.001)}
    for name in ("temperature_max", "temperature_min"):
        system, probe, heat = walk.take("BHB")
        found |= {f"{name}_system": u8(system), f"{name}_probe": u16(probe), f"{name}_c": scaled(u8(heat), 1, -40)}
    return found


def signature(walk: Walker, edition: int) -> dict[str, Any]:
    return {"algorithm": walk.one("B"), "r": walk.raw(), "s": walk.raw()}


Reader = Callable[[Walker, int], dict[str, Any]]
READERS: dict[int, dict[int, Reader]] = {
    2016: dict(enumerate([vehicle, motors, fuel_cell, engine, position, extremes, alarms, cells, temperatures], 1)),
    2025: {
        **dict(enumerate([vehicle, motors, fuel_cell, engine, position, alarms, cells, temperatures], 1)),
        0x30: stacks,
        0x31: capacitors,
        0x32: capacitor_extremes,
        0xFF: signature,
    },
}


def plain_decode(frame: bytes) -> dict[str, Any]:
    """What one report says: edition, command, vin, time_us, and its items by name. ValueError or struct.error for any fault."""
    edition = {b"##": 2016, b"$$": 2025}[frame[:2]]
    command, _, vin, encryption, length = struct.unpack_from(">BB17sBH", frame, 2)
    if len(frame) != 25 + length or encryption != 1 or reduce(xor, frame[2:-1]) != frame[-1]:
        raise ValueError("no sound frame")
    year, month, day, hour, minute, second = frame[24:30]
    moment = datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(timedelta(hours=8)))
    found = {"edition": edition, "command": command, "vin": vin, "time_us": round(moment.timestamp() * 1e6)}
    walk = Walker(frame[30:-1])
    while walk.at < len(walk.data):
        code = walk.one("B")
        if code in READERS[edition]:
            reader = READERS[edition][code]
            found[reader.__name__] = reader(walk, edition)
        else:
            found[f"custom_{code:02x}"] = walk.raw()
    return found


# -- making ----------------------------------------------------------------------------------------------------------------------


def framed(edition: int, data: bytes, *, command: int = 2, vin: bytes = VIN, encryption: int = 1) -> bytes:
    head = struct.pack(">BB17sBH", command, 0xFE, vin, encryption, len(data))
    return {2016: b"##", 2025: b"$$"}[edition] + head + data + bytes([reduce(xor, head + data)])


def random_report(random: Random, edition: int | None = None) -> bytes:
    """A sound report: a time, items in any order, each kind at most once; numbers of any size, often at the edges."""
    edition = edition or random.choice([2016, 2025])
    kinds = [code for code in READERS[edition] if code != 0xFF]
    chosen = random.sample(kinds, random.randint(0, len(kinds)))
    items = [bytes([code]) + BODIES[READERS[edition][code].__name__](random, edition) for code in chosen]
    items += [bytes([code]) + _long(random.randbytes(random.randint(0, 9))) for code in random.sample(range(0x80, 0xFF), 2)]
    random.shuffle(items)
    if edition == 2025 and random.random() < 0.5:
        items.append(b"\xff\x01" + _long(random.randbytes(32)) + _long(random.randbytes(32)))
    return framed(edition, _time(random) + b"".join(items), command=random.choice([2, 3]))


def _time(random: Random) -> bytes:
    days = [random.randint(0, 99), random.randint(1, 12), random.randint(1, 28)]
    return bytes([*days, random.randint(0, 23), random.randint(0, 59), random.randint(0, 59)])


def _long(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def _numbers(random: Random, layout: str) -> bytes:
    limits = {"B": 0xFF, "H": 0xFFFF, "I": 0xFFFFFFFF}
    edges = [lambda top: random.randint(0, top), lambda top: top, lambda top: top - 1, lambda top: top - 2, lambda top: 0]
    return struct.pack(">" + layout, *(random.choices(edges, [16, 1, 1, 1, 1])[0](limits[kind]) for kind in layout))


def _list(random: Random, count: str, element: Callable[[], bytes], most: int = 5) -> bytes:
    top = 0xFF if count == "B" else 0xFFFF
    if random.random() < 0.1:
        return struct.pack(">" + count, random.choice([top, top - 1]))
    size = random.randint(0, most)
    return struct.pack(">" + count, size) + b"".join(element() for _ in range(size))


def _fixed(layout_2016: str, layout_2025: str) -> Callable[[Random, int], bytes]:
    return lambda random, edition: _numbers(random, layout_2016 if edition == 2016 else layout_2025)


def _packs(layout_2016: str, layout_2025: str, counts: tuple[str, str], element: str) -> Callable[[Random, int], bytes]:
    def make(random: Random, edition: int) -> bytes:
        head, count = (layout_2016, counts[0]) if edition == 2016 else (layout_2025, counts[1])
        return _list(random, "B", lambda: _numbers(random, head) + _list(random, count, lambda: _numbers(random, element), 12), 3)

    return make


def _motors(random: Random, edition: int) -> bytes:
    return _list(random, "B", lambda: _numbers(random, "BBBHHBHH" if edition == 2016 else "BBBHIB"))


def _fuel_cell(random: Random, edition: int) -> bytes:
    if edition == 2025:
        return _numbers(random, "HBHBHBBBB")
    return _numbers(random, "HHH") + _list(random, "H", lambda: _numbers(random, "B")) + _numbers(random, "HBHBHBB")


def _alarms(random: Random, edition: int) -> bytes:
    lists = b"".join(_list(random, "B", lambda: _numbers(random, "I")) for _ in range(4))
    general = _list(random, "B", lambda: _numbers(random, "BB")) if edition == 2025 else b""
    return _numbers(random, "BI") + lists + general


def _capacitors(random: Random, edition: int) -> bytes:
    cells = _list(random, "H", lambda: _numbers(random, "H"))
    return _numbers(random, "BHH") + cells + _list(random, "H", lambda: _numbers(random, "B"))


BODIES: dict[str, Callable[[Random, int], bytes]] = {
    "vehicle": _fixed("BBBHIHHBBBHBB", "BBBHIHHBBBH"),
    "motors": _motors,
    "fuel_cell": _fuel_cell,
    "engine": _fixed("BHH", "H"),
    "position": _fixed("BII", "BBII"),
    "extremes": _fixed("BBHBBHBBBBBB", ""),
    "alarms": _alarms,
    "cells": _packs("BHHHH", "BHH", ("B", "H"), "H"),
    "temperatures": _packs("B", "B", ("H", "H"), "B"),
    "stacks": _packs("", "BHHHHB", ("H", "H"), "B"),
    "capacitors": _capacitors,
    "capacitor_extremes": _fixed("", "BHHBHHBHBBHB"),
}
