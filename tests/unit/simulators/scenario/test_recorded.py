"""A recording is judged as the run that it was, and not at all where it does not say enough."""

from __future__ import annotations

import csv
import io
import json
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.messages import BSM, filled
from services.registry.supervision import mcap_file
from services.registry.supervision.captures import Capture
from simulators.scenario.recorded import aligning, forms
from simulators.scenario.recorded.placing import project
from simulators.scenario.recorded.rows import UnreadableRecordingError
from simulators.scenario.running import command
from simulators.scenario.running_options import Options
from simulators.scenario.trace import Trace
from simulators.scenario.ways import Piece, Way, Ways
from tests.unit.simulators.scenario.written import ran, scenario

ORIGIN = LocalFrame(29.53, 106.57, 240.0)
NUMBERS = ("time_s", "x_m", "y_m", "elevation_m", "heading_deg", "speed_mps", "acceleration_mps2")


def run(*arguments: str | Path, output: Path | None = None, **options: Any) -> tuple[int, dict[str, Any], str]:
    """Exit code, the verdict document, and what was said."""
    said = io.StringIO()
    made = Options(str(arguments[0]), output=output, **options)
    code = command(made, Console(file=said, width=200))
    return code, json.loads((output / "verdict.json").read_text()) if output else {}, said.getvalue()


def rows(one: Trace, *, every: int = 1) -> list[dict[str, Any]]:
    """Samples of a trace's first run, as a person would write them down."""
    found = []
    for instant in range(0, int(one.last[0]) + 1, every):
        for column, actor in enumerate(one.actors):
            at = instant, 0, column
            values = [one.time_s[instant], *one.xy[at], *(getattr(one, name)[at] for name in NUMBERS[3:])]
            found.append({"actor": actor.name, **dict(zip(NUMBERS, map(float, values), strict=True))})
    return found


def written(file: Path, samples: list[dict[str, Any]]) -> Path:
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(samples[0]))
        writer.writeheader()
        writer.writerows(samples)
    return file


def judged(document: dict[str, Any]) -> list[Any]:
    """Verdict, value and instant of each requirement, of each run."""
    return [
        [(one["verdict"], one["value"] and round(one["value"], 6), one["at_s"]) for one in each["requirements"]]
        for each in document["each"]
    ]


@pytest.mark.parametrize("name", ["cut-in", "lead-brakes", "red-light", "cut-out"])
def test_the_recording_of_a_run_gets_the_verdict_of_the_run(tmp_path: Path, name: str) -> None:
    code, document, _ = run(name, output=tmp_path / "run")
    again, replayed, _ = run(name, output=tmp_path / "replayed", recordings=[tmp_path / "run" / "run-0.mcap"])
    assert (again, judged(replayed)) == (code, judged(document))
    assert replayed["header"]["mode"] == "recording"
    assert len(replayed["header"]["hashes"]["run-0.mcap"]) == 64


def test_every_run_in_a_table_is_judged_by_itself(tmp_path: Path) -> None:
    given = {"given": ["gap_m=10,30"], "design": "grid"}
    grid = ["ego_kmh=90", "other_kmh=60", "lateral_mps=1", *given["given"]]
    _, document, _ = run("cut-in", output=tmp_path / "run", given=grid, design="grid")
    _, replayed, _ = run("cut-in", output=tmp_path / "again", recordings=[tmp_path / "run" / "motion.parquet"])
    by_value = sorted(map(str, judged(document)))
    assert len(by_value) == 2
    assert sorted(map(str, judged(replayed))) == by_value


STANDS = scenario(
    actors="ego: {under_test: true, start: {way: main, along_m: 100, speed_kmh: 72}}\n"
    "other: {start: {ahead_of: ego, gap_m: 50, speed_kmh: 36}}",
    after_s=4,
)


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, Trace]:
    """A scenario's file and a run of it, in which nobody is hit."""
    file = tmp_path / "tried.yaml"
    file.write_text(STANDS)
    return file, ran(STANDS)


