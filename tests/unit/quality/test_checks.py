from __future__ import annotations

import numpy as np

from chelu.messages import Batch, Flag
from chelu.quality.checks import Checked, Hearing, Limits, Memory, check
from chelu.quality.senders import sender_keys

NOW_US = 1_790_000_000_000_000
S = 1_000_000


def rows(
    count: list[int],
    *,
    time_s: list[float],
    north_m: list[float] | None = None,
    speed: float = 10.0,
    frame: list[int] | None = None,
) -> Batch:
    n = len(count)
    north = np.array(north_m or [10 * t for t in time_s])
    return Batch(
        {
            "message_count": np.array(count, np.uint8),
            "time_us": NOW_US + np.round(np.array(time_s) * S).astype(np.int64),
            "latitude_deg": 29.5 + north / 111_320,
            "longitude_deg": np.full(n, 106.5),
            "speed_mps": np.full(n, speed),
            "frame": np.array(frame or range(n), np.int64),
        }
    )


def run(
    batch: Batch,
    *,
    memory: Memory | None = None,
    heard_s: float | None = None,
    delay_s: float = 0.0,
    waited: bool = False,
    sender: int = 1,
) -> Checked:
    heard = batch["time_us"] if heard_s is None else batch["time_us"] + round(heard_s * S)
    hearing = Hearing(heard, heard + round(delay_s * S), np.full(len(batch), waited))
    key = sender_keys(np.full(len(batch), sender))
    return check(batch, hearing, memory or Memory(), Limits(), counter=key, track=key)


def test_a_well_behaved_sender_is_not_flagged_across_the_wrap_and_across_batches() -> None:
    first = run(rows([125, 126], time_s=[0, 0.1]))
    second = run(rows([127, 0, 1], time_s=[0.2, 0.3, 0.4]), memory=first.memory)
    assert first.flags.tolist() == [0, 0]
    assert second.flags.tolist() == [0, 0, 0]


def test_a_missing_count_is_a_gap_of_so_many() -> None:
    checked = run(rows([126, 2, 3], time_s=[0, 0.4, 0.5]))
    assert checked.flags.tolist() == [0, Flag.GAP, 0]
    assert checked.missing.tolist() == [0, 3, 0]


def test_a_gap_is_seen_across_batches() -> None:
    memory = run(rows([5], time_s=[0])).memory
    assert run(rows([7], time_s=[0.2]), memory=memory).flags.tolist() == [Flag.GAP]


def test_a_long_silence_a_repetition_and_an_overtaken_row_are_no_gaps() -> None:
    assert run(rows([5, 90], time_s=[0, 30])).flags.tolist() == [0, 0]
    assert run(rows([5, 5], time_s=[0, 0])).flags.tolist() == [0, 0]
    assert run(rows([5, 4], time_s=[0.1, 0])).flags.tolist() == [0, 0]


def test_rows_of_one_frame_share_a_count() -> None:
    checked = run(rows([5, 5, 8, 8], time_s=[0, 0, 0.1, 0.1], frame=[0, 0, 1, 1], north_m=[0, 0, 1, 1]))
    assert checked.flags.tolist() == [0, 0, Flag.GAP, Flag.GAP]
    assert checked.missing.sum() == 2


def test_a_position_out_of_reach_is_a_jump() -> None:
    assert run(rows([0, 1], time_s=[0, 0.1], north_m=[0, 60])).flags.tolist() == [0, Flag.JUMP]
    assert run(rows([0, 1], time_s=[0, 0.1], north_m=[0, 11])).flags.tolist() == [0, 0]


def test_an_unknown_position_is_no_jump_and_not_implausible() -> None:
    batch = rows([0, 1], time_s=[0, 0.1], north_m=[0, np.nan])
    assert run(batch).flags.tolist() == [0, 0]


def test_a_clock_20_s_off_in_a_bare_frame_is_flagged() -> None:
    behind, ahead = run(rows([1], time_s=[0]), heard_s=20), run(rows([1], time_s=[0]), heard_s=-20)
    assert behind.flags[0] & Flag.CLOCK
    assert ahead.flags.tolist() == [Flag.CLOCK]


def test_an_envelope_an_hour_off_is_flagged_in_either_direction() -> None:
    assert run(rows([1], time_s=[0]), delay_s=3600).flags.tolist() == [Flag.CLOCK | Flag.LATE]
    assert run(rows([1], time_s=[0]), delay_s=-3600).flags.tolist() == [Flag.CLOCK]


def test_what_waited_in_a_spool_is_late_and_not_skewed() -> None:
    assert run(rows([1], time_s=[0]), delay_s=3600, waited=True).flags.tolist() == [Flag.LATE]


def test_a_spool_emptied_beside_the_live_stream_makes_neither_gaps_nor_jumps() -> None:
    memory = run(rows([50], time_s=[60])).memory
    spooled = run(rows([10, 11], time_s=[58, 58.1]), memory=memory, delay_s=2, waited=True)
    live = run(rows([51], time_s=[60.1]), memory=spooled.memory)
    assert spooled.flags.tolist() == [0, 0]
    assert live.flags.tolist() == [0]


def test_values_that_no_road_shows_are_flagged() -> None:
    assert run(rows([1], time_s=[0], speed=160.0)).flags.tolist() == [Flag.RANGE]
    nowhere = rows([1], time_s=[0]).with_columns(latitude_deg=np.zeros(1), longitude_deg=np.zeros(1))
    assert run(nowhere).flags.tolist() == [Flag.RANGE]
