"""Many vehicles that speak GB/T 32960 or JT/T 808 over TCP, in one loop: load for a gateway, and how it acknowledged it."""

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
from chelu.errors import UnreachableError
from chelu.units import US_PER_S
from edge.vehicles.limits import allow_connections
from simulators.vehicle_names import device_of, phone_of, vin_of
from simulators.vehicle_speech import Splitter, speech
from simulators.vehicles import vehicles_at

NAMES = {"gbt32960": "GB/T 32960", "jt808": "JT/T 808"}
TICK_S = 0.02
CONNECTS_PER_TICK = 50
SILENT_S = 10.0  # without any answer: then those that are not logged in are not waited for any longer
LOGIN_S = 30.0  # longest wait for all of them
SHOWN = 5  # refused vehicles that are named


@dataclass(frozen=True, slots=True)
class Plan:
    """What to drive. acknowledged_file: a line of device and time as sent for each report acknowledged, written at once."""

    host: str
    port: int
    count: int
    interval_s: float
    seconds: float
    protocol: str = "gbt32960"
    edition: int = 2025
    seed: int = 0
    acknowledged_file: Path | None = None


@dataclass(slots=True)
class Outcome:
    """refused: answers that were no good news, as the protocol calls them; refusals: by vehicle, why it was not let in.

    answers: that could be read as this protocol's.
    latency_s: from a report's last byte handed to the kernel to its acknowledgement.
    """

    connected: int = 0
    logged_in: int = 0
    sent: int = 0
    acknowledged: int = 0
    hung_up: int = 0
    answers: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refusals: dict[int, str] = field(default_factory=dict)
    latency_s: list[float] = field(default_factory=list)

    def percentile_ms(self, share: float) -> float:
        """Of the latency; NaN when nothing was acknowledged."""
        return float(np.percentile(self.latency_s, share * 100)) * 1000 if self.latency_s else float("nan")


@dataclass(slots=True, eq=False)
class _Vehicle:
    number: int
    sock: socket.socket
    due_s: float
    splitter: Splitter
    unsent: bytearray = field(default_factory=bytearray)
    is_logged_in: bool = False
    waiting: dict[bytes, tuple[float, bytes]] = field(default_factory=dict)  # key → when, and the time as sent


