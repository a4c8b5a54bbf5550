"""What happened in a run, in order: manoeuvres, lights, warnings, the contact, the decisive instant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulators.scenario.evidence.shown import Shown
from simulators.signals import Light


@dataclass(frozen=True, slots=True)
class Event:
    """kind: manoeuvre, light, warning, said, contact or decisive.

    who: an actor, a signal, an application and whom it warns, or who speaks of cooperation.
    """

    time_s: float
    kind: str
    who: str
    text: str


def told(shown: Shown) -> list[Event]:
    """Everything up to the run's end, in order of time."""
    events = [*_manoeuvres(shown), *_lights(shown), *_warnings(shown), *_cooperation(shown), *_contact(shown), *_decisive(shown)]
    return sorted(events, key=lambda event: event.time_s)


def _manoeuvres(shown: Shown) -> Iterator[Event]:
    for name, times in shown.trace.fired.items():
        time_s = float(times[shown.column])
        if np.isfinite(time_s):
            yield Event(time_s, "manoeuvre", name, f"{name} begins")


def _lights(shown: Shown) -> Iterator[Event]:
    for signal, states in shown.trace.lights.items():
        own = states[: shown.last + 1, shown.column]
        for instant in np.flatnonzero(np.diff(own, prepend=-1)).tolist():
            word = Light(int(own[instant])).name.lower().replace("_", " ")
            yield Event(instant * shown.trace.step_s, "light", signal, f"{signal} shows {word}")


def _warnings(shown: Shown) -> Iterator[Event]:
    said = shown.single.warnings
    if said is None:
        return
    columns = [said[name].tolist() for name in ("time_s", "application", "host", "other", "state")]
    took = said["latency_s"].tolist() if "latency_s" in said else [np.nan] * len(said)
    for time_s, application, host, other, state, latency_s in zip(*columns, took, strict=True):
        about, after = f" about {other}" if other else "", f", after {latency_s * 1000:.0f} ms" if np.isfinite(latency_s) else ""
        yield Event(float(time_s), "warning", f"{application} to {host}", f"{application} to {host}{about}: {state}{after}")


def _cooperation(shown: Shown) -> Iterator[Event]:
    said = shown.single.cooperation
    if said is None:
        return
    columns = (said[name].tolist() for name in ("time_s", "is_device", "kind", "decision"))
    for time_s, is_device, kind, decision in zip(*columns, strict=True):
        who = "the device" if is_device else "the roadside"
        yield Event(float(time_s), "said", who, f"{who}: {kind}{f' {decision}' if decision else ''}")


def _contact(shown: Shown) -> Iterator[Event]:
    time_s = float(shown.trace.contact_s[shown.column])
    if np.isfinite(time_s):
        one, other = (shown.trace.actors[row].name for row in shown.trace.contact[shown.column].tolist())
        yield Event(time_s, "contact", one, f"{one} and {other} touch")


def _decisive(shown: Shown) -> Iterator[Event]:
    deciding = shown.deciding
    if deciding is not None and np.isfinite(deciding.at_s[shown.run]):
        yield Event(shown.decisive_s, "decisive", deciding.metric, f"decides: {deciding.title}")
