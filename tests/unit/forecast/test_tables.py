"""Tables of readings, as people have them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from chelu.errors import ConfigurationError
from evaluation.forecast.tables import read


@pytest.fixture
def written(tmp_path):
    def write(text, name="table.csv"):
        file = tmp_path / name
        file.write_text(text)
        return file

    return write


LONG = "time,sensor,value\n" + "".join(
    f"2026-11-26T08:{5 * step:02d}:00+00:00,{name},{value + step}\n"
    for step in range(4)
    for name, value in (("a", 10), ("b", 20))
)
WIDE = "time,a,b\n" + "".join(f"{1_795_680_000 + 300 * step},{10 + step},{20 + step}\n" for step in range(4))


def test_long_and_wide_tables_of_the_same_readings_are_the_same(written):
    long, wide = read(written(LONG)), read(written(WIDE, "wide.csv"))
    assert long.sensors == wide.sensors == ("a", "b")
    assert long.start_us == wide.start_us == 1_795_680_000_000_000
    assert long.step_s == wide.step_s == 300
    np.testing.assert_array_equal(long.values, wide.values)
    np.testing.assert_array_equal(long.values, [[10, 20], [11, 21], [12, 22], [13, 23]])


@pytest.mark.parametrize("scale", [1_000, 1_000_000])
def test_times_in_milliseconds_and_microseconds_are_told_apart(written, scale):
    text = "time,a\n" + "".join(f"{(1_795_680_000 + 300 * step) * scale},{step + 1}\n" for step in range(3))
    assert read(written(text)).start_us == 1_795_680_000_000_000


def test_a_wide_table_without_times_has_rows_at_a_fixed_step(written):
    readings = read(written("717447,717450\n60.5,0\n,61\n"))
    assert (readings.sensors, readings.step_s, readings.start_us) == (("717447", "717450"), 300, None)
    np.testing.assert_array_equal(readings.values, [[60.5, np.nan], [np.nan, 61]])


def test_finer_steps_become_means_of_what_was_told(written):
    text = "a\n" + "".join(f"{value}\n" for value in (10, 0, 20, 30, 40, 50, 50, 50, 50, 50))
    np.testing.assert_array_equal(read(written(text), step_s=60).values, [[25], [50]])


def test_gaps_in_time_are_rows_without_readings(written):
    readings = read(written("time,a\n0,1\n300,2\n600,3\n1500,4\n"))
    np.testing.assert_array_equal(readings.values[:, 0], [1, 2, 3, np.nan, np.nan, 4])


def test_parquet_is_read_like_csv(written, tmp_path):
    at = pa.array([0, 300_000_000, 600_000_000], pa.timestamp("us", "UTC"))
    pyarrow.parquet.write_table(pa.table({"timestamp": at, "x": [1.0, None, 3.0]}), tmp_path / "t.parquet")
    np.testing.assert_array_equal(read(tmp_path / "t.parquet").values, [[1], [np.nan], [3]])


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("time,a\nyesterday,1\nnow,2\n", "time = 'yesterday' is not allowed: ISO 8601"),
        ("a,b\n1,fast\n2,slow\n", "b = 'fast' is not allowed: numbers"),
        ("a,a\n1,2\n", "columns = 'a' is not allowed: each name once"),
        ("time,a\n0,1\n", "two different times or more"),
        ("a,b\n", "0 rows, 2 sensors"),
        ("time,a\n0,1\n420,1\n840,1\n", "every 420 s"),
        ("a,b\n1\n", "it is no table"),
        ("", "it is no table"),
        ("time,a\n0,1\n300,1\n600,1\n99999999999,1\n", "at most 3660 days"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(written, text, refusal):
    with pytest.raises(ConfigurationError) as raised:
        read(written(text))
    assert refusal in str(raised.value)
    assert "table.csv" in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.csv.*cannot be read"):
        read(tmp_path / "none.csv")


def test_a_step_that_does_not_divide_an_hour_is_refused(written):
    with pytest.raises(ConfigurationError, match="--step = 7 is not allowed"):
        read(written("a\n1\n2\n"), step_s=7)
