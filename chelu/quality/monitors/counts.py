"""Message counts (MsgCount, 0…127, wraps) that do not go on: repeated, or backwards.

A count says how many messages a sender has made, so it goes on by one; whoever hears one of several streams of a sender, or loses
messages, sees it go on by more. What is lost is counted by the delivery monitor, not here.

Some formats have no count: T/ITS 0180.1, and mostly OpenV2X. Their messages are stored with 0, and not judged.

A MAP changes seldom, and units send what they were given as it is: the same bytes are the same message, which has one count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.parameters import parameter
from chelu.quality.gaps import COUNTS
from chelu.quality.monitors.judged import Ints, Judged, Mask, Subject, judged, together
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.vehicles import by_sender
from chelu.quality.monitors.window import MapStream, Window
from chelu.quality.senders import sender_keys
from chelu.units import US_PER_S

AWAY = "it was silent for so long that the count may have wrapped"
UNCOUNTED = "its format has no message count"
AGAIN = "the same message again, which keeps its count"
ANEW = "another MAP, of which the count may begin anew"


@dataclass(frozen=True, slots=True)
class CountProgress(Assessed):
    """Parameters of the message counts."""

    forget_s: float = parameter(
        1.0, "s", "six streams of 10 Hz that share a count are half way round after it", low=0.1, high=12.8
    )


def spat_count(window: Window, parameters: CountProgress) -> Judged:
    """The counts of each signal stream."""
    return together([
        _steps(
            one.subject,
            one.time_us,
            one.message_count.astype(np.int64),
            parameters,
            has_count=one.device_key not in window.uncounted,
        )
        for one in window.signals
    ])  # fmt: skip


def map_count(window: Window, parameters: CountProgress) -> Judged:
    """The counts of each MAP that is made anew, or goes on to be counted, at least once a `forget_s`."""
    return together([_map_steps(one, parameters) for one in window.maps])


def _map_steps(one: MapStream, parameters: CountProgress) -> Judged:
    step, is_bad, is_away = _step(one.time_us, one.message_count, parameters)
    is_other = np.diff(one.content) != 0
    is_again = (step == 0) & ~is_other & (np.diff(one.minute) == 0)
    passed = {AWAY: is_away, AGAIN: is_again, ANEW: is_bad & is_other}
    return judged(Subject(one.device_key, *one.junction), one.time_us[1:], is_bad, step, passed=passed)


def bsm_count(window: Window, parameters: CountProgress) -> Judged:
    """The counts of each vehicle, by the device that heard it."""
    rows = window.vehicles
    step, is_bad, is_away = _step(rows.time_us, rows.message_count, parameters)
    found = judged(rows.devices, rows.time_us[1:], is_bad, step, of=rows.of_device[1:], passed={AWAY: is_away}, who=rows.who[1:])
    return found.take(rows.follows)


def rsm_count(window: Window, parameters: CountProgress) -> Judged:
    """The counts of the messages that one participant is in: an RSM with 17 participants is two messages."""
    rows = window.participant
    order, follows = by_sender(sender_keys(rows["device_key"], rows["rsu_id"], rows["participant_id"].astype(np.int64)))
    devices, of = np.unique(rows["device_key"][order], return_inverse=True)
    time_us, count = rows["time_us"][order], rows["message_count"][order].astype(np.int64)
    step, is_bad, is_away = _step(time_us, count, parameters)
    subjects = [Subject(int(device)) for device in devices]
    has_count = ~np.isin(devices, sorted(window.uncounted))[of[1:]]
    passed = {UNCOUNTED: _is_uncounted(count, has_count), AWAY: is_away}
    return judged(subjects, time_us[1:], is_bad, step, of=of[1:], passed=passed).take(follows)


def _steps(subject: Subject, time_us: Ints, count: Ints, parameters: CountProgress, *, has_count: bool) -> Judged:
    step, is_bad, is_away = _step(time_us, count, parameters)
    passed = {UNCOUNTED: _is_uncounted(count, np.full(len(step), has_count)), AWAY: is_away}
    return judged(subject, time_us[1:], is_bad, step, passed=passed)


def _is_uncounted(count: Ints, has_count: Mask) -> Mask:
    """Pairs (n − 1,) of counts (n,) that nobody gave: a unit that gives one all the same, as some of OpenV2X do, is judged."""
    return np.asarray(~has_count & (count[1:] == 0) & (count[:-1] == 0), np.bool_)


def _step(time_us: Ints, count: Ints, parameters: CountProgress) -> tuple[Ints, Mask, Mask]:
    """How far (n − 1,) counts went on, whether that is no progress, and whether nothing can be said."""
    step = np.diff(count) % COUNTS
    is_away = np.diff(time_us) > round(parameters.forget_s * US_PER_S)
    return step, (step == 0) | (step > COUNTS // 2), is_away
