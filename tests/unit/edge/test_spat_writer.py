"""What a signal says in its SPAT: who goes, who stops, and until when, as far as that is known."""

from __future__ import annotations

import pytest

from chelu.codec import cv2x
from chelu.lights import Light
from chelu.messages import frames_of
from chelu.signals.stages import US, Shown, Stage
from edge.signal_plan import Ahead
from edge.spat_writer import SpatWriter, light_of

NOW = 1_777_622_400 * US
STAGES = (
    Stage((1, 3, 5), 20, 7, 40, clearance_s=4, yellow_s=3, all_red_s=2, permissive=(3,)),
    Stage((2, 5), 15, 5, 30, clearance_s=0, yellow_s=3, all_red_s=2),
)


@pytest.mark.parametrize(
    ("light", "lights"),
    [
        ("green", (Light.PROTECTED_GREEN, Light.RED, Light.PERMISSIVE_GREEN, Light.PROTECTED_GREEN)),
        ("clearing", (Light.PROTECTED_GREEN, Light.RED, Light.PERMISSIVE_GREEN, Light.PROTECTED_GREEN)),
        ("yellow", (Light.YELLOW, Light.RED, Light.YELLOW, Light.PROTECTED_GREEN)),
        ("red", (Light.RED, Light.RED, Light.RED, Light.PROTECTED_GREEN)),
    ],
)
def test_who_is_green_before_and_after_a_change_is_green_through_it(light, lights) -> None:
    shown = Shown(0, light, NOW)
    following = 0 if light == "green" else 1
    assert tuple(light_of(phase, shown, following, STAGES) for phase in (1, 2, 3, 5)) == lights


def test_a_frame_reads_back_as_what_is_shown_and_until_when() -> None:
    ahead = Ahead((NOW + 4 * US, NOW + 12 * US), ((NOW - 3 * US,) * 2, (NOW + 13 * US, NOW + 21 * US)))
    frames = SpatWriter(STAGES, 0, 7).frames(Shown(0, "green", NOW - 3 * US), 0, ahead, NOW)
    rows = cv2x.decode(frames_of(frames, NOW)).spat
    assert rows["intersection_id"].tolist() == [7] * 4
    assert rows["phase_id"].tolist() == [1, 2, 3, 5]
    assert rows["light"].tolist() == [Light.PROTECTED_GREEN, Light.RED, Light.PERMISSIVE_GREEN, Light.PROTECTED_GREEN]
    assert rows["start_s"].tolist() == [0.0] * 4
    assert rows["min_end_s"].tolist() == [4.0, 13.0, 4.0, 4.0]
    assert rows["likely_end_s"].tolist() == [12.0, 21.0, 12.0, 12.0], "a red phase says when it will be green"
    assert rows["time_us"].tolist() == [NOW] * 4


def test_more_phases_than_a_message_holds_go_in_several() -> None:
    stages = (Stage(tuple(range(1, 15)), 20, 7, 40, 0, 3, 2), Stage(tuple(range(15, 31)), 20, 7, 40, 0, 3, 2))
    ahead = Ahead((NOW, NOW + US), ((NOW, NOW), (NOW + US, NOW + US)))
    frames = SpatWriter(stages, 0, 1).frames(Shown(0, "green", NOW), 0, ahead, NOW)
    assert len(frames) == 2
    assert len(cv2x.decode(frames_of(frames, NOW)).spat) == 30
