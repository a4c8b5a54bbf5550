"""How good a stream is, in one number: what the monitors that judge it found good. Pure.

Each of a stream's monitors has one vote, whatever the number of its items: a rate is judged a few times a minute, a content with
every message. One that judged too little has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from chelu.quality.monitors.assessments import Tally, Verdict
from chelu.quality.monitors.monitor import Assessed

# Monitors that judge what a stream says; what roads and drivers do is no quality of a stream.
OF_STREAM: Mapping[str, tuple[str, ...]] = {
    "bsm": ("bsm-rate", "bsm-outside", "delivery-ratio", "bsm-latency", "information-age"),
    "participant": ("rsm-rate",),
    "spat": (
        *("spat-rate", "spat-zero", "spat-content", "spat-time", "spat-transition", "spat-countdown"),
        *("phase-alignment", "green-conflict"),
    ),
}


def scores(found: Mapping[str, Tally], parameters: Mapping[str, Assessed]) -> dict[str, float]:
    """By stream, the mean over its monitors of the share of good items, 0 … 1; of none that judged enough there is no score."""
    shares = {
        name: 1.0 - tally.share for name, tally in found.items() if tally.verdict(parameters[name]) is not Verdict.TOO_LITTLE
    }
    votes = {stream: [shares[name] for name in names if name in shares] for stream, names in OF_STREAM.items()}
    return {stream: sum(each) / len(each) for stream, each in votes.items() if each}
