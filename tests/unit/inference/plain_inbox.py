"""What came, read one message and one frame at a time with dictionaries: what the inbox's columns are held against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from chelu import topics
from chelu.bus import Received
from chelu.codec import cv2x
from chelu.messages import Batch, concatenate, frames_of
from services.inference.events.told import Heard, Told, of_rsi
from services.inference.register import Device, Register
from services.inference.reports import Origin, Reports, joined, of_bsm, of_participants
from tests.unit.codec import plain_envelope

PATTERNS = {
    *("rsu/{id}/bsm/up", "obu/{id}/bsm/up", "rsu/{id}/rsm/up", "rsu/{id}/spat/up"),
    *("signal/{id}/spat/up", "rsu/{id}/rsi/up", "rsu/{id}/map/up"),
}
Site = tuple[Reports, Batch | None, list[Told]]


def read(received: Sequence[Received], register: Register) -> tuple[dict[str, Site], Counter[str]]:
    """Site → its reports (vehicles, then participants, each in order of arrival), SPAT rows and events; and what was counted."""
    counts = Counter({"messages": len(received)})
    bsm, participants = defaultdict[str, list[Reports]](list), defaultdict[str, list[Reports]](list)
    told = defaultdict[str, list[Told]](list)
    spat, heard_of = defaultdict[str, list[Batch]](list), list[str]()
    for one in received:
        found, device = topics.find(one.topic), _device(one.topic, register)
        if found is None or device is None:
            counts["unregistered"] += 1
            continue
        heard_of.append(device.site_id)
        opened = plain_envelope.read(one.payload, device.envelope, is_bsm=found.topic.stream == "bsm")
        counts["refused"] += opened.reason is not None
        for frame in opened.frames:
            decoded = cv2x.decode(frames_of([frame], opened.heard_us if opened.heard_us is not None else one.arrival_us))
            counts["refused"] += len(decoded.rejects)
            is_own = found.topic.pattern == "obu/{id}/bsm/up"
            place = register.sites[device.site_id].frame
            for rows, reader, into in ((decoded.bsm, of_bsm, bsm), (decoded.participant, of_participants, participants)):
                origin = Origin(np.full(len(rows), device.key), np.full(len(rows), is_own), np.full(len(rows), one.arrival_us))
                into[device.site_id].append(reader(rows, origin, place))
            spat[device.site_id].append(decoded.spat)
            heard_us = min(opened.heard_us, one.arrival_us) if opened.heard_us is not None else one.arrival_us
            for message in decoded.messages:
                if message.kind == "rsi" and found.topic.stream == "rsi":
                    told[device.site_id] += of_rsi([Heard(message.value, device.key, heard_us)], place, counts)
    result = dict[str, Site]()
    for site in dict.fromkeys(heard_of):
        reports = joined([*bsm[site], *participants[site]])
        is_foreign = [_is_foreign(int(key), int(own), register) for key, own in zip(reports.key, reports.own_key, strict=True)]
        counts["foreign_id"] += sum(is_foreign)
        phases = concatenate(spat[site]) if spat[site] else None
        result[site] = reports.take(~np.array(is_foreign, np.bool_)), phases, told[site]
    return result, counts


def _device(topic: str, register: Register) -> Device | None:
    found = topics.find(topic)
    if found is None or found.topic.pattern not in PATTERNS:
        return None
    device = register.devices.get(found.device)
    return device if device and device.kind is found.kind and device.site_id in register.sites else None


def _is_foreign(key: int, own_key: int, register: Register) -> bool:
    return own_key > 0 and register.owner_of.get(key, own_key) != own_key
