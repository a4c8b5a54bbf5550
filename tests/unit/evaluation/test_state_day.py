"""A day of the network: how busy each hour is, what is said of it, and the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evaluation.state import plots
from evaluation.state.day import Minute, Request, document, scale_of, table


def minutes() -> list[Minute]:
    """Of two hours; nobody was there in the first minute."""
    return [
        Minute(3 + 1 / 60, float("nan"), float("nan"), 0.0, 0.0),
        Minute(3 + 2 / 60, 1.0, 1.1, 10.0, 40.0),
        Minute(8 + 1 / 60, 3.0, 1.3, 8.0, 400.0),
        Minute(9.0, 5.0, 1.5, 6.0, 420.0),  # the last of the ninth hour
    ]


def request(tmp_path: Path) -> Request:
    return Request(None, None, tmp_path, 1, 10, 1, 0.8, 2)


def test_the_busiest_hour_has_the_whole_demand_and_the_night_next_to_none() -> None:
    scales = [scale_of(hour, 0.8) for hour in range(24)]
    assert max(scales) == 0.8
    assert scales.index(0.8) in {8, 17}
    assert 0 < min(scales) < 0.05


def test_hours_are_told_by_their_means_and_the_worst_minute_by_its_time(tmp_path: Path) -> None:
    found = document(request(tmp_path), minutes())
    assert found["hours"]["3"] == {"index": 1.0, "travel_time_index": 1.1, "speed_kmh": 18.0, "vehicles": 20.0}
    assert found["hours"]["8"]["index"] == 4.0
    assert found["worst"] == {"hour": 9.0, "index": 5.0}
    assert table(found).row_count == 2


def test_a_day_is_drawn(tmp_path: Path) -> None:
    plots.day(tmp_path / "day.png", minutes())
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")
    assert np.isnan(minutes()[0].index)
