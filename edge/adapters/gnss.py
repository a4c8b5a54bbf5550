"""A GNSS receiver: an OBU's fixes become its BSMs, everyone else's become the position in info and heartbeat."""

from __future__ import annotations

import math
import os
import stat
import threading
from pathlib import Path
from typing import Protocol

import serial

from chelu.clock import Clock
from chelu.errors import CheluError, MalformedError
from chelu.topics import Kind
from edge.adapters.lines import Lines
from edge.adapters.source import Ears
from edge.bsm import BsmWriter
from edge.nmea import MAX_SENTENCE, Fix, Receiver, read_sentence
from edge.routing import Heard
from edge.settings import GnssSource, Position

READ_S = 0.25
REOPEN_S = 1.0
MIN_PERIOD_US = 90_000  # at most 10 BSMs a second, with room for a receiver's jitter
SKEW_US = 1_000_000


class _Reader(Protocol):
    def read(self, size: int) -> bytes:
        """What came, b"" when nothing did within READ_S; raises OSError when the line is gone."""

    def close(self) -> None: ...


class Gnss:
    """Reads on a thread of its own; opens the line again when it was lost."""

    def __init__(self, settings: GnssSource, ears: Ears, clock: Clock) -> None:
        self._settings, self._ears, self._clock = settings, ears, clock
        vehicle = int(ears.settings.own_bsm_id, 16) if ears.settings.own_bsm_id else int.from_bytes(ears.device_id, "big")
        self._writer = BsmWriter(vehicle, ears.settings.vehicle) if ears.settings.kind is Kind.OBU else None
        self._receiver, self._lines = Receiver(), Lines(MAX_SENTENCE)
        self._last_us = 0
        self.fixes = 0
        self.is_ended = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"gnss-{settings.path}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set() and not self.is_ended:
            try:
                reader = _open(self._settings)
                try:
                    self._read(reader)
                finally:
                    reader.close()
            except OSError as error:  # pyserial's errors are OSErrors too
                self._ears.tally.count("gnss", "line lost", detail=str(error))
                self._stopping.wait(REOPEN_S)

    def _read(self, reader: _Reader) -> None:
        is_finite = not self._settings.follow
        while not self._stopping.is_set():
            data = reader.read(4096)
            for line in self._lines.feed(data):
                self._take(line)
            if self._lines.overlong:
                self._ears.tally.count("gnss", "overlong", self._lines.overlong)
                self._lines.overlong = 0
            if not data and is_finite:
                self.is_ended = True
                return

    def _take(self, line: bytes) -> None:
        try:
            fixes = self._receiver.take(read_sentence(line))
        except MalformedError as error:
            self._ears.tally.count("gnss", error.reason, detail=error.detail)
            return
        for fix in fixes:
            self._use(fix)

    def _use(self, fix: Fix) -> None:
        self.fixes += 1
        heard_us = self._clock.wall_us()
        height = None if math.isnan(fix.elevation_m) else fix.elevation_m
        self._ears.position = Position.model_construct(
            latitude_deg=fix.latitude_deg, longitude_deg=fix.longitude_deg, elevation_m=height
        )
        if abs(fix.time_us - heard_us) > SKEW_US:
            self._ears.tally.count("gnss", "clock", detail=f"the machine's clock is {(heard_us - fix.time_us) / 1e6:.1f} s off")
        if self._writer and not 0 <= fix.time_us - self._last_us < MIN_PERIOD_US:
            self._last_us = fix.time_us
            try:
                self._ears.hear([Heard(self._writer.write(fix), heard_us)])
            except CheluError as error:
                self._ears.tally.count("gnss", "out_of_range", detail=str(error))


class _FileReader:
    """A regular file or FIFO: what is there, then what is added."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._pause = threading.Event()

    def read(self, size: int) -> bytes:
        try:
            data = os.read(self._file, size)
        except BlockingIOError:
            data = b""
        if not data:
            self._pause.wait(READ_S / 5)
        return data

    def close(self) -> None:
        os.close(self._file)


def _open(settings: GnssSource) -> _Reader:
    mode = settings.path.stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
        return _FileReader(settings.path)
    line: _Reader = serial.Serial(str(settings.path), settings.baud, timeout=READ_S)
    return line
