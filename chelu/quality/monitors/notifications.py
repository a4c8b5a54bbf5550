"""From assessments to notifications: what somebody has to be told, and what is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chelu.quality.monitors.assessments import DAY_US, Tally, Verdict, total
from chelu.quality.monitors.judged import Subject
from chelu.quality.monitors.monitor import Assessed

Key = tuple[str, Subject]  # monitor and whom it is about


@dataclass(frozen=True, slots=True)
class Notification:
    """One monitor's finding about one subject in one hour."""

    monitor: str
    subject: Subject
    hour_us: int
    tally: Tally


def notifications(
    assessed: Mapping[str, Mapping[tuple[Subject, int], Tally]], parameters: Mapping[str, Assessed]
) -> list[Notification]:
    """The hours that are bad, by monitor, subject and time."""
    found = [
        Notification(monitor, subject, hour_us, tally)
        for monitor, tallies in assessed.items()
        for (subject, hour_us), tally in tallies.items()
        if tally.verdict(parameters[monitor]) is Verdict.BAD
    ]
    return sorted(found, key=lambda one: (one.monitor, one.subject, one.hour_us))


def of_quiet_days(
    assessed: Mapping[str, Mapping[tuple[Subject, int], Tally]], parameters: Mapping[str, Assessed]
) -> dict[str, dict[tuple[Subject, int], Tally]]:
    """Whole days, each under its last hour, of those of whom no hour of it was enough for a verdict. assessed: hours."""
    found: dict[str, dict[tuple[Subject, int], Tally]] = {}
    for monitor, tallies in assessed.items():
        of_day: dict[tuple[Subject, int], list[tuple[int, Tally]]] = {}
        for (subject, hour_us), tally in tallies.items():
            of_day.setdefault((subject, hour_us // DAY_US), []).append((hour_us, tally))
        for (subject, _), hours in of_day.items():
            if all(tally.verdict(parameters[monitor]) is Verdict.TOO_LITTLE for _, tally in hours):
                found.setdefault(monitor, {})[subject, max(hour_us for hour_us, _ in hours)] = total(tally for _, tally in hours)
    return found


def settled(
    standing: Iterable[Key],
    assessed: Mapping[str, Mapping[tuple[Subject, int], Tally]],
    parameters: Mapping[str, Assessed],
) -> tuple[list[Notification], list[Key]]:
    """What has to be told now by each subject's newest verdict, and which of the standing ones are over.

    Too little data neither tells nor ends anything.
    """
    newest: dict[Key, Notification] = {}
    verdicts: dict[Key, Verdict] = {}
    for monitor, tallies in assessed.items():
        for (subject, hour_us), tally in sorted(tallies.items(), key=lambda item: item[0][1]):
            verdict = tally.verdict(parameters[monitor])
            if verdict is not Verdict.TOO_LITTLE:
                verdicts[monitor, subject] = verdict
                newest[monitor, subject] = Notification(monitor, subject, hour_us, tally)
    told = [newest[key] for key, verdict in verdicts.items() if verdict is Verdict.BAD]
    return told, [key for key in standing if verdicts.get(key) is Verdict.GOOD]
