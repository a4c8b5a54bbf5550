"""Frames that the platform wants on the air (RSM, SPAT, MAP, RSI): handed over UDP to the unit's radio software, one a datagram.

The platform sends each as a bare MessageFrame; on which topic it came must be what it is. MAP and RSI are answered: errorCode 0
when the radio software was handed the frame, 1 when it is none, 2 when it could not be. A frame has no number: the answer names
it by its SHA-256. Belongs to the agent's thread.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable

from edge.control import BAD_PARAMETER, LOCAL_ERROR, OK
from edge.routing import MAX_FRAME_BYTES, STREAM_OF_INDEX
from edge.sockets import speak
from edge.tally import Tally

STREAMS = frozenset({"rsm", "spat", "map", "rsi"})
ANSWERED = frozenset({"map", "rsi"})
MAX_DATAGRAM = 65_507


class Radio:
    """Hands frames on to `endpoint` (HOST:PORT), or only counts them. answer(stream, bytes) queues an answer."""

    def __init__(self, endpoint: str | None, tally: Tally, answer: Callable[[str, bytes], None]) -> None:
        self._tally, self._answer = tally, answer
        self._socket: socket.socket | None = speak(endpoint) if endpoint else None
        self.passed_on = 0

    def take(self, stream: str, frame: bytes) -> None:
        """One frame from the platform."""
        code, trouble = self._handed_over(stream, frame)
        if trouble:
            self._tally.count(f"{stream}/down", trouble, detail=frame[:16].hex())
        else:
            self.passed_on += 1
        if stream in ANSWERED:
            document = {"errorCode": code, "sha256": hashlib.sha256(frame).hexdigest()}
            document |= {"errorDesc": trouble} if trouble else {}
            self._answer(f"{stream}/ack", json.dumps(document).encode())

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()

    def _handed_over(self, stream: str, frame: bytes) -> tuple[int, str]:
        """Code, and what went wrong."""
        if not is_of(stream, frame):
            return BAD_PARAMETER, f"it is no {stream}"
        if self._socket is None:
            return LOCAL_ERROR, "no radio is configured"
        try:
            self._socket.send(frame)
        except OSError:
            return LOCAL_ERROR, "the radio is unreachable"
        return OK, ""


def is_of(stream: str, frame: bytes) -> bool:
    """Whether a frame's first bits say that it is a message of this stream, and it fits into a datagram."""
    if not 2 <= len(frame) <= min(MAX_FRAME_BYTES, MAX_DATAGRAM):
        return False
    index = frame[0] >> 4
    return index < len(STREAM_OF_INDEX) and STREAM_OF_INDEX[index] == stream