def test_a_table_by_hand_at_ten_hertz_is_enough(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    file, one = recorded
    table = written(tmp_path / "track.csv", rows(one, every=5))
    code, document, _ = run(file, output=tmp_path / "out", recordings=[table])
    assert code == 0
    assert document["each"][0]["requirements"][0]["value"] == pytest.approx(10.0, abs=0.1)


def test_degrees_and_microseconds_are_as_good_as_metres(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    file, one = recorded
    samples = rows(one, every=5)
    latitude, longitude, _ = ORIGIN.to_geodetic([(row["x_m"], row["y_m"], 0.0) for row in samples])
    for row, *place in zip(samples, latitude, longitude, strict=True):
        row.update(
            latitude_deg=f"{place[0]:.9f}", longitude_deg=f"{place[1]:.9f}", time_us=round(row.pop("time_s") * 1e6) + 10**15
        )
        del row["x_m"], row["y_m"], row["elevation_m"]
    table = written(tmp_path / "track.csv", samples)
    with pytest.raises(UnreadableRecordingError, match="--origin"):
        run(file, recordings=[table])
    _, document, _ = run(file, output=tmp_path / "out", recordings=[table], origin="29.53,106.57,240")
    assert document["each"][0]["requirements"][0]["value"] == pytest.approx(10.0, abs=0.1)


def test_what_the_registry_kept_around_an_event_is_a_recording(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    file, one = recorded
    samples = rows(one, every=5)
    count, names = len(samples), np.array([row["actor"] for row in samples])
    latitude, longitude, _ = ORIGIN.to_geodetic([(row["x_m"], row["y_m"], 0.0) for row in samples])
    time_us = np.array([round(row["time_s"] * 1e6) + 10**15 for row in samples])
    header = {name: np.zeros(count, np.int64) for name in ("batch_id", "flags")}
    batch = filled(
        BSM,
        count,
        time_us=time_us,
        vehicle_id=np.where(names == "ego", 0xE60, 0x07E4).astype(np.uint64),
        latitude_deg=latitude,
        longitude_deg=longitude,
        **{name: np.array([row[name] for row in samples]) for name in ("speed_mps", "heading_deg")},
    ).with_columns(**header, arrival_us=time_us, device_key=np.where(names == "ego", 1, 2), device_id=names)
    event = {"time_us": 10**15, "vehicle": "ego", "what": "mark"}
    (tmp_path / "capture.mcap").write_bytes(mcap_file.written(Capture({BSM.name: batch}, []), event, ORIGIN))
    who = ["ego=0000000000000e60", "other=00000000000007e4"]
    code, document, _ = run(file, output=tmp_path / "out", recordings=[tmp_path / "capture.mcap"], recorded_as=who)
    assert code == 0
    assert document["each"][0]["requirements"][0]["value"] == pytest.approx(10.0, abs=0.1)


def test_headings_and_accelerations_that_nobody_wrote_down_are_worked_out(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    file, one = recorded
    bare = [{name: row[name] for name in ("time_s", "actor", "x_m", "y_m", "speed_mps")} for row in rows(one, every=5)]
    _, document, _ = run(file, output=tmp_path / "out", recordings=[written(tmp_path / "t.csv", bare)])
    assert document["each"][0]["requirements"][0]["value"] == pytest.approx(10.0, abs=0.1)


def test_an_actor_of_another_name_is_found_by_it_and_a_missing_one_named(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    file, one = recorded
    samples = [{**row, "actor": {"ego": "obu-1"}.get(row["actor"], row["actor"])} for row in rows(one, every=5)]
    table = written(tmp_path / "track.csv", samples)
    with pytest.raises(ConfigurationError, match="obu-1, other"):
        run(file, recordings=[table])
    assert run(file, recordings=[table], recorded_as=["ego=obu-1"])[0] == 0
    with pytest.raises(ConfigurationError, match="actors: ego, other"):
        run(file, recordings=[table], recorded_as=["nobody=obu-1"])


def test_a_gap_is_an_error_and_no_verdict(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    file, one = recorded
    holes = [row for row in rows(one, every=5) if not (row["actor"] == "other" and 1.05 < row["time_s"] < 1.85)]
    code, document, _ = run(file, output=tmp_path / "out", recordings=[written(tmp_path / "t.csv", holes)])
    assert code == 3
    assert "out of the recording's sight" in document["each"][0]["requirements"][0]["reason"]
    assert document["each"][0]["validity"][0]["value"] == pytest.approx(0.9)


def test_a_clock_that_goes_back_is_an_error(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    file, one = recorded
    samples = rows(one, every=5)
    samples[20], samples[40] = samples[40], samples[20]
    code, document, _ = run(file, output=tmp_path / "out", recordings=[written(tmp_path / "t.csv", samples)])
    assert code == 3
    assert "clock does not go back" in document["each"][0]["requirements"][0]["reason"]


def test_what_a_scenario_asks_of_a_recording_comes_before_the_verdict(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    file, one = recorded
    asks = "validity: [{metric: sample_rate_hz, at_least: 20}, {metric: message_loss, at_most: 0.01}]"
    file.write_text(STANDS + asks)
    code, document, _ = run(file, output=tmp_path / "slow", recordings=[written(tmp_path / "t.csv", rows(one, every=5))])
    assert code == 3
    assert document["each"][0]["validity"][2]["value"] == pytest.approx(10.0)
    lossy = [row for index, row in enumerate(rows(one)) if index % 20]  # of 50 Hz one in ten of ego's is missing
    code, document, _ = run(file, output=tmp_path / "lossy", recordings=[written(tmp_path / "l.csv", lossy)])
    assert code == 3
    assert document["each"][0]["validity"][3]["value"] == pytest.approx(0.05, abs=0.005)


def test_lights_and_warnings_that_a_recording_has_not_are_not_judged(tmp_path: Path) -> None:
    _, _, _ = run("red-light", output=tmp_path / "run")
    _, document, _ = run("red-light", output=tmp_path / "again", recordings=[tmp_path / "run" / "motion.parquet"])
    judged_red = [
        one["verdict"]
        for one, about in zip(document["each"][0]["requirements"], document["requirements"], strict=True)
        if about["metric"] == "red_light_passage"
    ]
    assert judged_red
    assert set(judged_red) <= {"skipped", "error"}


def test_the_truth_of_a_run_on_the_track_is_judged_if_it_was_done_and_logged_often_enough(
    recorded: tuple[Path, Trace], tmp_path: Path
) -> None:
    file, one = recorded
    fast, slow = written(tmp_path / "fast.csv", rows(one)), written(tmp_path / "slow.csv", rows(one, every=2))
    track = tmp_path / "track.json"
    track.write_text(json.dumps({"format": "chelu.scenario.track/1", "state": "done"}))
    assert run(file, recordings=[fast], track=track)[0] == 0
    code, document, _ = run(file, output=tmp_path / "slow", recordings=[slow], track=track)
    assert code == 3
    assert "logged often enough" in document["each"][0]["requirements"][0]["reason"]
    track.write_text(json.dumps({"format": "chelu.scenario.track/1", "state": "aborted"}))
    code, document, _ = run(file, output=tmp_path / "aborted", recordings=[fast], track=track)
    assert code == 3
    assert "the run on the track was done" in document["each"][0]["requirements"][0]["reason"]
    track.write_text("{}")
    with pytest.raises(ConfigurationError, match="--track"):
        run(file, recordings=[fast], track=track)


@pytest.mark.parametrize(
    ("content", "name", "complaint"),
    [
        (b"", "a.csv", "it has no time_s"),
        (b"time_s,actor,x_m,y_m\n1,ego,0,0\n", "a.csv", "it has no speed_mps"),
        (b"time_s,actor,x_m,y_m,speed_mps\n1,ego,zero,0,0\n", "a.csv", "zero"),
        (b"time_s,actor,x_m,y_m,speed_mps\n1,ego,,0,0\n", "a.csv", "a x_m that is no number, in row 0"),
        (b"time_s,actor,x_m,y_m,speed_mps\n1,ego,0,0,0\n1,other,0,0,0\n", "a.csv", "no two instants"),
        (b"\xff\xfe\x00", "a.csv", "no CSV"),
        (b"\x89MCAP0\r\nrubbish", "a.mcap", "no whole MCAP file"),
        (b"PAR1rubbish", "a.parquet", "no Parquet table"),
        (b"rubbish", "a.bin", "it is not an MCAP file"),
    ],
)
def test_what_is_no_recording_is_refused_with_a_sentence(
    recorded: tuple[Path, Trace], tmp_path: Path, content: bytes, name: str, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableRecordingError, match=complaint):
        run(recorded[0], recordings=[tmp_path / name])


def test_one_way_of_running_at_a_time(recorded: tuple[Path, Trace], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--replay, --in-the-loop"):
        run(recorded[0], recordings=[tmp_path], is_in_the_loop=True)


def test_places_are_found_on_ways_that_bend() -> None:
    pieces = (Piece(100.0), Piece(80.0, curvature_1pm=1 / 60), Piece(50.0), Piece(60.0, curvature_1pm=-1 / 40))
    ways = Ways.of((Way(name="main", x_m=3, y_m=-7, heading_deg=30, pieces=pieces, lanes=2),))
    random = np.random.default_rng(1)
    along, aside = random.uniform(0, 290, 500), random.uniform(0, 7, 500)
    way = np.zeros(500, np.int64)
    found = project(ways, way, ways.at(way, along, aside).xy)
    np.testing.assert_allclose(found[0], along, atol=1e-6)
    np.testing.assert_allclose(found[1], aside, atol=1e-6)


def test_only_one_case_can_have_been_driven(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="one case"):
        run("cut-in", recordings=[tmp_path], given=["gap_m=10,20"], design="grid")


def test_a_run_on_the_track_is_judged_from_when_it_was_started(tmp_path: Path) -> None:
    """Logging began 1 s before: by the wall's clock nobody has to say so."""
    text = scenario(more="validity: [{metric: speed_kmh, of: ego, equals: 72, within: 1, until: 0}]", after_s=5)
    file = tmp_path / "tried.yaml"
    file.write_text(text)
    samples, wall_us = rows(ran(scenario(after_s=8))), 1_795_000_000_000_000
    for one in samples:
        one["time_us"] = wall_us + round(one.pop("time_s") * 1e6)
        one["speed_mps"] *= one["time_us"] >= wall_us + 1_000_000 or one["actor"] == "other"  # the ego's sensor wakes up late
    table, track = written(tmp_path / "truth.csv", samples), tmp_path / "track.json"
    about = {"format": "chelu.scenario.track/1", "state": "done", "started_us": wall_us + 1_000_000}
    track.write_text(json.dumps(about))
    code, document, _ = run(file, output=tmp_path / "out", recordings=[table], track=track)
    assert code != 3, document["each"][0]
    assert run(file, recordings=[table])[0] == 3  # from its own first instant on the ego stands
    track.write_text(json.dumps({**about, "started_us": wall_us - 1000}))
    with pytest.raises(UnreadableRecordingError, match="the run started at 1794999999"):
        run(file, recordings=[table], track=track)


def test_a_recording_may_not_take_all_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tried.yaml"
    file.write_text(scenario())
    table = written(tmp_path / "truth.csv", rows(ran(scenario())))
    monkeypatch.setattr(aligning, "MOST_SAMPLES", 100)
    with pytest.raises(UnreadableRecordingError, match=r"samples every 0.02 s are more than 100: an earlier end"):
        run(file, recordings=[table])
    monkeypatch.setattr(forms, "LARGEST_BYTES", 1000)
    with pytest.raises(UnreadableRecordingError, match="larger than"):
        run(file, recordings=[table])


def test_two_long_names_do_not_become_one(tmp_path: Path) -> None:
    samples = rows(ran(scenario()))
    for one in samples:
        one["actor"] = "a" * 64 + one["actor"]
    file = tmp_path / "tried.yaml"
    file.write_text(scenario())
    with pytest.raises(UnreadableRecordingError, match="name of more than 64 characters"):
        run(file, recordings=[written(tmp_path / "truth.csv", samples)])


def with_traffic(tmp_path: Path, aside_m: float) -> Path:
    """A vehicle that stands still, and one of the traffic that comes from behind, in the lane or beside it, and leaves."""
    file, samples = tmp_path / "crowded.csv", []
    for tick in range(101):
        at_s = tick * 0.1
        own = {"time_s": at_s, "actor": "ego", "x_m": -100.0, "y_m": -4.8, "heading_deg": 90.0, "speed_mps": 0.0}
        samples.append(own)
        if 2.0 <= at_s <= 9.0:
            samples.append({**own, "actor": "traffic_3", "x_m": -180.0 + 12.0 * at_s, "y_m": -4.8 + aside_m, "speed_mps": 12.0})
    return written(file, samples)


@pytest.mark.parametrize(("aside_m", "code"), [(0.0, 1), (3.2, 0)])
def test_a_contact_with_recorded_traffic_is_found_and_sumo_is_not_needed_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aside_m: float, code: int
) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("simulators.scenario.heading.version", version)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    file = with_traffic(tmp_path, aside_m)
    found, document, said = run("in-traffic", recordings=[file], output=tmp_path / "out")
    assert found == code, said
    touched = document["each"][0]["requirements"][0]
    assert touched["verdict"] == ("fail" if code else "pass")
    if code:
        assert 6.0 < touched["at_s"] < 6.5, "bumper to bumper, 4.8 m before the middles meet"
    assert "eclipse-sumo" not in document["header"]["versions"]
