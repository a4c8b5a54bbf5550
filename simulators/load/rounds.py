"""One period of BSMs as bytes: every vehicle's packet, or every roadside unit's envelopes, in the order of sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.bus import packets
from chelu.codec import envelope
from chelu.codec.envelope import Envelope
from chelu.ragged import Bytes, Ints
from chelu.topics import row
from simulators.encoding import DEVICE_MARK
from simulators.load.bank import Bank, Numbers
from simulators.load.devices import Devices
from simulators.load.portion import FIRST_NUMBER
from simulators.load.slots import WORD, Slot

HEAD_BYTES, SIZE_BYTES = 17, 2  # of a deployed envelope of BSMs: device, time, count; then each frame's length
TIME_AT = 8
ONE_WAY = 0


@dataclass(frozen=True, slots=True)
class Round:
    """Message ``m`` of (m,) is ``data[start[m]:stop[m]]`` and holds the frames ``first[m]`` to ``first[m + 1]`` of (f,).

    data ends in a word of zeros; frame, size: (f,) where each frame lies and how long it is; vehicle: (f,); numbers: (f,) slots,
    all 0; has_envelope: whether the time of hearing stands at `TIME_AT` in the payload.
    """

    data: Bytes
    start: Ints
    stop: Ints
    payload: Ints
    device: Ints
    first: Ints
    frame: Ints
    size: Ints
    vehicle: Ints
    numbers: Numbers
    has_envelope: bool


def round_of(bank: Bank, devices: Devices, order: npt.NDArray[np.int64]) -> Round:
    """The round in which vehicles speak in this order; by roadside units if the settings say so."""
    settings = devices.settings
    frames = [bank.ways[ONE_WAY, start:stop].tobytes() for start, stop in zip(bank.start, bank.stop, strict=True)]
    is_direct = settings.via == "direct"
    groups = [[vehicle] for vehicle in order.tolist()] if is_direct else _heard_together(devices, order)
    messages, payload_bytes, senders, place, at = [], [], [], [], 0
    for sender, group in zip(order.tolist() if is_direct else _hearers(devices, groups), groups, strict=True):
        inside = [frames[vehicle] for vehicle in group]
        payload = inside[0] if is_direct else _sealed(devices, sender, inside)
        packet = packet_of(devices, sender, "bsm", payload)
        begin = at + len(packet) - len(payload) + (0 if is_direct else HEAD_BYTES + SIZE_BYTES)
        for frame in inside:
            place.append(begin)
            begin += len(frame) + SIZE_BYTES
        at += len(packet)
        messages.append(packet)
        payload_bytes.append(len(payload))
        senders.append(sender)
    vehicle = np.array([one for group in groups for one in group])
    stop, where = np.cumsum([len(packet) for packet in messages]), np.array(place)
    return Round(
        data=np.frombuffer(b"".join(messages) + bytes(WORD), np.uint8).copy(),
        start=np.concatenate([[0], stop[:-1]]),
        stop=stop,
        payload=stop - np.array(payload_bytes),
        device=np.array(senders),
        first=np.cumsum([0, *(len(group) for group in groups)]),
        frame=where,
        size=(bank.stop - bank.start)[vehicle],
        vehicle=vehicle,
        numbers=Numbers(*(_placed(slot, vehicle, where - bank.start[vehicle]) for slot in bank.numbers.each())),
        has_envelope=not is_direct,
    )


def packet_of(devices: Devices, device: int, stream: str, payload: bytes) -> bytes:
    """One message's packet, with room for packet id and sequence number at QoS 1."""
    qos, kind = devices.settings.qos, devices.kind(device)
    topic = row(f"{kind.value}/{{id}}/{stream}/up").topic(kind, devices.names[device])
    number = FIRST_NUMBER if qos else None
    return packets.publish(topic, payload, qos=qos, retain=False, packet_id=0, sequence=number)


def _placed(slot: Slot, vehicle: Ints, by: Ints) -> Slot:
    return Slot(slot.byte[vehicle] + by, slot.shift[vehicle], slot.width)


def _heard_together(devices: Devices, order: Ints) -> list[list[int]]:
    """Vehicles in the envelopes in which roadside units pass them on: neighbours have the same unit."""
    units, most = len(devices.rsus), devices.settings.frames
    shares = [share for share in np.array_split(np.sort(order), units) if len(share)]
    return [share[at : at + most].tolist() for share in shares for at in range(0, len(share), most)]


def _hearers(devices: Devices, groups: Sequence[Sequence[int]]) -> list[int]:
    """The unit, as an index in the devices, that passes each group on."""
    vehicles, units = len(devices.obus), len(devices.rsus)
    edges = np.cumsum([len(share) for share in np.array_split(np.arange(vehicles), units)])
    return [vehicles + int(np.searchsorted(edges, group[0], "right")) for group in groups]


def _sealed(devices: Devices, device: int, frames: Sequence[bytes]) -> bytes:
    number = DEVICE_MARK + devices.rsu_numbers[device - len(devices.obus)].to_bytes(8, "big")[1:]
    return envelope.pack(Envelope.DEPLOYED, frames, device_id=number, reference_us=0, is_bsm=True)
