"""Clocks are handed in: virtual ones move only when told to."""

import pytest

from chelu.clock import VARIABLE, ScaledClock, SharedClock, SystemClock, VirtualClock, clock_of
from chelu.errors import CannotStartError


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


def test_a_shared_clock_is_the_same_instant_for_whoever_reads_its_file(tmp_path) -> None:
    clock = SharedClock.create(tmp_path / "clock", 1_777_622_400_000_000)
    other = clock_of({VARIABLE: str(tmp_path / "clock")})
    assert other.wall_us() == 1_777_622_400_000_000
    clock.set(1_777_622_400_500_000)
    assert other.wall_us() == clock.wall_us() == 1_777_622_400_500_000
    assert other.monotonic_s() == pytest.approx(SystemClock().monotonic_s(), abs=1.0)


def test_without_the_variable_the_machine_s_clocks_count_and_a_file_that_is_none_is_named(tmp_path) -> None:
    assert isinstance(clock_of({}), SystemClock)
    with pytest.raises(CannotStartError, match="CHELU_CLOCK"):
        clock_of({VARIABLE: str(tmp_path / "nothing")})
