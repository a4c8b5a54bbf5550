"""Speaks with all participants of a run on the track over one gateway's session at the site's broker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from chelu.bus import Session
from chelu.topics import Kind, find, row
from simulators.scenario.dut.said import Said

COMMAND, ANSWER, STATE = row("{kind}/{id}/command/down"), row("{kind}/{id}/command/down/ack"), row("{kind}/{id}/state")


class Hub(Protocol):
    """Participants' ears and mouths, by their devices' ids. Called from the session's thread only."""

    def command(self, device_id: str, document: Mapping[str, Any]) -> None:
        """Tell one something that it has to answer."""

    def heard(self, wait_s: float) -> Iterator[tuple[str, Said]]:
        """Who has said what since; waits at most so long for the first word."""


class BrokerHub:
    """kinds: the participants' devices, all of them children of the session's gateway."""

    def __init__(self, session: Session, kinds: Mapping[str, Kind]) -> None:
        self._session, self._kinds = session, kinds

    def command(self, device_id: str, document: Mapping[str, Any]) -> None:
        topic = COMMAND.topic(self._kinds[device_id], device_id)
        self._session.publish(topic, json.dumps(document).encode(), qos=COMMAND.qos)

    def heard(self, wait_s: float) -> Iterator[tuple[str, Said]]:
        received = self._session.drain(1000, wait_s)
        self._session.acknowledge(received)
        for one in received:
            match = find(one.topic)
            if match is not None and match.topic in (ANSWER, STATE) and match.device in self._kinds and not one.retained:
                yield match.device, Said(match.topic.stream, one.payload, one.arrival_us)


def filters(kinds: Mapping[str, Kind]) -> list[str]:
    """What is listened to, of these devices."""
    return [one.topic(kind, device) for device, kind in kinds.items() for one in (ANSWER, STATE)]
