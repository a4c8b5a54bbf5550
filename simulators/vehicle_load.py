"""Many vehicles that speak GB/T 32960 over TCP, in one loop: load for a gateway, and what it acknowledged, in which time."""

from __future__ import annotations

import os
import selectors
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from chelu.clock import Clock, SystemClock
from chelu.codec.gbt32960_encode import encode
from chelu.codec.gbt32960_frame import Answer, Command, Encryption, Frame, Splitter, encode_time, read
from chelu.errors import UnreachableError
from chelu.units import US_PER_S
from edge.vehicles.limits import allow_files
from simulators.vehicles import vehicles_at

CELLS, PROBES = 96, 24
TICK_S = 0.02
CONNECTS_PER_TICK = 50
FILES_BESIDE = 64
ICCID = b"89860000000000000000"
WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)  # ISO 3779, annex: the ninth character checks the others
LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))


def vin_of(number: int) -> str:
    """A VIN for a simulated vehicle, its check digit right."""
    text = f"LSM{number:05d}0XC{number:06d}"
    total = sum(weight * (LETTERS.get(letter) or int(letter)) for weight, letter in zip(WEIGHTS, text, strict=True))
    return text[:8] + "0123456789X"[total % 11] + text[9:]


def device_of(number: int) -> str:
    """The device id that goes with it."""
    return f"sim-vehicle-{number}"


def device_list(count: int, *, site: str, gateway: str) -> str:
    """The vehicles as CSV: what `chelu device import` reads, and the gateway."""
    lines = (f"{device_of(number)},vehicle,{site},{gateway},{vin_of(number)}" for number in range(count))
    return "\n".join(["device_id,kind,site_id,parent,vin", *lines, ""])


@dataclass(frozen=True, slots=True)
class Plan:
    """What to drive; acknowledged_file: a line ``VIN time_us`` for each report that was acknowledged, written at once."""

    host: str
    port: int
    count: int
    interval_s: float
    seconds: float
    edition: int = 2025
    seed: int = 0
    acknowledged_file: Path | None = None


@dataclass(slots=True)
class Outcome:
    """answers: by command and code; latency_s: from a report's last byte handed to the kernel to its acknowledgement."""

    connected: int = 0
    logged_in: int = 0
    sent: int = 0
    acknowledged: int = 0
    hung_up: int = 0
    answers: Counter[tuple[int, int]] = field(default_factory=Counter)
    latency_s: list[float] = field(default_factory=list)

    def percentile_ms(self, share: float) -> float:
        """Of the latency; NaN when nothing was acknowledged."""
        return float(np.percentile(self.latency_s, share * 100)) * 1000 if self.latency_s else float("nan")


@dataclass(slots=True, eq=False)
class _Vehicle:
    number: int
    vin: str
    sock: socket.socket
    due_s: float
    splitter: Splitter = field(default_factory=Splitter)
    unsent: bytearray = field(default_factory=bytearray)
    is_logged_in: bool = False
    waiting: dict[bytes, float] = field(default_factory=dict)  # time as sent → when