class Load:
    """Runs a plan on the caller's thread."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan, self._clock = plan, clock
        self._speech = speech(plan.protocol, plan.edition)
        self._selector = selectors.DefaultSelector()
        self._vehicles: dict[int, _Vehicle] = {}
        self._random = np.random.default_rng(plan.seed)
        self._heard_s = 0.0
        self._log = plan.acknowledged_file.open("a", encoding="ascii", buffering=1) if plan.acknowledged_file else None
        self.outcome = Outcome()

    def run(self, *, begun: Callable[[], None] | None = None) -> Outcome:
        """Connect and log in all vehicles, then report for `seconds`; begun() is called when the reporting begins.

        It does not begin when none is let in.
        """
        try:
            self._connect_all()
            if not self.outcome.logged_in:
                return self.outcome
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
        self._heard_s = self._clock.monotonic_s()
        deadline_s = self._heard_s + LOGIN_S
        while self._is_waiting() and self._clock.monotonic_s() < min(deadline_s, self._heard_s + SILENT_S):
            self._listen(TICK_S)
        self.outcome.logged_in = sum(one.is_logged_in for one in self._vehicles.values())

    def _is_waiting(self) -> bool:
        """Whether an answer to a login is still to come."""
        return any(not one.is_logged_in and one.number not in self.outcome.refusals for one in self._vehicles.values())

    def _connect(self, number: int) -> None:
        try:
            sock = socket.create_connection((self._plan.host, self._plan.port), timeout=10)
        except OSError as error:
            raise UnreachableError("the gateway", f"{self._plan.host}:{self._plan.port}", str(error)) from None
        sock.setblocking(False)  # noqa: FBT003 - the name of the call says it
        vehicle = _Vehicle(number, sock, 0.0, self._speech.splitter())
        self._vehicles[number] = vehicle
        self._selector.register(sock, selectors.EVENT_READ, vehicle)
        self.outcome.connected += 1
        self._send(vehicle, self._speech.greet(number, self._clock.wall_us()))

    def _report(self, now_s: float) -> None:
        due = [one for one in self._vehicles.values() if one.is_logged_in and one.due_s <= now_s]
        if not due:
            return
        times = np.full(len(due), self._clock.wall_us() // US_PER_S * US_PER_S)
        numbers = [one.number for one in due]
        rows = vehicles_at(times, np.array(numbers), self._random)
        for vehicle, report in zip(due, self._speech.reports(rows, numbers, self._random), strict=True):
            vehicle.due_s += self._plan.interval_s
            vehicle.waiting[report.key] = self._clock.monotonic_s(), report.moment
            self.outcome.sent += 1
            self._send(vehicle, report.frame)

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
            self._answered(vehicle, raw)

    def _answered(self, vehicle: _Vehicle, raw: bytes) -> None:
        heard = self._speech.hear(vehicle.number, raw)
        self.outcome.answers += 1
        self._heard_s = self._clock.monotonic_s()
        if not heard.is_good:
            self.outcome.refused[heard.code] += 1
            if heard.is_final:
                self.outcome.refusals[vehicle.number] = f"{heard.why} ({heard.code})"
            return
        vehicle.is_logged_in |= heard.is_logged_in
        if heard.reply:
            self._send(vehicle, heard.reply)
        if heard.key is not None and (found := vehicle.waiting.pop(heard.key, None)) is not None:
            since_s, moment = found
            self.outcome.acknowledged += 1
            self.outcome.latency_s.append(self._clock.monotonic_s() - since_s)
            if self._log:
                self._log.write(f"{device_of(vehicle.number)} {moment.hex()}\n")

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
    """Run a plan and print what came of it; 1 when not all logged in and stayed, or not all was acknowledged."""
    clock = SystemClock()
    since: list[float] = []

    def begun() -> None:
        since[:] = [clock.monotonic_s(), cpu_s(watch) if watch else 0.0]

    allow_connections(plan.count)
    outcome = Load(plan, clock).run(begun=begun)
    console.print(f"{outcome.logged_in:,} of {plan.count:,} vehicles logged in; {outcome.hung_up:,} were hung up on")
    refused = dict(outcome.refused) or "none"
    console.print(f"{outcome.sent:,} reports sent, {outcome.acknowledged:,} acknowledged; refused, by message/code: {refused}")
    for line in reasons(plan, outcome):
        console.print(line)
    if outcome.latency_s:
        shares = (("p50", 0.5), ("p99", 0.99), ("max", 1))
        console.print(
            "acknowledged after " + ", ".join(f"{name} {outcome.percentile_ms(share):.1f} ms" for name, share in shares)
        )
    if watch and since:
        passed_s = clock.monotonic_s() - since[0]
        console.print(f"process {watch}: {100 * (cpu_s(watch) - since[1]) / passed_s:.1f} % of a core over {passed_s:.0f} s")
    is_whole = outcome.logged_in == plan.count and outcome.acknowledged == outcome.sent and not outcome.hung_up
    return 0 if is_whole else 1


def reasons(plan: Plan, outcome: Outcome) -> list[str]:
    """Who was not let in and why, a line each; and that nobody answered, where nobody did."""
    if not outcome.answers:
        return [f"nobody answered at {plan.host}:{plan.port} as {NAMES[plan.protocol]}: is that the gateway's port for it?"]
    refused = sorted(outcome.refusals.items())
    lines = [f"{_named(plan, number)} was refused: {why}" for number, why in refused[:SHOWN]]
    lines += [f"and {len(refused) - SHOWN:,} more were refused"] if len(refused) > SHOWN else []
    unanswered = plan.count - outcome.logged_in - len(refused)
    return [*lines, *([f"{unanswered:,} had no answer to their login, or were hung up on before it"] if unanswered > 0 else [])]


def _named(plan: Plan, number: int) -> str:
    known = f"VIN {vin_of(number)}" if plan.protocol == "gbt32960" else f"phone {phone_of(number, plan.edition)}"
    return f"{device_of(number)}, {known},"


def cpu_s(pid: int) -> float:
    """Processor seconds of a process so far, from /proc."""
    fields: Sequence[str] = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
