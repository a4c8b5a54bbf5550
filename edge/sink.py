"""Where warnings and emergency stops go: as JSON lines over UDP to the device's own software."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from chelu.clock import Clock
from chelu.endpoint import family_of, host_and_port
from edge.control import read_document
from edge.reports import encoded
from edge.tally import Tally

MAX_AGE_US = 5_000_000  # what is older never warns anyone
MAX_DATAGRAM = 65_507


class WarningSink:
    """Hands warnings on to `endpoint` (HOST:PORT), or only counts them; belongs to the agent's thread."""

    def __init__(self, endpoint: str | None, clock: Clock, tally: Tally) -> None:
        self._clock, self._tally = clock, tally
        self._address: tuple[str, int] | None = None
        self._socket: socket.socket | None = None
        self.passed_on = 0
        if endpoint:
            self._address = host_and_port(endpoint, least_port=0)
            self._socket = socket.socket(family_of(self._address[0]), socket.SOCK_DGRAM)
            self._socket.settimeout(0)

    def take(self, payload: bytes) -> None:
        """Pass one warning on; raises MalformedError for what is none."""
        document = read_document(payload)
        time_us = document.get("time_us")
        if isinstance(time_us, int) and self._clock.wall_us() - time_us > MAX_AGE_US:
            self._tally.count("warnings", "late", detail=str(document.get("warning_id")))
            return
        trouble, detail = self._send(document)
        if trouble:
            self._tally.count("warnings", trouble, detail=detail)
        else:
            self.passed_on += 1

    def hand_over(self, document: Mapping[str, Any]) -> str:
        """Pass on what is no warning, whatever its age; what went wrong, nothing when it went out."""
        trouble, detail = self._send(document)
        if trouble:
            self._tally.count("emergency", trouble, detail=detail)
        return f"{trouble}: {detail}" if detail else trouble

    def _send(self, document: Mapping[str, Any]) -> tuple[str, str]:
        """(what went wrong, more about it), both empty when it went out."""
        if not self._socket or not self._address:
            return "no sink is configured", ""
        line = encoded(document) + b"\n"
        if len(line) > MAX_DATAGRAM:
            return "overlong", ""
        try:
            self._socket.sendto(line, self._address)
        except OSError as error:
            return "sink unreachable", str(error)
        return "", ""

    def close(self) -> None:
        """Let the socket go."""
        if self._socket:
            self._socket.close()