class Load:
    """Runs a plan on the caller's thread."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan, self._clock = plan, clock
        self._selector = selectors.DefaultSelector()
        self._vehicles: dict[int, _Vehicle] = {}
        self._random = np.random.default_rng(plan.seed)
        self._log = plan.acknowledged_file.open("a", encoding="ascii", buffering=1) if plan.acknowledged_file else None
        self.outcome = Outcome()

    def run(self, *, begun: Callable[[], None] | None = None) -> Outcome:
        """Connect and log in all vehicles, then report for `seconds`; begun() is called when the reporting begins."""
        try:
            self._connect_all()
            started_s = self._clock.monotonic_s()
            for place, vehicle in enumerate(self._vehicles.values()):
                vehicle.due_s = started_s + self._plan.interval_s * place / max(1, len(self._vehicles))
            if begun:
                begun()
            while (now_s := self._clock.monotonic_s()) < started_s + self._plan.seconds and self._vehicles:
                self._report(now_s)
                self._listen(TICK_S)
            deadline_s = self._clock.monotonic_s() + min(5.0, self._plan.interval_s)
            while any(one.waiting for one in self._vehicles.values()) and self._clock.monotonic_s() < deadline_s:
                self._listen(TICK_S)
        finally:
            for vehicle in list(self._vehicles.values()):
                vehicle.sock.close()
            self._selector.close()
            if self._log:
                self._log.close()
        return self.outcome

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _connect_all(self) -> None:
        for number in range(self._plan.count):
            self._connect(number)
            if number % CONNECTS_PER_TICK == CONNECTS_PER_TICK - 1:
                self._listen(TICK_S)
        deadline_s = self._clock.monotonic_s() + 30
        while self._clock.monotonic_s() < deadline_s and any(not one.is_logged_in for one in self._vehicles.values()):
            self._listen(TICK_S)
        self.outcome.logged_in = sum(one.is_logged_in for one in self._vehicles.values())

    def _connect(self, number: int) -> None:
        try:
            sock = socket.create_connection((self._plan.host, self._plan.port), timeout=10)
        except OSError as error:
            raise UnreachableError("the gateway", f"{self._plan.host}:{self._plan.port}", str(error)) from None
        sock.setblocking(False)  # noqa: FBT003 - the name of the call says it
        vehicle = _Vehicle(number, vin_of(number), sock, 0.0)
        self._vehicles[number] = vehicle
        self._selector.register(sock, selectors.EVENT_READ, vehicle)
        self.outcome.connected += 1
        packs = b"\x01\x01" if self._plan.edition == 2016 else b"\x00"
        data = encode_time(self._clock.wall_us()) + b"\x00\x01" + ICCID + packs + (b"P" if self._plan.edition == 2016 else b"")
        frame = Frame(self._plan.edition, Command.LOGIN, Answer.REQUEST, vehicle.vin.encode("ascii"), Encryption.NONE, data)
        self._send(vehicle, frame.encode())

    def _report(self, now_s: float) -> None:
        due = [one for one in self._vehicles.values() if one.is_logged_in and one.due_s <= now_s]
        if not due:
            return
        times = np.full(len(due), self._clock.wall_us() // US_PER_S * US_PER_S)
        rows = vehicles_at(times, np.array([one.number for one in due]), self._random)
        n = len(due)
        cells, probes = self._random.uniform(3.5, 3.7, (n, CELLS)), self._random.uniform(20, 30, (n, PROBES))
        vins = [one.vin for one in due]
        frames = encode(rows, vins, edition=self._plan.edition, cells_v=cells, probes_c=probes)
        moment = encode_time(int(times[0]))
        for row, vehicle in enumerate(due):
            vehicle.due_s += self._plan.interval_s
            vehicle.waiting[moment] = self._clock.monotonic_s()
            self.outcome.sent += 1
            self._send(vehicle, frames.frame(row))

    def _listen(self, wait_s: float) -> None:
        for key, events in self._selector.select(wait_s):
            vehicle: _Vehicle = key.data
            if vehicle.number not in self._vehicles:
                continue
            if events & selectors.EVENT_WRITE:
                self._send(vehicle, b"")
            if events & selectors.EVENT_READ:
                self._receive(vehicle)

    def _receive(self, vehicle: _Vehicle) -> None:
        try:
            data = vehicle.sock.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._drop(vehicle)
            return
        for raw in vehicle.splitter.feed(data):
            self._answered(vehicle, read(raw))

    def _answered(self, vehicle: _Vehicle, frame: Frame) -> None:
        self.outcome.answers[frame.command, frame.answer] += 1
        if frame.answer != Answer.OK:
            return
        if frame.command == Command.LOGIN:
            vehicle.is_logged_in = True
        elif (since := vehicle.waiting.pop(frame.data[:6], None)) is not None:
            self.outcome.acknowledged += 1
            self.outcome.latency_s.append(self._clock.monotonic_s() - since)
            if self._log:
                self._log.write(f"{vehicle.vin} {frame.data[:6].hex()}\n")

    def _send(self, vehicle: _Vehicle, data: bytes) -> None:
        was_waiting = bool(vehicle.unsent)
        vehicle.unsent += data
        try:
            del vehicle.unsent[: vehicle.sock.send(vehicle.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(vehicle)
            return
        if was_waiting != bool(vehicle.unsent):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if vehicle.unsent else 0)
            self._selector.modify(vehicle.sock, events, vehicle)

    def _drop(self, vehicle: _Vehicle) -> None:
        if self._vehicles.pop(vehicle.number, None):
            self.outcome.hung_up += 1
            self._selector.unregister(vehicle.sock)
            vehicle.sock.close()


def drive(plan: Plan, console: Console, *, watch: int | None) -> int:
    """Run a plan and print what came of it; 1 when a vehicle could not log in or a report was not acknowledged."""
    clock = SystemClock()
    since: list[float] = []

    def begun() -> None:
        since[:] = [clock.monotonic_s(), cpu_s(watch) if watch else 0.0]

    allow_files(plan.count + FILES_BESIDE)
    outcome = Load(plan, clock).run(begun=begun)
    refused = {f"{command:02x}/{code:02x}": number for (command, code), number in outcome.answers.items() if code != Answer.OK}
    console.print(f"{outcome.logged_in:,} of {plan.count:,} vehicles logged in; {outcome.hung_up:,} were hung up on")
    console.print(
        f"{outcome.sent:,} reports sent, {outcome.acknowledged:,} acknowledged; refused, by command/code: {refused or 'none'}"
    )
    places = ", ".join(
        f"{name} {outcome.percentile_ms(share):.1f} ms" for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))
    )
    console.print(f"acknowledged after {places}")
    if watch and since:
        passed_s = clock.monotonic_s() - since[0]
        console.print(f"process {watch}: {100 * (cpu_s(watch) - since[1]) / passed_s:.1f} % of a core over {passed_s:.0f} s")
    is_whole = outcome.logged_in == plan.count and outcome.acknowledged == outcome.sent
    return 0 if is_whole else 1


def cpu_s(pid: int) -> float:
    """Processor seconds of a process so far, from /proc."""
    fields: Sequence[str] = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
