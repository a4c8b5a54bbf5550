"""Clocks are handed in: virtual ones move only when told to."""

import pytest

from chelu.clock import ScaledClock, SystemClock, VirtualClock


def test_a_virtual_clock_moves_by_sleep_and_advance_only() -> None:
    clock = VirtualClock(1_000_000)
    assert (clock.wall_us(), clock.monotonic_s()) == (1_000_000, 0.0)
    clock.sleep(2.5)
    clock.advance(0.5)
    assert (clock.wall_us(), clock.monotonic_s()) == (4_000_000, 3.0)


def test_a_virtual_clock_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        VirtualClock(0).advance(-1.0)


def test_a_scaled_clock_runs_faster_than_its_base() -> None:
    base = VirtualClock(0)
    clock = ScaledClock(base, start_us=10_000_000, speed=5.0)
    clock.sleep(10.0)
    assert base.monotonic_s() == 2.0
    assert clock.wall_us() == 20_000_000


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_scaled_clock_refuses_a_speed_that_does_not_move(speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        ScaledClock(SystemClock(), start_us=0, speed=speed)


def test_the_system_clock_tells_microseconds_utc() -> None:
    clock = SystemClock()
    before = clock.monotonic_s()
    assert clock.wall_us() > 1_700_000_000_000_000
    assert clock.monotonic_s() >= before
